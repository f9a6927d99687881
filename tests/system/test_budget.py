"""A small memory budget on a real node: what its jobs hold together, by their own notes."""

import itertools
import time
from statistics import median

import pytest

from tests.system.conftest import MakeNode
from tests.system.node import Node
from tests.system.processes import eventually

SIZES = {"small": 40, "medium": 90, "large": 130}  # MiB that each one's runs hold
HEADROOM = 60  # of the ceiling above that: the interpreter and the program that notes
BUDGET = 400
HOG = """
[jobs.{name}]
command = ["python3", "-c", "import subprocess; held = b'1' * ({size} << 20); subprocess.run(['work', '0.6'])"]
schedule = "* * * * * *"
memory_max = "{ceiling}M"
overlap = "allow"
max_instances = 4
start_deadline = "20s"
priority = {priority}
"""  # noqa: E501 - a program in one line of TOML
LATER = """
[jobs.unbounded]
command = ["python3", "-c", "import subprocess; held = b'1' * (100 << 20); subprocess.run(['work', '0.1'])"]
[jobs.never]
command = "work 0"
memory_max = "1G"
"""  # noqa: E501 - a program in one line of TOML
ENOUGH = 20  # starts in all


@pytest.fixture(scope="module")
def node(make_shared_node: MakeNode) -> Node:
    """A node after its jobs have wanted far more memory than it has for them, for a while."""
    jobs = "".join(
        HOG.format(name=name, size=size, ceiling=size + HEADROOM, priority=-size)
        for name, size in SIZES.items()
    )
    limits = f'[limits]\nmemory_budget = "{BUDGET}M"'
    node = make_shared_node(jobs + LATER, more=limits).start()
    eventually(lambda: len(node.journal.starts()) >= ENOUGH, "many runs have started", 60)
    return node


def held_at_once(node: Node) -> int:
    """Return the most that runs held together, in MiB, from one's start to its end."""
    ends = {note.run_id: note.at_s for note in node.journal.ends()}
    starts = [n for n in node.journal.starts() if n.job in SIZES and n.run_id in ends]
    steps = [(n.at_s, SIZES[n.job]) for n in starts]
    steps += [(ends[n.run_id], -SIZES[n.job]) for n in starts]
    return max(itertools.accumulate(size for _, size in sorted(steps)))


def test_together_they_never_hold_more_than_the_budget(node: Node) -> None:
    most = held_at_once(node)
    assert max(SIZES.values()) < most <= BUDGET


def test_what_is_reserved_is_shown_and_within_the_budget(node: Node) -> None:
    reserved = node.metric("jobd_memory_reserved_bytes")
    assert reserved is not None
    assert reserved <= BUDGET << 20
    assert node.metric("jobd_memory_budget_bytes") == BUDGET << 20


def test_the_largest_and_least_urgent_gets_its_turn(node: Node) -> None:
    assert eventually(lambda: node.journal.starts("large"), "the largest one runs", 30)


def test_what_waits_says_that_it_waits_for_memory(node: Node) -> None:
    def waiting() -> list[str]:
        return [tick["held_by"] for tick in node.status["waiting_ticks"]]

    eventually(lambda: "memory_budget" in waiting(), "something waits for memory", 20)


def test_the_daemon_answers_all_the_while(node: Node) -> None:
    """It never waits itself for memory. The worst of a minute may be the machine's own pause."""
    lag_s = node.metric("jobd_loop_lag_seconds")
    assert lag_s is not None
    assert lag_s < 5
    assert median(answered_in_s(node) for _ in range(20)) < 0.5


def answered_in_s(node: Node) -> float:
    """Return how long the daemon took for an answer."""
    asked_s = time.monotonic()
    assert node.status["pid"] == node.pid
    return time.monotonic() - asked_s


def test_a_run_without_a_ceiling_gets_its_turn_and_is_measured(node: Node) -> None:
    node.trigger("unbounded")
    peak = eventually(lambda: node.job("unbounded")["memory_peak_bytes"], "it has run", 40)
    assert peak > 100 << 20


def test_an_operator_is_told_what_can_never_start_here(node: Node) -> None:
    asked = node.ctl("trigger", "never")
    assert asked.returncode == 75
    assert "it needs 1G, and limits.memory_budget of this node is 400M" in asked.stderr
