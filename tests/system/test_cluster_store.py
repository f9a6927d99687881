"""The store that nodes share: its answers lost, itself gone for a while, or moved elsewhere."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from deploy.cluster.postgres import PrivatePostgres
from tests.system.accounts import SECOND, agree, settled, written
from tests.system.cluster import LEASE_TTL_S, LONG_LEASE_S, Cluster, Member, lost
from tests.system.conftest import MakeCluster
from tests.system.evidence import doubles, overlaps, stale_tokens
from tests.system.processes import eventually

TICKING = [f"tick{number}" for number in range(3)]
JOBS = "".join(
    f'[jobs.{job}]\ncommand = "work 0.1"\nschedule = "* * * * * *"\nstart_deadline = "20s"\n'
    for job in TICKING
)
MORE = """
[jobs.only-a]
command = "work 0.1"
schedule = "* * * * * *"
nodes = ["a"]
catchup = "all"
start_deadline = "20s"
[jobs.each]
command = "work 0.1"
schedule = "* * * * * *"
scope = "node"
env = { EACH = "1" }
[jobs.ends-well]
command = "work 4"
[jobs.ends-badly]
command = "work 5 7"
[jobs.too-long]
command = "work 60"
"""
OUTAGE_S = LEASE_TTL_S + 2  # so long that leases end, and that readiness does
# Beats, claims and renewals each want a connection, and try again with growing delays.
ATTEMPTS_A_SECOND = 6


@pytest.fixture(scope="module")
def cluster(make_cluster: MakeCluster) -> Cluster:
    """Two nodes after a few ticks."""
    cluster = make_cluster(JOBS + MORE, names=("a", "b")).start()
    eventually(lambda: len(cluster.journal.starts("only-a")) >= 2, "each had a few ticks", 30)
    return cluster


def test_a_claim_whose_answer_is_lost_runs_once_all_the_same(cluster: Cluster) -> None:
    """Committed, and then the connection breaks: twice, at different phases."""
    began = datetime.now(UTC)
    for number in range(2):
        time.sleep(1.15 - time.time() % 1 + number * 0.5)  # 0.15 s after a tick, then 0.65 s
        for member in cluster:
            member.proxy.swallow_answers()
        time.sleep(1.1)  # a tick comes, whose claims are committed and not answered
        cluster.heal()
        eventually(lambda: all(m.status["shared"]["up"] for m in cluster), "both are back")
    for job in ("only-a", *TICKING):
        agree(cluster["a"], job, settled(cluster["a"], job, datetime.now(UTC) + 2 * SECOND))
    assert cluster.journal.starts("only-a")[-1].tick > written(began + 2 * SECOND)
    assert doubles(cluster.journal, ["each"]) == []
    assert overlaps(cluster.journal) == []


def test_a_one_way_network_runs_nothing_twice(cluster: Cluster) -> None:
    """Now what is lost is not lost for good: it arrives seconds later, all at once."""
    for ways in (("up",), ("down",)):
        cluster["a"].proxy.blackhole(*ways)
        time.sleep(2.3)  # two ticks come; leases go on
        cluster.heal()
        eventually(cluster["a"].is_ready, "a is back")
    for job in ("only-a", *TICKING):
        agree(cluster["b"], job, settled(cluster["b"], job, datetime.now(UTC) + 2 * SECOND))
    assert doubles(cluster.journal, ["each"]) == []
    assert overlaps(cluster.journal) == []


def test_however_slow_it_is_a_run_that_has_ended_costs_no_tick(cluster: Cluster) -> None:
    """At 600 ms there and back a claim, a short run and its end need more than a second. What
    they cost by that is right; what a node skips behind a run that it knows to be over is not."""
    for member in cluster:
        member.proxy.latency_s = 0.3
    slow = datetime.now(UTC)
    time.sleep(5)  # so many ticks come while it is slow
    cluster.heal()
    until = datetime.now(UTC)
    for job in TICKING:
        accounts = settled(cluster["a"], job, until)
        # A call that a pause of the machine makes longer than it may be is a silent store.
        assert lost(accounts, slow, {"store_down"}) == {}
        assert [tick for tick in accounts.started if tick > written(slow)]
        assert cluster.needless_skips(job, slow) == []
        agree(cluster["b"], job, accounts)


@dataclass(frozen=True, slots=True)
class Outage:
    """The store was gone from ``down`` to ``up``; what two nodes said and did meanwhile."""

    cluster: Cluster
    down: datetime
    up: datetime
    run_ids: dict[str, str]  # by job
    said: dict[str, dict[str, Any]]  # by node
    attempts: dict[str, int]  # to connect, by node

    @property
    def within(self) -> list[str]:
        """The ticks of the time when it was surely gone."""
        seconds = (self.up - self.down) // SECOND
        return [written(self.down + number * SECOND) for number in range(1, seconds)]


@pytest.fixture(scope="module")
def outage(cluster: Cluster) -> Outage:
    """The store is gone for longer than a lease."""
    jobs = ("ends-well", "ends-badly", "too-long")
    run_ids = {job: cluster.run_on("a", job).run_id for job in jobs}
    down, down_s = datetime.now(UTC), time.monotonic()
    cluster.servers[0].stop()
    eventually(lambda: not any(map(is_ready, cluster)), "both are unready", OUTAGE_S + 5)
    # The outage is to last: what is judged is what ends by itself meanwhile.
    time.sleep(max(0, down_s + OUTAGE_S - time.monotonic()))
    said = {
        member.name: {
            "ready": member.get("/readyz"),
            "shared": member.status["shared"],
            "store_up": member.metric("jobd_store_up"),
        }
        for member in cluster
    }
    attempts = {member.name: member.proxy.attempts_since(down_s) for member in cluster}
    cluster.servers[0].start()
    up = datetime.now(UTC)
    for member in cluster:
        eventually(member.is_ready, f"{member.name} is ready again")
    return Outage(cluster, down, up, run_ids, said, attempts)


def is_ready(member: Member) -> bool:
    """Return whether a member says that it is ready."""
    return bool(member.get("/readyz")["ready"])


def test_everybody_says_that_the_store_is_gone(outage: Outage) -> None:
    for said in outage.said.values():
        assert not said["ready"]["ready"]
        assert "store" in said["ready"]["reason"]
        assert not said["shared"]["up"]
        assert said["store_up"] == 0


def test_a_node_s_own_jobs_go_on_without_it(outage: Outage) -> None:
    for member in outage.cluster:
        accounts = settled(member, "each", outage.up)
        assert lost(accounts) == {}
        within = accounts.started.keys() & set(outage.within)
        assert len(within) > len(outage.within) / 2, "a pause of the machine may cost some"


def test_an_outcome_that_nobody_could_be_told_is_told_afterwards(outage: Outage) -> None:
    """Their leases have ended; nobody takes the runs for lost before their node could tell."""
    for job, outcome in (("ends-well", "success"), ("ends-badly", "failure")):
        assert outage.cluster["b"].ended(outage.run_ids[job])["outcome"] == outcome
        assert _late_ends(outage.cluster, outage.run_ids[job]) == []


def test_an_outcome_that_only_its_own_node_could_not_tell_in_time_is_kept_as_a_note(
    outage: Outage,
) -> None:
    """The store was there for the others, who waited for as long as the lease and no longer."""
    cluster = outage.cluster
    note = cluster.run_on("a", "ends-badly")
    cluster["a"].proxy.refuse()
    lost = cluster["b"].ended(note.run_id, LEASE_TTL_S + 10)
    claimed, given_up = map(datetime.fromisoformat, (lost["claimed_at"], lost["ended_at"]))
    assert lost["outcome"] == "lost"
    assert (given_up - claimed).total_seconds() >= LEASE_TTL_S
    assert note.run_id in {end.run_id for end in cluster.journal.ends("ends-badly")}
    cluster.heal()
    eventually(lambda: _late_ends(cluster, note.run_id), "the note is kept", 20)
    assert _late_ends(cluster, note.run_id) == [("a", "failure; its lease had passed on")]
    assert cluster["b"].run(note.run_id)["outcome"] == "lost"


def _late_ends(cluster: Cluster, run_id: str) -> list[tuple[str, str]]:
    """Return who told of a run's end too late, and what."""
    notes = cluster["b"].get(f"/api/v1/audit?target={run_id}")["audit"]
    return [(note["by"], note["detail"]) for note in notes if note["action"] == "late end"]


