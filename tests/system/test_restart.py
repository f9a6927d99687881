"""kill -9 of the daemon: runs go on, are taken back, and no tick is lost or started twice."""

import random
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from tests.system.accounts import SECOND, Accounts, agree, settled, written
from tests.system.conftest import MakeNode
from tests.system.node import Node
from tests.system.processes import eventually

SLOW = """
[jobs.slow]
command = "work 3 7"
schedule = "* * * * * *"
"""


def first_start(node: Node, job: str = "slow") -> str:
    """Wait for a job's first start; return its run's id."""
    eventually(lambda: node.journal.starts(job), f"{job} has started")
    return node.journal.starts(job)[0].run_id


# Its first attempt goes on until it is told to end, so that the delay begins before one's eyes.
FLAKY = """
[jobs.flaky]
command = "work held 1"
retries = {{ max = {max}, delay = "{delay}", factor = 1.0, jitter = 0.0 }}
"""


def wait_between_attempts(node: Node) -> str:
    """Trigger ``flaky`` and wait until its first attempt has failed; return the run's id."""
    run_id = node.trigger("flaky")
    node.journal.release("held")
    eventually(lambda: node.job("flaky")["state"] == "retrying", "it waits for the second")
    return run_id


def test_a_run_survives_the_daemon_and_ends_as_itself(make_node: MakeNode) -> None:
    """Same run id, its own exit status and whole output, and nothing ran beside it."""
    node = make_node(SLOW).start()
    run_id = first_start(node)
    node.restart()
    run = node.ended(run_id)
    assert (run["outcome"], run["exit_code"], run["attempt"]) == ("failure", 7, 1)
    assert run["duration_s"] > 1.5
    assert node.output(run) == "working for 3\n"
    assert node.journal.ends()[0].run_id == run_id
    assert node.journal.overlaps() == []


def test_a_run_that_ended_while_no_daemon_was_there_is_recorded(make_node: MakeNode) -> None:
    """With the instant of its end, not that of the restart."""
    node = make_node("[jobs.slow]\ncommand = 'work held 7'\n").start()
    run_id = node.trigger("slow")
    first_start(node)
    node.kill9()
    released = datetime.now(UTC)
    node.journal.release("held")
    process = Path(f"/proc/{node.journal.starts()[0].pid}")
    eventually(lambda: not process.exists(), "its supervisor has collected it")
    time.sleep(1)  # for the supervisor, which reads the clock right after that
    back = datetime.now(UTC)
    run = node.start().ended(run_id)
    assert (run["outcome"], run["exit_code"]) == ("failure", 7)
    assert released < datetime.fromisoformat(run["ended_at"]) < back
    assert node.output(run) == "working for held\n"


def test_every_tick_around_a_restart_is_accounted_for(make_node: MakeNode) -> None:
    """Due = started + skipped, across two seconds without any daemon."""
    node = make_node(SLOW).start()
    first_start(node)
    node.kill9()
    down = datetime.now(UTC)
    eventually(lambda: datetime.now(UTC) > down + 2 * SECOND, "two seconds have passed")
    node.start()
    accounts = settled(node, "slow", datetime.now(UTC) + 2 * SECOND)
    agree(node, "slow", accounts)
    assert written(down + SECOND) in accounts.ticks
    assert node.journal.overlaps() == []


def test_a_run_between_two_attempts_is_continued(make_node: MakeNode) -> None:
    """The attempt's number, the run's id and the delay that was begun are kept."""
    node = make_node(FLAKY.format(max=2, delay="3s")).start()
    run_id = wait_between_attempts(node)
    node.restart()
    run = node.ended(run_id)
    starts = node.journal.starts()
    assert [(n.run_id, n.attempt) for n in starts] == [(run_id, 1), (run_id, 2), (run_id, 3)]
    assert all(b.at_s - a.at_s >= 2.9 for a, b in pairwise(starts))
    assert (run["attempt"], run["outcome"], run["exit_code"]) == (3, "failure", 1)
    before = [(one["attempt"], one["outcome"], one["exit_code"]) for one in run["retried_attempts"]]
    assert before == [(1, "failure", 1), (2, "failure", 1)]


@pytest.mark.parametrize("is_canceled", [False, True])
def test_a_run_that_is_over_is_not_executed_again_after_a_crash(
    make_node: MakeNode, is_canceled: bool
) -> None:
    """The node stops between two attempts and leaves the first one's end behind; the run goes on
    and ends, or is canceled. Then all of it is killed, as by a power cut."""
    node = make_node(FLAKY.format(max=1, delay="1h" if is_canceled else "3s")).start()
    run_id = wait_between_attempts(node)
    assert node.stop_daemon() == 0
    node.start()
    if is_canceled:
        assert node.ctl("cancel", "flaky").returncode == 0
    outcome = node.ended(run_id)["outcome"]
    starts = len(node.journal.starts())
    node.kill_both()
    node.configure(FLAKY.format(max=1, delay="0s"))
    node.start()
    node.run_to_end("flaky")  # what was there before it has come by then
    assert [note.run_id for note in node.journal.starts()].count(run_id) == starts
    assert node.run(run_id)["outcome"] == outcome == ("canceled" if is_canceled else "failure")


WORKLOAD = """
[jobs.short]
command = "work 0.1"
schedule = "* * * * * *"
catchup = "all"
[jobs.long]
command = "work 2.5"
schedule = "* * * * * *"
[jobs.endless]
command = "work forever"
schedule = "* * * * * *"
[jobs.queued]
command = "work 1.3"
schedule = "* * * * * *"
overlap = "queue"
[jobs.flaky]
command = "work 0.2 1"
schedule = "* * * * * *"
retries = { max = 2, delay = "1s", factor = 1.0 }
"""


@pytest.mark.timeout(300)
def test_twenty_kills_at_random_instants_lose_and_double_nothing(make_node: MakeNode) -> None:
    """Some of them in the middle of a start."""
    node = make_node(WORKLOAD).start()
    chance = random.Random(20)
    for _ in range(20):
        time.sleep(chance.uniform(0.1, 1.4))  # the random instant of the next kill
        node.kill9()
        node.launch()
    node.kill9()
    node.start()
    jobs = ("short", "long", "endless", "queued", "flaky")
    until = datetime.now(UTC) + SECOND
    accounts = {job: settled(node, job, until) for job in jobs}
    for job in jobs:
        agree(node, job, accounts[job])
    assert node.journal.overlaps() == []
    assert len(node.journal.starts("endless")) == 1
    assert set(accounts["short"].skipped.values()) <= {"overlap"}
    assert contradictions(node, accounts) == []


def contradictions(node: Node, accounts: dict[str, Accounts]) -> list[object]:
    """Return where ``why`` says of one started tick more, or something else, than that."""
    verdicts = {
        tick: node.get(f"/api/v1/jobs/{job}/why?at={tick}")["verdicts"]
        for job, known in accounts.items()
        for tick in known.started
    }
    return [found for found in verdicts.values() if [v["verdict"] for v in found] != ["started"]]
