"""What becomes of a tick while the prior run is alive, or while there is no room."""

from collections import Counter
from datetime import datetime
from itertools import pairwise

import pytest

from tests.system.accounts import agree, read_accounts, settled
from tests.system.conftest import MakeNode
from tests.system.node import Node
from tests.system.processes import eventually

POLICIES = """
[jobs.skip]
command = "work 1.6"
schedule = "* * * * * *"

[jobs.queue]
command = "work 1.6"
schedule = "* * * * * *"
overlap = "queue"
start_deadline = "10s"

[jobs.replace]
command = "work forever"
schedule = "*/2 * * * * *"
overlap = "replace"

[jobs.allow]
command = "work forever"
schedule = "* * * * * *"
overlap = "allow"
max_instances = 3

[jobs.rests]
command = "work 1"
schedule = "* * * * * *"
max_duty = 0.3
"""
# A tick that came while the daemon had no processor for longer than its interval is a misfire.
SEEN_LATE = {"misfire"}


@pytest.fixture(scope="module")
def node(make_shared_node: MakeNode) -> Node:
    """A node whose jobs all take longer than their interval, after a few ticks of each."""
    node = make_shared_node(POLICIES).start()
    eventually(lambda: len(node.journal.starts("queue")) >= 4, "each had a few ticks")
    return node


def test_skip_never_runs_beside_itself(node: Node) -> None:
    accounts = settled(node, "skip")
    agree(node, "skip", accounts)
    assert set(accounts.skipped.values()) - SEEN_LATE == {"overlap"}
    assert node.journal.overlaps("skip") == []


def test_queue_starts_one_tick_that_came_due_during_the_prior_run(node: Node) -> None:
    """With skip each run belongs to a tick that came after the end of the one before."""
    runs = [run for run in node.runs("queue") if run["started_at"]]
    waited = [
        datetime.fromisoformat(late["fire_time"]) < datetime.fromisoformat(prior["ended_at"])
        for prior, late in pairwise(runs)
    ]
    assert any(waited), runs
    assert set(settled(node, "queue").skipped.values()) - SEEN_LATE <= {"overlap"}
    assert node.journal.overlaps("queue") == []


def test_replace_stops_the_prior_run_and_starts_when_it_is_gone(node: Node) -> None:
    eventually(lambda: len(node.journal.starts("replace")) >= 3, "it was replaced twice")
    assert node.journal.ends("replace") == []
    assert node.journal.overlaps("replace") == []
    ended = [run for run in node.runs("replace") if run["ended_at"]]
    assert {run["outcome"] for run in ended} == {"canceled"}


def test_allow_runs_beside_itself_up_to_max_instances(node: Node) -> None:
    eventually(lambda: len(node.journal.starts("allow")) >= 3, "all that may run do")
    assert set(settled(node, "allow").skipped.values()) - SEEN_LATE == {"overlap"}
    assert len(node.journal.starts("allow")) == 3
    assert len(node.journal.overlaps("allow")) == 2


def test_a_job_rests_as_long_as_its_duty_demands(node: Node) -> None:
    """After one second at 0.3 it rests for two and a third."""
    eventually(lambda: len(node.journal.starts("rests")) >= 2, "it has run twice")
    first, second = node.journal.starts("rests")[:2]
    assert second.at_s - first.at_s > 2.2
    assert "duty" in read_accounts(node, "rests").skipped.values()


CROWD = """
[limits]
max_running = 2
[jobs.first]
command = "work 1.2"
schedule = "* * * * * *"
priority = 2
[jobs.second]
command = "work 1.2"
schedule = "* * * * * *"
priority = 1
[jobs.last]
command = "work 1.2"
schedule = "* * * * * *"
start_deadline = "1s"
"""


def test_no_more_runs_at_once_than_the_node_allows(make_node: MakeNode) -> None:
    """Those with the higher priority come first, and who waited too long is skipped."""
    node = make_node(CROWD).start()
    eventually(lambda: len(node.journal.ends()) >= 6, "six runs have ended")
    assert most_at_once(node) == 2
    counts = Counter(note.job for note in node.journal.starts())
    assert min(counts["first"], counts["second"]) >= counts["last"]
    assert "max_running" in settled(node, "last").skipped.values()


def most_at_once(node: Node) -> int:
    """Return how many runs were under way together, by their own notes."""
    notes = [*node.journal.starts(), *node.journal.ends()]
    running = most = 0
    for note in sorted(notes, key=lambda note: (note.at_s, note.kind)):
        running += 1 if note.kind == "start" else -1
        most = max(most, running)
    return most