def test_a_run_ends_before_its_lease_does(outage: Outage) -> None:
    run = outage.cluster["b"].ended(outage.run_ids["too-long"])
    assert run["outcome"] == "lost"
    assert run["duration_s"] is None or run["duration_s"] < LEASE_TTL_S
    assert outage.cluster.journal.ends("too-long") == []


def test_every_tick_of_the_outage_is_accounted_for(outage: Outage) -> None:
    for job in (*TICKING, "only-a"):
        accounts = settled(outage.cluster["a"], job, outage.up + 2 * SECOND)
        agree(outage.cluster["b"], job, accounts)
        assert set(outage.within) <= set(accounts.ticks)
    assert set(outage.within) & accounts.started.keys(), 'catchup = "all" runs them afterwards'


def test_nobody_hammers_at_a_closed_door(outage: Outage) -> None:
    most = OUTAGE_S * ATTEMPTS_A_SECOND
    assert {name: n for name, n in outage.attempts.items() if not 1 <= n <= most} == {}


def test_a_change_is_one_line_in_the_log_and_not_one_for_each_tick(outage: Outage) -> None:
    for member in outage.cluster:
        lines = [line for line in member.log_text().splitlines() if "store" in line]
        within = [line for line in lines if _at(line) and outage.down < _at(line) < outage.up]
        assert 1 <= len(within) <= 5, "\n".join(within)


