"""Whose a process is, and how often the supervisor looks."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jobd.supervisor import processes
from jobd.supervisor.attempt import Attempt
from jobd.supervisor.loop import Loop
from jobd.supervisor.processes import Census, ProcessTree
from jobd.supervisor.spec import Spec
from jobd.supervisor.tree import Tree


def test_every_child_is_seen_however_many_there_are() -> None:
    """One that is not seen lives on when its run is over."""
    sleeper = ["/bin/sh", "-c", "i=0; while [ $i -lt 800 ]; do sleep 60 & i=$((i+1)); done; wait"]
    shell = subprocess.Popen(sleeper, start_new_session=True)
    try:
        deadline = time.monotonic() + 30
        while len(found := processes.children(shell.pid)) < 800:
            assert time.monotonic() < deadline, f"{len(found)} were seen"
            time.sleep(0.05)  # the pause of the poll, which the deadline bounds
    finally:
        os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Every look takes 5 ms, as it does with hundreds of children; it is noted here."""
    noted: list[int] = []

    def children(pid: int) -> list[int]:
        noted.append(pid)
        time.sleep(0.005)  # what the look takes
        return []

    monkeypatch.setattr(processes, "children", children)
    return noted


def test_a_herd_is_not_looked_for_run_by_run(looks: list[int]) -> None:
    """A thousand kills with a look each would let the last run live for seconds."""
    census = Census(lambda pid: False)
    began = time.monotonic()
    for _ in range(1000):
        census.glance()
    took_s = time.monotonic() - began
    assert looks[0] == os.getpid()
    assert len(looks) * 0.005 <= took_s / 5 + 0.006, "looking is the smaller part of the work"


def test_an_end_is_never_concluded_from_a_look_before_it(looks: list[int]) -> None:
    """Whoever was born after that look would be overlooked, and outlive its run."""
    census = Census(lambda pid: False)
    census.glance()
    for _ in range(3):
        census.glance(processes.steady_s())
    assert len(looks) == 4


class NotedTree(Tree):
    """Notes how its members are reached; a search is needed for some."""

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes

    def strike(self) -> bool:
        self._notes.append("strike")
        return False

    def kill(self) -> None:
        self._notes.append("search")

    def pids(self) -> list[int]:
        return []

    def dissolve(self) -> bool:
        return True


def test_all_of_a_herd_are_struck_before_any_is_searched_for(tmp_path: Path) -> None:
    """A thousand may have to be dead at one instant, and a search takes its time."""
    loop, notes, (output, silent) = Loop(), list[str](), os.pipe()
    pipes = [os.dup(output) for _ in range(100)]
    for pipe in pipes:
        attempt = Attempt(_overdue(tmp_path / str(pipe)), NotedTree(notes), loop, False)
        attempt.begin(pipe, pipe)
    loop.fire_urgent()
    assert notes == ["strike"] * 100 + ["search"] * 100
    for pipe in (*pipes, output, silent):
        os.close(pipe)


def test_a_blow_kills_also_who_only_descent_can_tell_and_needs_no_search(
    monkeypatch: pytest.MonkeyPatch, alive: Callable[[int], bool]
) -> None:
    """As sudo does: a session of its own, another environment. With its parent goes all that
    told whose it is."""
    script = "sleep 601 & setsid env -i sleep 602 & wait"
    main = subprocess.Popen(["/bin/sh", "-c", script], start_new_session=True)
    census = Census(lambda pid: False)
    monkeypatch.setattr(census, "look", lambda: pytest.fail("it searched"))
    census.mains.add(main.pid)
    tree = ProcessTree(census, "mark")
    tree.root(main.pid)
    below = _eventually(lambda: _sleepers(main.pid) if len(_sleepers(main.pid)) == 2 else None)
    assert len({os.getsid(pid) for pid in below}) == 2
    assert not tree.strike()
    assert main.wait(10) == -signal.SIGKILL
    _eventually(lambda: not any(map(alive, below)))


def _overdue(output: Path) -> Spec:
    return Spec(
        {
            "run": {"run_id": output.name, "attempt": 1}, "argv": ["true"], "env": {}, "cwd": "/",
            "output": str(output), "output_max_bytes": 0, "stop_signal": 15, "kill_after_s": 0.0,
            "umask": 0, "until_steady_s": 0.0,
        }
    )  # fmt: skip


def _sleepers(pid: int) -> list[int]:
    below = processes.descendants(pid)
    return [pid for pid in below if Path(f"/proc/{pid}/comm").read_text() == "sleep\n"]


def _eventually(found: Callable[[], object]) -> object:
    deadline = time.monotonic() + 20
    while not (result := found()):
        assert time.monotonic() < deadline
        time.sleep(0.01)  # the pause of the poll, which the deadline bounds
    return result
