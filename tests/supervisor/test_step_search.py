"""Steps in the output of real runs; whatever a pattern does, only its own run is the worse."""

import fcntl
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from jobd.core.events import RunSaid
from jobd.supervisor import step_search as module
from jobd.supervisor.instants import steady_s
from jobd.supervisor.loop import Loop
from jobd.supervisor.step_search import PATIENCE_S, StepSearch
from tests.supervisor.senders import cpu_s, state_of
from tests.supervisor.test_stepper import ORDERS, PRETIX, TICKETS

RUNPERIODIC = f"""
echo 'INFO Running {ORDERS}…'; sleep 0.4; echo 'INFO Completed {ORDERS} in 0.2s'
echo 'INFO Running {TICKETS}…'; sleep 0.8; echo 'INFO Skipped {TICKETS}'
"""
ENDLESS = (r"(?P<step>^(?:a+)+$)", None)


def seconds_of(end: Any) -> dict[str, float]:
    return {time.step: time.duration_s for time in end.exit.steps}


async def test_steps_are_measured_while_the_output_comes(any_ward: Any) -> None:
    end = await any_ward.run(any_ward.shell("run", RUNPERIODIC, steps=PRETIX))
    steps = seconds_of(end)
    assert list(steps) == [ORDERS, TICKETS]
    assert steps[ORDERS] == 0.2, "what it tells counts, not what was measured"
    assert steps[TICKETS] > 0.4  # of 0.8, from when it was read to when it was read
    assert end.exit.steps_trouble == ""
    assert "Skipped" in any_ward.output("run").decode()


async def test_the_present_step_is_told_while_it_lasts(open_ward: Any) -> None:
    script = f"echo 'INFO Running {ORDERS}…'; exec sleep 600"
    await open_ward.start(open_ward.shell("run", script, steps=PRETIX))
    said = (await open_ward.report(RunSaid, "run")).said
    assert said.step == ORDERS
    assert abs(said.step_since.timestamp() - time.time()) < 10
    await open_ward.client.stop("run", "cancel")
    assert list(seconds_of(await open_ward.end("run"))) == [ORDERS], "its end is that of the run"


async def test_both_ways_of_telling_are_counted_together(open_ward: Any) -> None:
    program = """
import os, socket
box = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
box.connect(os.environ["NOTIFY_SOCKET"])
box.send(b"X_JOBD_STEP=load")
print("INFO Running send…", flush=True)
"""
    end = await open_ward.run(open_ward.python("run", program, steps=PRETIX))
    assert sorted(seconds_of(end)) == ["load", "send"]


async def test_a_pattern_that_takes_for_ever_is_given_up(open_ward: Any) -> None:
    """`re` cannot be broken off: it is the process that ends."""
    script = "echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab; sleep 0.2"
    await open_ward.start(open_ward.shell("run", script, steps=ENDLESS))
    for number in range(10):
        await open_ward.run(open_ward.shell(f"other-{number}", "exit 0"))
    end = await open_ward.end("run")
    assert (end.exit.exit_code, end.exit.steps) == (0, ())
    assert "too long" in end.exit.steps_trouble


async def test_no_process_of_a_search_outlives_its_pattern(open_ward: Any) -> None:
    script = "echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab; exec sleep 600"
    await open_ward.start(open_ward.shell("run", script, steps=ENDLESS))
    (pid,) = await open_ward.until(lambda: _searches(open_ward.supervisor_pid), "the search")
    await open_ward.until(lambda: cpu_s(pid) > 0.1, "the search is at it")
    os.kill(open_ward.supervisor_pid, signal.SIGSTOP)  # nobody is there to see to it
    await open_ward.until(lambda: state_of(pid) == "Z", "its end by its own clock")
    os.kill(open_ward.supervisor_pid, signal.SIGCONT)
    await open_ward.client.stop("run", "cancel")
    await open_ward.end("run")


async def test_who_writes_faster_than_can_be_searched_is_not_held_up(open_ward: Any) -> None:
    slow = (r"(?P<step>(?:x?){12}x{12}y)", None)
    script = "yes xxxxxxxxxxxxxxxxxxxxxxxxxxx | head -c 60000000"
    end = await open_ward.run(open_ward.shell("run", script, steps=slow))
    assert (end.exit.exit_code, end.exit.output_bytes) == (0, 60_000_000)
    assert end.exit.steps == ()
    assert "faster than its output could be searched" in end.exit.steps_trouble or (
        "too long" in end.exit.steps_trouble
    )


async def test_much_output_is_searched_to_its_end(open_ward: Any) -> None:
    script = "echo 'INFO Running a…'; yes some other line | head -c 1000000; echo 'INFO Running b…'"
    end = await open_ward.run(open_ward.shell("run", script, steps=PRETIX))
    assert list(seconds_of(end)) == ["a", "b"]


