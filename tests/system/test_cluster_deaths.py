"""Five ways to lose a node, all at once: killed, stopped, cut off, unheard, without a daemon.

What each held ends by itself before anybody else may begin it, and goes on elsewhere.
"""

import signal
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.system.accounts import SECOND, agree, settled
from tests.system.cluster import LEASE_TTL_S, Cluster, Member, uptime_s
from tests.system.conftest import MakeCluster
from tests.system.evidence import contradicted, doubles, overlaps, stale_tokens
from tests.system.journal import Note
from tests.system.processes import eventually, is_alive

KILLED, STOPPED, CUT, UNHEARD, ORPHANED, LEFT = "a", "b", "c", "d", "e", "f"
VICTIMS = (KILLED, STOPPED, CUT, UNHEARD, ORPHANED)
SLACK_S = 3.0  # for seeing it (a beat), for saying it, and for a machine that others use

JOBS = """
[jobs.tick]
command = "work 0.1"
schedule = "* * * * * *"
start_deadline = "10s"
""" + "".join(
    f"""
[jobs.goes-on-{name}]
command = "work 60"
schedule = "* * * * * *"
[jobs.retried-{name}]
command = "work 60"
retries = {{ max = 3, delay = "0s", on = ["lost"] }}
"""
    for name in VICTIMS
)


@dataclass(frozen=True, slots=True)
class Disaster:
    """What was, and what has become of it."""

    cluster: Cluster
    at_s: float  # uptime
    held: dict[str, Note]  # by victim: the run of goes-on-...
    retried: dict[str, Note]
    follower: dict[str, Note]  # the next run of goes-on-...
    again: dict[str, Note]  # the second attempt of retried-...


@pytest.fixture(scope="module")
def disaster(make_cluster: MakeCluster) -> Disaster:
    """Six nodes, two runs on each of five; then all five are lost at once."""
    cluster = make_cluster(JOBS, names=(*VICTIMS, LEFT)).start()
    assert cluster[LEFT].ctl("pause", "--all").returncode == 0
    eventually(lambda: all(map(is_paused, cluster)), "all have heard of the pause")
    eventually(lambda: is_quiet(cluster[LEFT]), "nothing runs any more", 30)
    held = {name: cluster.run_on(name, f"goes-on-{name}") for name in VICTIMS}
    retried = {name: cluster.run_on(name, f"retried-{name}") for name in VICTIMS}
    assert cluster[LEFT].ctl("resume", "--all").returncode == 0
    at_s = strike(cluster)
    follower = {name: follower_of(cluster, held[name]) for name in VICTIMS}
    again = {name: cluster.started(retried[name].run_id, attempt=2) for name in VICTIMS}
    return Disaster(cluster, at_s, held, retried, follower, again)


def active(member: Member) -> list[dict[str, Any]]:
    """Return what runs in the cluster, by a member's word."""
    status = member.status
    return [*status["active_runs"], *status["active_elsewhere"]]


def is_paused(member: Member) -> bool:
    """Return whether a member knows all jobs as paused."""
    status = member.status
    return bool(status["paused"] == status["jobs"])


def is_unready(member: Member) -> bool:
    """Return whether a member says that it is not ready."""
    return not member.get("/readyz")["ready"]


def is_quiet(member: Member) -> bool:
    """Cancel what runs; return whether nothing did. A tick that was claimed just before its
    node heard of the pause may start after a first look."""
    running = active(member)
    for run in running:
        member.ctl("cancel", run["job"])
    return not running


def strike(cluster: Cluster) -> float:
    """Lose five nodes; return when, as uptime."""
    cluster[CUT].proxy.refuse()
    cluster[UNHEARD].proxy.blackhole()
    cluster[STOPPED].send(signal.SIGSTOP)
    cluster[KILLED].kill_both()
    cluster[ORPHANED].kill9()  # its supervisor holds on to the runs
    return uptime_s()


def follower_of(cluster: Cluster, held: Note) -> Note:
    """Wait for the next run of the same job."""

    def found() -> list[Note]:
        return [note for note in cluster.journal.starts(held.job) if note.token > held.token]

    return eventually(found, f"{held.job} has begun again", LEASE_TTL_S + 2 * SLACK_S)[0]


