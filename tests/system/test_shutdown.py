"""``jobd run`` in a shell: it ends with its jobs, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.accounts import agree, settled
from tests.system.conftest import MakeNode
from tests.system.node import Node
from tests.system.processes import WITHIN_S, all_gone, eventually, is_alive, processes_with

STUBBORN = """
[jobs.stubborn]
command = "trap 'echo asked' USR1 TERM; work forever & wait; wait; sleep 30"
shell = true
stop_signal = "USR1"
kill_after = "2s"
"""
HELD = '[jobs.held]\ncommand = "work held"\n'
LASTING = '[jobs.lasting]\ncommand = "work forever"\n'


def family_of(node: Node) -> list[int]:
    """Return daemon, supervisor, guard and every process of a job."""
    return [node.pid, node.supervisor_pid, *processes_with(f"{node.directory}/")]


def started(node: Node, job: str) -> str:
    """Start a node and trigger a job on it; return the run's id once it has noted its start."""
    run_id = node.start().trigger(job)
    eventually(lambda: node.journal.starts(job), f"{job} runs")
    return run_id


def last_run(node: Node, job: str) -> dict[str, object]:
    """Return the job's last run, as the next daemon tells."""
    return node.start().runs(job)[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_waits_for_what_runs(make_node: MakeNode, number: signal.Signals) -> None:
    node = make_node(HELD, grace="60s")
    run_id = started(node, "held")
    family = family_of(node)
    node.send(number)
    eventually(lambda: node.log("waiting for runs to end"), "it waits")
    node.journal.release("held")
    assert node.wait() == 0
    (told,) = node.log("waiting for runs to end")
    assert (told["runs"], told["at_most_s"]) == ([f"held {run_id}"], 60)
    assert len(node.journal.ends("held")) == 1
    eventually(lambda: all_gone(family), "nothing is left")
    assert last_run(node, "held")["outcome"] == "success"


def test_after_the_grace_runs_get_their_signal_and_then_sigkill(make_node: MakeNode) -> None:
    node = make_node(STUBBORN, grace="1s")
    started(node, "stubborn")
    family = family_of(node)
    began_s = time.monotonic()
    assert node.stop_daemon() == 0
    assert time.monotonic() - began_s > 2.9  # the grace, and kill_after
    eventually(lambda: all_gone(family), "nothing is left")
    run = last_run(node, "stubborn")
    assert (run["outcome"], run["signal"]) == ("canceled", signal.SIGKILL)
    assert "asked" in node.output(run)


def test_a_second_ctrl_c_cuts_the_grace_short(make_node: MakeNode) -> None:
    node = make_node(LASTING, grace="1h")
    started(node, "lasting")
    family = family_of(node)
    node.send(signal.SIGINT)
    eventually(lambda: node.log("starting nothing more"), "the first was heard")
    assert is_alive(node.journal.starts()[0].pid)
    assert node.stop_daemon(signal.SIGINT) == 0
    eventually(lambda: all_gone(family), "nothing is left")
    assert last_run(node, "lasting")["outcome"] == "canceled"


def test_no_tick_starts_once_a_stop_is_asked_for(make_node: MakeNode) -> None:
    """It is not lost: the next daemon accounts for it."""
    jobs = HELD + 'schedule = "* * * * * *"\noverlap = "queue"\n'
    node = make_node(jobs, grace="60s").start()
    eventually(lambda: node.journal.starts(), "it runs")
    eventually(lambda: node.job("held")["waiting"], "the next tick waits")
    node.send(signal.SIGTERM)
    eventually(lambda: node.log("starting nothing more"), "it was heard")
    node.journal.release("held")
    assert node.wait() == 0
    assert len(node.journal.starts()) == 1
    node.start()
    agree(node, "held", settled(node, "held"))


def test_a_stop_leaves_no_group_behind(make_node: MakeNode) -> None:
    node = make_node(LASTING)
    started(node, "lasting")
    groups = node.groups()
    assert node.stop_daemon() == 0
    eventually(lambda: not any(map(os.path.exists, groups)), "the cgroups are removed")


def test_without_its_daemon_a_supervisor_keeps_deadlines_and_then_leaves(
    make_node: MakeNode, lingering: subprocess.Popen[bytes], short_directory: Path
) -> None:
    """The daemon never comes back: runs end at their timeouts, and then the supervisor goes."""
    jobs = LASTING + 'timeout = "3s"\nkill_after = "1s"\nschedule = "* * * * * *"\n'
    node = make_node(jobs, directory=short_directory).start()
    eventually(lambda: node.journal.starts(), "it runs")
    node.kill9()
    first = node.journal.starts()[0]
    assert is_alive(first.pid), "this test needs a run that the daemon leaves alone"
    assert node.supervisor_pid == lingering.pid, "the daemon uses the one that is there"
    eventually(lambda: not is_alive(first.pid), "the run's deadline was kept")
    assert lingering.wait(WITHIN_S) == 0
    node.start()
    kept = "its end was kept for the next daemon"
    eventually(lambda: node.run(first.run_id)["outcome"] == "timeout", kept)


@pytest.fixture
def short_directory() -> Path:
    """A directory that a node will use, and clean up."""
    return Path(tempfile.mkdtemp(prefix="jobd-test-"))


@pytest.fixture
def lingering(short_directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A supervisor as ``jobd run`` starts it, but one that lingers for seconds only."""
    state = short_directory / "state"
    state.mkdir(0o700)
    argv = [sys.executable, "-m", "jobd.supervisor", "--state-dir", str(state), "--owned"]
    with subprocess.Popen([*argv, "--linger", "10"], stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == b"ready\n"
        yield supervisor
        supervisor.kill()
