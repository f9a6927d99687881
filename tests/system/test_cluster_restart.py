"""An upgrade of a cluster: one daemon after another is restarted, and no job notices."""

import signal
from datetime import UTC, datetime

import pytest

from tests.system.accounts import SECOND, agree, settled, written
from tests.system.cluster import Cluster, lost
from tests.system.conftest import MakeCluster
from tests.system.evidence import doubles, overlaps, stale_tokens
from tests.system.journal import Note
from tests.system.processes import eventually

TICKING = [f"tick{number}" for number in range(5)]
JOBS = "".join(
    f'[jobs.{job}]\ncommand = "work 0.1"\nschedule = "* * * * * *"\nstart_deadline = "10s"\n'
    for job in TICKING
) + "".join(f'[jobs.long-{name}]\ncommand = "work long 3"\n' for name in "abc")


@pytest.fixture(scope="module")
def cluster(make_cluster: MakeCluster) -> Cluster:
    """Three nodes whose supervisors are services of their own, as systemd has them."""
    # A daemon that starts takes many seconds on a busy machine, and renews its leases only then.
    cluster = make_cluster(JOBS, lease_ttl_s=60.0)
    for member in cluster:
        member.serve()
    cluster.start()
    eventually(lambda: len(cluster.journal.starts(TICKING[-1])) >= 3, "each had a few ticks")
    return cluster


@pytest.fixture(scope="module")
def long_runs(cluster: Cluster) -> dict[str, Note]:
    """A run on each node, under way while every daemon was restarted."""
    runs = {name: cluster.run_on(name, f"long-{name}") for name in "abc"}
    for member in cluster:
        assert member.stop_daemon() == 0
        member.launch()
        cluster.await_member(member)
    cluster.journal.release("long")
    return runs


def test_no_run_is_killed_and_each_ends_as_itself(
    cluster: Cluster, long_runs: dict[str, Note]
) -> None:
    for name, note in long_runs.items():
        run = cluster[name].ended(note.run_id, within_s=20)
        assert (run["outcome"], run["exit_code"], run["attempt"]) == ("failure", 3, 1)
        assert [end.run_id for end in cluster.journal.ends(f"long-{name}")] == [note.run_id]


def test_no_tick_is_lost_and_none_runs_twice(cluster: Cluster, long_runs: dict[str, Note]) -> None:
    for job in TICKING:
        accounts = settled(cluster["b"], job, datetime.now(UTC) + SECOND)
        agree(cluster["b"], job, accounts)
        # A run that ended while its daemon was away is in the way until somebody sees its end.
        assert lost(accounts) == {}
    assert overlaps(cluster.journal) == []
    assert doubles(cluster.journal) == []
    assert stale_tokens(cluster.journal) == []


def test_a_clean_stop_hands_its_share_over_at_once(
    cluster: Cluster, long_runs: dict[str, Note]
) -> None:
    """Nobody waits for the turn of a node that has said that it leaves."""
    stopped = cluster["c"]
    # A run that goes on keeps its job.
    eventually(lambda: stopped.is_between_ticks(TICKING), "nothing runs on c, nor will at once")
    assert stopped.stop_daemon(signal.SIGTERM) == 0
    left = datetime.now(UTC)
    eventually(lambda: datetime.now(UTC) > left + 3 * SECOND, "three seconds have passed")
    for job in TICKING:
        accounts = settled(cluster["a"], job)
        assert lost(accounts, left) == {}
        agree(cluster["a"], job, accounts)
        notes = [note for note in cluster.journal.starts(job) if note.tick > written(left)]
        assert notes
        assert {note.node for note in notes} <= {"a", "b"}