@pytest.mark.parametrize("name", VICTIMS)
def test_a_lost_node_s_job_goes_on_within_a_lease(disaster: Disaster, name: str) -> None:
    follower, left = disaster.follower[name], disaster.cluster[LEFT]
    assert follower.at_s - disaster.at_s < LEASE_TTL_S + SLACK_S
    assert left.run(disaster.held[name].run_id)["outcome"] == "lost"
    assert left.metric(f'jobd_runs_total{{job_name="goes-on-{name}",outcome="lost"}}') == 1


@pytest.mark.parametrize("name", VICTIMS)
def test_a_lost_run_that_is_retried_goes_on_under_a_higher_token(
    disaster: Disaster, name: str
) -> None:
    first, second = disaster.retried[name], disaster.again[name]
    assert second.at_s - disaster.at_s < LEASE_TTL_S + SLACK_S
    assert second.node == LEFT
    assert second.token > first.token
    eventually(lambda: disaster.cluster[LEFT].run(first.run_id)["attempt"] >= 2, "it is saved")
    lost = disaster.cluster[LEFT].run(first.run_id)["retried_attempts"][0]
    assert (lost["attempt"], lost["node"], lost["outcome"]) == (1, name, "lost")


@pytest.mark.parametrize("name", VICTIMS)
def test_the_processes_were_gone_before_the_next_began(disaster: Disaster, name: str) -> None:
    assert not is_alive(disaster.held[name].pid)
    assert not is_alive(disaster.retried[name].pid)
    assert overlaps(disaster.cluster.journal) == []


def test_the_ticks_went_on_on_the_node_that_is_left(disaster: Disaster) -> None:
    after = [n for n in disaster.cluster.journal.starts("tick") if n.at_s > disaster.at_s]
    assert {note.node for note in after} == {LEFT}
    agree(disaster.cluster[LEFT], "tick", settled(disaster.cluster[LEFT], "tick"))
    assert len(after) >= LEASE_TTL_S - 3


def test_a_cut_off_node_says_so_and_keeps_its_page(disaster: Disaster) -> None:
    for name in (CUT, UNHEARD):
        member = disaster.cluster[name]
        assert member.get("/healthz")["alive"]
        # A lease after the store was heard last: what it held has begun elsewhere before that.
        eventually(lambda member=member: is_unready(member), "it says so", LEASE_TTL_S + SLACK_S)
        assert not member.status["shared"]["up"]
        assert member.metric("jobd_store_up") == 0


def test_they_come_back_and_nothing_runs_twice(disaster: Disaster) -> None:
    """What was held back in the network arrives now, claims and renewals of a time that is
    over included; what was stopped goes on in the middle of what it did."""
    cluster = disaster.cluster
    cluster.heal()
    cluster[STOPPED].send(signal.SIGCONT)
    for name in (KILLED, ORPHANED):
        cluster[name].launch()
    for member in cluster:
        cluster.await_member(member)
    back = datetime.now(UTC)
    eventually(lambda: datetime.now(UTC) > back + 3 * SECOND, "three seconds have passed")
    for job in ("tick", *(f"goes-on-{name}" for name in VICTIMS)):
        agree(cluster[KILLED], job, settled(cluster[KILLED], job))
    assert overlaps(cluster.journal) == []
    assert doubles(cluster.journal) == []
    assert stale_tokens(cluster.journal) == []


def test_outcomes_agree_with_what_the_jobs_noted(disaster: Disaster) -> None:
    cluster = disaster.cluster
    cluster[LEFT].ctl("pause", "--all")
    for run in active(cluster[LEFT]):
        cluster[LEFT].ctl("cancel", run["run_id"])
    eventually(lambda: not active(cluster[LEFT]), "nothing runs")

    def wrong() -> list[str]:
        runs = {run["run_id"]: run for job in jobs() for run in cluster[LEFT].runs(job)}
        return contradicted(cluster.journal, runs)

    eventually(lambda: not wrong(), wrong)


def jobs() -> list[str]:
    """Return the names of all jobs."""
    return ["tick", *(f"{kind}-{name}" for kind in ("goes-on", "retried") for name in VICTIMS)]