def test_a_search_without_descriptors_for_it_leaves_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tried anew by each run while they are scarce, it would see to it that they stay so."""
    pipe2, made = os.pipe2, list[int]()

    def second_fails(flags: int) -> tuple[int, int]:
        if made:
            raise OSError(24, "Too many open files")
        made.extend(pair := pipe2(flags))
        return pair

    monkeypatch.setattr(os, "pipe2", second_fails)
    with pytest.raises(OSError, match="Too many"):
        StepSearch(PRETIX, 0.0, Loop(), lambda _: None)
    monkeypatch.undo()
    assert made
    for fd in made:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)


def test_only_a_run_that_writes_much_gets_a_large_pipe() -> None:
    """An unprivileged user may have 64 of them; with more all of the user's pipes are tiny."""
    search = StepSearch(PRETIX, 0.0, Loop(), lambda _: None)
    pipe = search._input
    sizes = [fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)]
    os.kill(search.pid, signal.SIGSTOP)  # it cannot keep up
    search.feed(b"x" * (3 << 20), 1.0)
    sizes.append(fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ))
    search._give_up("")
    os.kill(search.pid, signal.SIGKILL)
    os.waitpid(search.pid, 0)
    assert sizes[0] < sizes[1] == 1 << 20


def test_an_answer_that_came_in_time_counts_however_late_it_is_read() -> None:
    """A thousand runs may end at one time, and the supervisor has them all to see to."""
    over: list[bool] = []
    search = StepSearch(PRETIX, 0.0, Loop(), lambda _: None)
    search.feed("INFO Running a…\n".encode(), 1.0)
    search.finish(3.5, lambda: over.append(True))
    os.waitpid(search.pid, 0)
    timer = search._timer
    assert timer is not None
    timer.fire()
    assert (search.steps, search.trouble, over) == ([("a", 2.5)], "", [True])


def test_a_process_that_is_late_to_be_there_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A full machine starts it when a short run has ended long ago; the steps are there still."""
    os.mkfifo(tmp_path / "go")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nread _ < {tmp_path}/go\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    loop, ended_s = Loop(), steady_s()
    search = StepSearch(PRETIX, ended_s - 3, loop, lambda _: None)
    search.feed("INFO Running a…\n".encode(), ended_s - 3)
    search.finish(ended_s, loop.stop)
    loop.call_at(ended_s + PATIENCE_S + 0.5, lambda: _go_on(tmp_path))
    loop.run(lambda: False, lambda: None)
    os.waitpid(search.pid, 0)
    assert (search.steps, search.trouble) == ([("a", 3.0)], "")


def _go_on(folder: Path) -> None:
    (folder / "go").write_text("\n")


def test_a_process_that_is_never_there_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "START_PATIENCE_S", 0.1)
    loop = Loop()
    search = StepSearch(PRETIX, 0.0, loop, lambda _: None)
    os.kill(search.pid, signal.SIGSTOP)
    search.finish(steady_s(), loop.stop)
    loop.run(lambda: False, lambda: None)
    os.kill(search.pid, signal.SIGKILL)
    os.waitpid(search.pid, 0)
    assert search.trouble == "the search took too long after the run's end"


async def test_the_wait_for_the_search_is_not_the_run_s(open_ward: Any) -> None:
    script = f"echo 'INFO Running a…'; read _ < {open_ward.directory}/go"
    os.mkfifo(open_ward.directory / "go")
    began_s = steady_s()
    await open_ward.start(open_ward.shell("run", script, steps=PRETIX))
    await open_ward.report(RunSaid, "run")
    (pid,) = _searches(open_ward.supervisor_pid)
    os.kill(pid, signal.SIGSTOP)
    _go_on(open_ward.directory)
    end = await open_ward.end("run")
    os.kill(pid, signal.SIGKILL)
    assert steady_s() - began_s > end.exit.duration_s + PATIENCE_S
    assert end.exit.steps_trouble == "the search took too long after the run's end"


async def test_a_search_that_somebody_killed_is_told_as_trouble(open_ward: Any) -> None:
    script = f"echo 'INFO Running a…'; read _ < {open_ward.directory}/go; echo 'INFO Running b…'"
    os.mkfifo(open_ward.directory / "go")
    await open_ward.start(open_ward.shell("run", script, steps=PRETIX))
    (pid,) = await open_ward.until(lambda: _searches(open_ward.supervisor_pid), "the search")
    os.kill(pid, signal.SIGKILL)
    (open_ward.directory / "go").write_text("\n")
    end = await open_ward.end("run")
    assert (end.exit.exit_code, end.exit.steps) == (0, ())
    assert end.exit.steps_trouble


def _searches(supervisor: int) -> list[int]:
    """Return the processes that search for a supervisor."""
    with open(f"/proc/{supervisor}/task/{supervisor}/children") as file:
        pids = [int(pid) for pid in file.read().split()]
    return [pid for pid in pids if b"jobd.supervisor.stepper" in _command(pid)]


def _command(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""