def _at(line: str) -> datetime | None:
    return datetime.fromisoformat(json.loads(line)["timestamp"]) if line[0] == "{" else None


def test_what_the_jobs_noted_holds_from_first_to_last(cluster: Cluster, outage: Outage) -> None:
    assert overlaps(cluster.journal) == []
    assert doubles(cluster.journal, ["each"]) == []
    assert stale_tokens(cluster.journal, ["each"]) == []


@pytest.fixture
def pair(needs_postgres: None) -> Iterator[tuple[PrivatePostgres, PrivatePostgres]]:
    """A primary that commits nothing that its standby has not, and that standby."""
    with PrivatePostgres() as primary:
        standby = primary.standby()
        yield primary, standby
        standby.remove()


def test_a_failover_loses_and_doubles_nothing(
    make_cluster: MakeCluster, pair: tuple[PrivatePostgres, PrivatePostgres]
) -> None:
    """The URL names both servers; which of them takes writes is found out."""
    primary, standby = pair
    cluster = make_cluster(JOBS, servers=pair, names=("a", "b"), lease_ttl_s=LONG_LEASE_S)
    primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
    primary.sql("SELECT pg_reload_conf()")
    cluster.start()
    eventually(lambda: len(cluster.journal.starts()) >= 6, "a few ticks")
    primary.crash()
    standby.promote()
    moved = datetime.now(UTC)
    for job in TICKING:
        agree(cluster["a"], job, settled(cluster["a"], job, moved + 4 * SECOND))
    assert [n for n in cluster.journal.starts() if n.tick > written(moved + SECOND)]
    assert overlaps(cluster.journal) == []
    assert doubles(cluster.journal) == []
    assert stale_tokens(cluster.journal) == []
