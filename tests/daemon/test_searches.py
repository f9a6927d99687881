"""Searches: a pattern that would take for ever ends in bounded time and costs nobody else any."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from jobd.daemon import searches as module
from jobd.daemon.searches import Finding, Searches
from tests.daemon.fakes import keep_output, until
from tests.system.processes import eventually

ENDLESS = "^(a+)+$"


@pytest.fixture
def searches() -> Searches:
    return Searches()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Return the searchers that were started; not one may be left behind."""
    pids: list[int] = []
    start = module._start

    async def noting() -> object:
        process = await start()
        pids.append(process.pid)
        return process

    monkeypatch.setattr(module, "_start", noting)
    yield pids
    eventually(lambda: not [pid for pid in pids if os.path.exists(f"/proc/{pid}")], "none is left")


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Return an output that the endless pattern is endless on."""
    path = tmp_path / "aa11.1"
    keep_output(path, b"ERROR 7\n" + b"a" * 60 + b"!\n")
    return path


@pytest.mark.usefixtures("started")
async def test_a_pattern_is_looked_for(searches: Searches, kept: Path) -> None:
    assert await searches.find(kept, "ERROR [0-9]") == Finding(True)
    assert await searches.find(kept, "^[0-9]") == Finding(False)


@pytest.mark.usefixtures("started")
async def test_a_run_that_wrote_nothing_matches_nothing(searches: Searches, tmp_path: Path) -> None:
    """Its file is made at the first byte, so there is none."""
    assert await searches.find(tmp_path / "none", "") == Finding(False)


@pytest.mark.usefixtures("started")
async def test_an_endless_pattern_gives_up_while_the_loop_goes_on(
    searches: Searches, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the daemon's own process it would hold up every schedule, for ever."""
    monkeypatch.setattr(module, "PATIENCE_S", 1.0)
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            await anyio.sleep(0.01)  # the work of the loop that is to go on; cancelled below
            turns += 1

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(turn)
            assert await searches.find(kept, ENDLESS) == Finding(False, "it gave up after 1 s")
            tasks.cancel_scope.cancel()
    assert turns > 1


@pytest.mark.usefixtures("started")
async def test_a_long_output_is_given_more_time(
    searches: Searches, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.0)
    monkeypatch.setattr(module, "BYTES_PER_S", 1)
    assert await searches.find(kept, "ERROR") == Finding(True)


async def test_searches_at_one_time_share_a_few_processes(
    searches: Searches, kept: Path, started: list[int]
) -> None:
    """A herd's ends must not start a process each."""
    found = []

    async def find() -> None:
        found.append(await searches.find(kept, "ERROR"))

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(find)
    assert (found, len(started)) == ([Finding(True)] * 20, module.AT_ONCE)


async def test_one_that_gives_up_spoils_no_other(
    kept: Path, monkeypatch: pytest.MonkeyPatch, started: list[int]
) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 1)
    monkeypatch.setattr(module, "PATIENCE_S", 1.0)
    monkeypatch.setattr(module, "_size_bytes", lambda path: 0 if path == kept else 1 << 30)
    other = kept.with_name("bb22.1")  # has minutes, however busy the machine is
    keep_output(other, b"ERROR 7\n")
    searches = Searches()
    found = {}

    async def find(path: Path, pattern: str) -> None:
        found[pattern] = await searches.find(path, pattern)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(find, kept, ENDLESS)
        tasks.start_soon(find, other, "ERROR")
    assert (found["ERROR"], found[ENDLESS].matched) == (Finding(True), False)
    assert len(started) == 2


@pytest.mark.usefixtures("started")
async def test_the_time_that_a_process_takes_to_be_there_is_not_the_pattern_s(
    searches: Searches, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full machine starts it late: a run that said ERROR would pass for that."""
    monkeypatch.setattr(module, "PATIENCE_S", 2.0)
    start_by(monkeypatch, tmp_path, f'sleep 2.5; exec {sys.executable} "$@"')
    assert await searches.find(kept, "ERROR") == Finding(True)


@pytest.mark.usefixtures("started")
async def test_a_process_that_is_never_there_is_given_up(
    searches: Searches, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "START_PATIENCE_S", 1.0)
    start_by(monkeypatch, tmp_path, "exec sleep 600")
    words = "its process was not there within 1 s"
    assert await searches.find(kept, "ERROR") == Finding(False, words)


def start_by(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    """Let a script take the place of Python."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(path))


async def test_a_stop_leaves_no_search_behind(
    searches: Searches, kept: Path, started: list[int]
) -> None:
    """The assertion is that of the fixture."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(searches.find, kept, ENDLESS)
        await until(lambda: started)
        tasks.cancel_scope.cancel()


async def test_a_searcher_that_is_killed_matches_nothing_and_says_so(
    searches: Searches, kept: Path, started: list[int]
) -> None:
    """By the kernel, for memory."""
    found = []

    async def find() -> None:
        found.append(await searches.find(kept, ENDLESS))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(find)
        await until(lambda: started)
        os.kill(started[0], 9)
    assert found == [Finding(False, "the process of the search died")]


async def test_a_stop_of_all_the_unit_s_processes_ends_no_search(
    searches: Searches, kept: Path, started: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """systemd sends its SIGTERM to each of them; a run that is being judged would pass."""
    monkeypatch.setattr(module, "PATIENCE_S", 1.0)
    found = []

    async def find() -> None:
        found.append(await searches.find(kept, ENDLESS))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(find)
        await until(lambda: started)
        os.kill(started[0], 15)
    assert found == [Finding(False, "it gave up after 1 s")]


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize("broken", ["garbage", "folder"])
async def test_output_that_cannot_be_searched_is_told(
    searches: Searches, tmp_path: Path, broken: str
) -> None:
    path = tmp_path / "aa11.1"
    path.write_bytes(b"x" * 100) if broken == "garbage" else path.mkdir()
    words = {"garbage": "is not an output file of jobd's", "folder": "Is a directory"}
    matched, trouble = await searches.find(path, "x")
    assert (matched, words[broken] in trouble) == (False, True)


async def test_a_machine_without_room_for_a_process_says_so(
    searches: Searches, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(module, "_start", fail)
    words = "no process for the search: Resource temporarily unavailable"
    assert await searches.find(kept, "ERROR") == Finding(False, words)
