"""SIGSTOP of the daemon: it hangs, and nothing that it promised hangs with it."""

import signal
from datetime import UTC, datetime

from tests.system.accounts import SECOND, agree, settled
from tests.system.conftest import MakeNode
from tests.system.processes import all_gone, eventually

JOBS = """
[jobs.hangs]
command = "sleep 3600"
timeout = "2s"
kill_after = "1s"
[jobs.every-second]
command = "work 0.1"
schedule = "* * * * * *"
"""


def test_a_timeout_is_kept_and_the_ticks_are_accounted_for_afterwards(make_node: MakeNode) -> None:
    node = make_node(JOBS).start()
    run_id = node.trigger("hangs")
    eventually(lambda: node.job("hangs")["active"][0]["started_at"], "it runs")
    node.send(signal.SIGSTOP)
    stopped = datetime.now(UTC)
    eventually(lambda: datetime.now(UTC) > stopped + 4 * SECOND, "four seconds have passed")
    node.send(signal.SIGCONT)
    run = node.ended(run_id)
    assert run["outcome"] == "timeout"
    assert 1.9 < run["duration_s"] < 2.9
    agree(node, "every-second", settled(node, "every-second", datetime.now(UTC) + SECOND))


def test_the_tree_is_dead_while_the_daemon_still_stands(make_node: MakeNode) -> None:
    jobs = JOBS + '[jobs.ignores]\ncommand = "trap : TERM; work 60"\nshell = true\ntimeout = "2s"\n'
    node = make_node(jobs + 'kill_after = "1s"\n').start()
    node.trigger("ignores")
    eventually(lambda: node.journal.starts("ignores"), "it runs")
    node.send(signal.SIGSTOP)
    pid = node.journal.starts("ignores")[0].pid
    eventually(lambda: all_gone([pid]), "the supervisor has killed it", within_s=6)
    node.send(signal.SIGCONT)
