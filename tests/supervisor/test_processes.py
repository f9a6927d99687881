"""Whose a process is, and how often the supervisor looks."""

import os
import signal
import subprocess
import time

import pytest

from jobd.supervisor import processes
from jobd.supervisor.processes import Census


def test_every_child_is_seen_however_many_there_are() -> None:
    """One that is not seen lives on when its run is over."""
    sleeper = ["/bin/sh", "-c", "i=0; while [ $i -lt 800 ]; do sleep 60 & i=$((i+1)); done; wait"]
    shell = subprocess.Popen(sleeper, start_new_session=True)
    try:
        deadline = time.monotonic() + 30
        while len(found := processes.children(shell.pid)) < 800:
            assert time.monotonic() < deadline, f"{len(found)} were seen"
            time.sleep(0.05)
    finally:
        os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Every look takes 5 ms, as it does with hundreds of children; it is noted here."""
    noted: list[int] = []

    def children(pid: int) -> list[int]:
        noted.append(pid)
        time.sleep(0.005)
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
