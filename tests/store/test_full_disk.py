"""A full disk: jobs go on from memory, loudly, and nothing that matters is lost afterwards.

Filled twice over: a small file system that is really full (where the tests may mount one),
and a limit on the size of files, which SQLite sees as an input/output error.
"""

import re
import resource
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from jobd.core.claim import ClaimGranted, Pause
from jobd.core.job import Overlap
from jobd.core.ledger import SkipReason
from jobd.errors import StateError
from jobd.ports import AuditEntry, RunFilter
from jobd.store import migrate
from jobd.store.sqlite import SqliteStore

# Beyond PROBE_INTERVAL, in the minutes of the scene.
LATER = 100


@dataclass
class SmallDisk:
    """A file system of two megabytes."""

    path: Path
    words: str = "disk full"

    def fill(self) -> None:
        with (self.path / "filler").open("wb", buffering=0) as filler:
            try:
                while filler.write(b"x" * 4096):
                    pass
            except OSError:
                return

    def free(self) -> None:
        (self.path / "filler").unlink(missing_ok=True)


@dataclass
class SizeLimit:
    """No file of this process may grow; Python ignores the signal that would end it."""

    path: Path
    words: str = "disk error"
    _before: tuple[int, int] = field(
        default_factory=lambda: resource.getrlimit(resource.RLIMIT_FSIZE)
    )

    def fill(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, self._before[1]))

    def free(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._before)


