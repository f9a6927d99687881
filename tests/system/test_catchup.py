"""Ticks that passed while no daemon was there: what runs after all, and what is skipped."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from tests.system.accounts import agree, read_accounts, settled, written
from tests.system.conftest import MakeNode
from tests.system.node import Node
from tests.system.processes import eventually

JOBS = """
[jobs.none]
command = "work 0"
schedule = "* * * * * *"
catchup = "none"

[jobs.latest]
command = "work 0"
schedule = "* * * * * *"

[jobs.all]
command = "work 0"
schedule = "* * * * * *"
catchup = "all"

[jobs.windowed]
command = "work 0"
schedule = "* * * * * *"
catchup = "all"
catchup_window = "2s"
"""
GAP = timedelta(seconds=4)


@pytest.fixture(scope="module")
def node(make_shared_node: MakeNode) -> Node:
    """A node that was down for four seconds."""
    node = make_shared_node(JOBS, grace="20s").start()
    eventually(lambda: len(node.journal.starts("none")) >= 2, "it has run")
    node.stop_daemon()
    return node


@pytest.fixture(scope="module")
def gap(node: Node) -> list[str]:
    """The ticks that nobody could decide, without those at its edges; the node is up again."""
    down = datetime.now(UTC)
    eventually(lambda: datetime.now(UTC) > down + GAP, "four seconds have passed")
    began = datetime.now(UTC)
    node.start()
    until = datetime.now(UTC) + timedelta(seconds=1)
    for job in ("none", "latest", "all", "windowed"):
        agree(node, job, settled(node, job, until))
    seconds = (began - down) // timedelta(seconds=1)
    return [written(down + timedelta(seconds=n)) for n in range(1, seconds)]


def fates(node: Node, job: str, ticks: list[str]) -> Counter[str]:
    """Return how many of the ticks were started, and how many skipped for which reason."""
    accounts = read_accounts(node, job)
    return Counter(accounts.skipped.get(tick, "started") for tick in ticks)


def test_none_skips_every_missed_tick(node: Node, gap: list[str]) -> None:
    assert fates(node, "none", gap) == {"misfire": len(gap)}


def test_all_runs_every_missed_tick_one_after_another(node: Node, gap: list[str]) -> None:
    assert fates(node, "all", gap) == {"started": len(gap)}
    assert node.journal.overlaps("all") == []
    ticks = [note.tick for note in node.journal.starts("all")]
    assert ticks == sorted(ticks)


def test_latest_runs_at_most_the_newest_of_the_missed_ticks(node: Node, gap: list[str]) -> None:
    """And that one only if no tick of now is there to do its work."""
    assert fates(node, "latest", gap[:-1]) == {"misfire": len(gap) - 1}


def test_what_is_older_than_the_window_is_skipped(node: Node, gap: list[str]) -> None:
    found = read_accounts(node, "windowed")
    assert gap[0] in found.skipped
    assert set(found.skipped.values()) <= {"misfire", "overlap"}


def test_missed_ticks_are_one_row_in_the_ledger(node: Node, gap: list[str]) -> None:
    """However many they are."""
    rows = [v for v in node.verdicts("none") if v["reason"] == "misfire"]
    assert max(row["ticks"] for row in rows) >= len(gap)
