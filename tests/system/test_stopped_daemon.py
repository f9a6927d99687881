"""SIGSTOP of the daemon: it hangs, and nothing that it promised hangs with it."""

import signal
import time
from datetime import UTC, datetime

import pytest

from tests.system.accounts import SECOND, agree, settled
from tests.system.conftest import MakeNode
from tests.system.processes import all_gone, eventually, processes_with

# Due each second, so that nobody who asks for a run has to leave before the daemon is stopped.
JOBS = """
[jobs.hangs]
command = "{command}"
shell = true
schedule = "* * * * * *"
timeout = "3s"
kill_after = "1s"
[jobs.every-second]
command = "work 0.1"
schedule = "* * * * * *"
"""


@pytest.mark.parametrize("command", ["work forever", "trap '' TERM; work forever"])
def test_a_timeout_is_kept_and_the_ticks_are_accounted_for_afterwards(
    make_node: MakeNode, command: str
) -> None:
    """The tree is dead while the daemon still stands, also one that ignores its signal."""
    node = make_node(JOBS.format(command=command)).start()
    eventually(lambda: node.journal.starts("hangs"), "it runs")
    node.send(signal.SIGSTOP)
    run_id = node.journal.starts("hangs")[0].run_id
    tree = processes_with(f"JOBD_RUN_ID={run_id}")
    assert tree, "this test needs a run that the daemon leaves alone"
    eventually(lambda: all_gone(tree), "the supervisor has killed it")
    time.sleep(1)  # for the supervisor, which reads the clock right after that
    back = datetime.now(UTC)
    node.send(signal.SIGCONT)
    run = node.ended(run_id)
    assert run["outcome"] == "timeout"
    assert run["duration_s"] > 1.5
    assert datetime.fromisoformat(run["ended_at"]) < back
    agree(node, "every-second", settled(node, "every-second", datetime.now(UTC) + SECOND))