def may_mount() -> bool:
    """Whether this process has CAP_SYS_ADMIN (capabilities(7): number 21)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return bool(int(re.findall(r"CapEff:\s+(\w+)", status)[0], 16) >> 21 & 1)


REAL_DISKS = ["small disk"] if may_mount() else []


@pytest.fixture(params=[*REAL_DISKS, "size limit"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """A disk that can be filled and freed."""
    path = tmp_path / "state"
    path.mkdir()
    if request.param == "size limit":
        limit = SizeLimit(path)
        yield limit
        limit.free()
        return
    options = "size=2m,mode=700"  # else everybody could write there
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "jobd-test", path], check=True)
    yield SmallDisk(path)
    subprocess.run(["umount", "--lazy", path], check=True)


@pytest.fixture
async def scene(disk: Any, make_scene: Any) -> AsyncIterator[Any]:
    """A scene with three jobs on a disk that is not full yet."""
    store = SqliteStore(disk.path / "jobd.db", node="app1")
    await store.open()
    scene = make_scene(store)
    await scene.enrol("backup", "poll", "sync")
    yield scene
    disk.free()
    await scene.store.close()


async def restart(scene: Any, disk: Any) -> None:
    """Close the store and open another one on the same file."""
    await scene.store.close()
    scene.store = SqliteStore(disk.path / "jobd.db", node="app1")
    await scene.store.open()


async def recover(scene: Any, disk: Any) -> None:
    """Free the disk, and look at everything through a new store."""
    disk.free()
    await scene.store.ping()
    assert scene.store.trouble == ""
    await restart(scene, disk)


async def test_jobs_go_on(scene: Any, disk: Any) -> None:
    disk.fill()
    for minute in (1, 2, 3):
        await scene.pass_through("backup", minute)
    assert (await scene.memory("backup")).token == 3


async def test_it_says_so_loudly(scene: Any, disk: Any) -> None:
    disk.fill()
    await scene.pass_through("backup", 1)
    expected = f"{disk.words} since 2026-03-01T12:01:00Z; 2 records not kept"
    assert scene.store.trouble == expected


async def test_nothing_is_said_while_nothing_is_amiss(scene: Any) -> None:
    await scene.pass_through("backup", 1)
    assert scene.store.trouble == ""


async def test_overlap_still_holds(scene: Any, disk: Any) -> None:
    disk.fill()
    first = await scene.claim("backup", 1)
    answer = await scene.claim("backup", 2)
    assert (answer.reason, answer.settled) == (SkipReason.OVERLAP, True)
    assert answer.blocker.run_id == first.request.run_id


async def test_a_tick_is_still_decided_once(scene: Any, disk: Any) -> None:
    disk.fill()
    await scene.pass_through("backup", 1)
    await scene.pass_through("backup", 5, settled=3)  # 4 still waits
    for minute in (1, 5):
        answer = await scene.claim("backup", minute, now=9)
        assert (answer.reason, answer.settled) == (None, True)
    assert await scene.skip(scene.skip_of("backup", 5)) == [0]
    assert isinstance(await scene.claim("backup", 4, now=9), ClaimGranted)


async def test_an_end_is_still_accepted_twice_and_a_stale_one_never(scene: Any, disk: Any) -> None:
    kept = await scene.claim("backup", 1)
    disk.fill()
    rowless = await scene.claim("poll", 1)
    for run in (kept, rowless):
        assert [await scene.finish(run, 2), await scene.finish(run, 2)] == [True, True]
        stale = type(run)(run.request, run.token + 1, run.claimed_at)
        assert not await scene.finish(stale, 2)


async def test_a_repeated_claim_is_still_found(scene: Any, disk: Any) -> None:
    disk.fill()
    first = await scene.claim("backup", 1, run_id="r1")
    again = await scene.claim("backup", 1, run_id="r1", now=2)
    assert (again.token, again.claimed_at) == (first.token, first.claimed_at)


async def test_questions_are_still_answered(scene: Any, disk: Any) -> None:
    await scene.pass_through("backup", 1, run_id="r1")
    disk.fill()
    await scene.pass_through("backup", 2)
    assert [run.run_id for run in await scene.store.runs(RunFilter())] == ["r1"]


async def test_a_ping_recovers(scene: Any, disk: Any) -> None:
    disk.fill()
    await scene.pass_through("backup", 1)
    disk.free()
    await scene.store.ping()
    assert scene.store.trouble == ""


async def test_a_ping_of_a_disk_that_is_still_full_is_answered(scene: Any, disk: Any) -> None:
    """The store is up, only its history is not: trouble says so."""
    disk.fill()
    await scene.pass_through("backup", 1)
    await scene.store.ping()
    assert scene.store.trouble.startswith(disk.words)


async def test_a_later_operation_recovers(scene: Any, disk: Any) -> None:
    disk.fill()
    await scene.pass_through("backup", 1)
    disk.free()
    await scene.pass_through("backup", LATER, run_id="later")
    assert scene.store.trouble == ""
    assert [run.run_id for run in await scene.store.runs(RunFilter())] == ["later"]


async def test_tokens_go_on_growing(scene: Any, disk: Any) -> None:
    await scene.pass_through("backup", 1)
    disk.fill()
    await scene.pass_through("backup", 2)
    await recover(scene, disk)
    assert (await scene.pass_through("backup", LATER)).token == 3


async def test_no_tick_is_decided_twice_after_recovery(scene: Any, disk: Any) -> None:
    disk.fill()
    await scene.pass_through("backup", 1)
    await scene.pass_through("backup", 5, settled=3)  # 4 still waits
    await scene.skip(scene.skip_of("backup", 6, 8, count=3))
    await recover(scene, disk)
    for minute in (1, 5, 7):
        answer = await scene.claim("backup", minute, now=LATER)
        assert (answer.reason, answer.settled) == (None, True)


async def test_a_tick_that_waits_is_not_lost(scene: Any, disk: Any) -> None:
    disk.fill()
    await scene.pass_through("backup", 5, settled=3)
    await recover(scene, disk)
    assert isinstance(await scene.claim("backup", 4, now=LATER), ClaimGranted)


async def test_ticks_decided_out_of_order_do_not_pile_up(scene: Any, disk: Any) -> None:
    """A tick that waits for an hour: the oldest rows after it only count as decided."""
    disk.fill()
    for minute in range(10, 60):
        await scene.pass_through("backup", minute, settled=3)
    await recover(scene, disk)
    assert len(await scene.store.ticks("backup", limit=1000)) == 16
    answers = [await scene.claim("backup", minute, now=LATER) for minute in range(10, 60)]
    assert {answer.reason for answer in answers} == {None}


async def test_a_run_that_is_active_comes_back_from_memory(scene: Any, disk: Any) -> None:
    disk.fill()
    run = await scene.claim("backup", 1)
    saved = scene.active_run(run, attempt=2, retry_at=scene.at(7))
    await scene.store.save_run(saved, scene.at(1.5))
    await recover(scene, disk)
    assert (await scene.memory("backup")).active == (saved,)
    assert (await scene.store.run(run.request.run_id)).started_at == scene.at(1.5)


async def test_a_run_that_ended_meanwhile_is_active_no_more(scene: Any, disk: Any) -> None:
    run = await scene.claim("backup", 1)
    disk.fill()
    end = scene.end(run, 2)
    await scene.store.finish([end])
    await recover(scene, disk)
    assert (await scene.memory("backup")).active == ()
    assert await scene.store.run(run.request.run_id) == end.record


async def test_a_run_that_goes_on_through_it_all_ends_well(scene: Any, disk: Any) -> None:
    run = await scene.claim("backup", 1)
    disk.fill()
    await scene.store.save_run(scene.active_run(run), scene.at(1.5))
    await recover(scene, disk)
    assert await scene.finish(run, LATER)
    assert (await scene.store.run(run.request.run_id)).outcome == "success"


async def test_pauses_and_the_roll_are_remembered(scene: Any, disk: Any) -> None:
    disk.fill()
    pause, wish = Pause("anna", scene.at(1), "moving"), Pause("ben", scene.at(2))
    await scene.store.save_pause(["backup"], pause)
    await scene.store.save_skip_next("poll", wish)
    await scene.enrol("backup", "poll", "brand-new", minute=3)
    await recover(scene, disk)
    memories = await scene.enrol("backup", "poll", "brand-new", "sync", minute=LATER)
    assert (memories["backup"].pause, memories["poll"].skip_next) == (pause, wish)
    assert memories["brand-new"].settled_until == scene.at(3)
    assert memories["sync"].settled_until == scene.at(LATER)


async def test_skips_are_void_while_the_disk_is_full(scene: Any, disk: Any) -> None:
    """Those in the file as well as those that are held in mind."""
    await scene.skip(scene.skip_of("backup", 1, 20, count=20, settled_until=scene.at(20)))
    disk.fill()
    await scene.skip(scene.skip_of("backup", 21, 30, count=10), scene.skip_of("poll", 25))
    assert await scene.void(10) == 21
    assert await scene.skip(scene.skip_of("backup", 11, 12, count=2)) == [2]
    assert isinstance(await scene.claim("poll", 25), ClaimGranted)
    await recover(scene, disk)
    assert isinstance(await scene.claim("backup", 13), ClaimGranted)
    assert not isinstance(await scene.claim("backup", 12), ClaimGranted)
    assert (25, 25, 1) in await scene.counts("poll")


async def test_the_last_success_is_remembered(scene: Any, disk: Any) -> None:
    disk.fill()
    await scene.pass_through("backup", 1)
    before = await scene.memory("backup")
    await recover(scene, disk)
    assert await scene.memory("backup") == before


async def test_what_was_lost_is_counted_and_noted(scene: Any, disk: Any) -> None:
    disk.fill()
    await scene.pass_through("backup", 1)
    await scene.skip(scene.skip_of("poll", 1, 90, count=90, settled_until=scene.at(90)))
    await scene.store.note(AuditEntry(scene.at(2), "uid 0", "pause", "sync"))
    assert scene.store.trouble.endswith("; 4 records not kept")
    await recover(scene, disk)
    (note,) = await scene.store.audit()
    assert (note.by, note.action) == ("jobd", "recover")
    assert note.detail.startswith(f"history resumed; before: {disk.words} since 2026-03-01T12:01")


async def test_a_disk_that_fills_again_is_survived_again(scene: Any, disk: Any) -> None:
    for minute in (1, LATER):
        disk.fill()
        await scene.pass_through("backup", minute)
        assert scene.store.trouble != ""
        await recover(scene, disk)
    assert (await scene.memory("backup")).token == 2


async def test_nothing_is_pruned_while_something_is_owed(scene: Any, disk: Any) -> None:
    await scene.pass_through("backup", 1, run_id="r1")
    disk.fill()
    await scene.pass_through("backup", 2)
    assert list(await scene.store.prune(scene.at(1000), 0)) == []
    await recover(scene, disk)
    assert list(await scene.store.prune(scene.at(1000), 0)) == ["r1"]


async def test_many_runs_beside_each_other_are_written_on_recovery(scene: Any, disk: Any) -> None:
    disk.fill()
    allow = {"overlap": Overlap.ALLOW, "max_instances": 9}
    runs = [await scene.claim("poll", minute, **allow) for minute in range(1, 6)]
    await scene.finish(runs[2], 7)
    await recover(scene, disk)
    active = (await scene.memory("poll")).active
    assert [run.token for run in active] == [1, 2, 4, 5]


@pytest.mark.parametrize("disk", REAL_DISKS, indirect=True)
async def test_a_daemon_starts_on_a_full_disk(scene: Any, disk: Any) -> None:
    """A machine that boots with a full disk must still run its jobs."""
    await scene.pass_through("backup", 1)
    disk.fill()
    await restart(scene, disk)
    disk.fill()  # the room that was kept for the start is not ours alone
    run = await scene.pass_through("backup", 2)
    assert run.token == 2
    assert scene.store.trouble == "disk full since 2026-03-01T12:02:00Z; 2 records not kept"


async def test_room_is_given_up_only_for_an_opening_that_needs_it(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve = database.with_name("jobd.db-reserve")
    prepare = migrate.prepare
    found: list[bool] = []

    def prepare_with_room(path: Path, **how: bool) -> None:
        found.append(reserve.exists())
        if reserve.exists():
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        prepare(path, **how)

    store = SqliteStore(database, node="app1")
    await store.open()
    await store.close()
    monkeypatch.setattr(migrate, "prepare", prepare_with_room)
    await store.open()
    await store.close()
    assert found == [True, False]
    assert reserve.exists()  # again, for the next time


async def test_a_first_start_on_a_full_disk_says_what_to_do(disk: Any) -> None:
    (disk.path / "lock").touch()
    disk.fill()
    store = SqliteStore(disk.path / "jobd.db", node="app1")
    with pytest.raises(StateError, match=rf"cannot be made ready: {disk.words} .+; free space on"):
        await store.open()
    disk.free()
    await store.open()
    await store.close()
