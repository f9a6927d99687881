"""Five ways to lose a node, all at once: killed, stopped, cut off, unheard, without a daemon.

What each held ends by itself before anybody else may begin it, and goes on elsewhere.
"""

import signal
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.system.accounts import SECOND, agree, settled, written
from tests.system.cluster import LEASE_TTL_S, Cluster, Member, uptime_s
from tests.system.conftest import MakeCluster
from tests.system.evidence import contradicted, doubles, overlaps, stale_tokens
from tests.system.journal import Note
from tests.system.processes import eventually, processes_with

pytestmark = pytest.mark.timeout(300)  # six nodes start, and start again, at the same time

KILLED, STOPPED, CUT, UNHEARD, ORPHANED, LEFT = "a", "b", "c", "d", "e", "f"
VICTIMS = (KILLED, STOPPED, CUT, UNHEARD, ORPHANED)
# A lease, and as long for seeing it (a beat), for saying it, and for a machine that others use.
GOES_ON_WITHIN_S = 2 * LEASE_TTL_S

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
    at: datetime
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
    at_s, at = strike(cluster)
    follower = {name: follower_of(cluster, held[name]) for name in VICTIMS}
    again = {
        name: cluster.started(retried[name].run_id, attempt=2, within_s=GOES_ON_WITHIN_S)
        for name in VICTIMS
    }
    return Disaster(cluster, at_s, at, held, retried, follower, again)


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


def strike(cluster: Cluster) -> tuple[float, datetime]:
    """Lose five nodes; return when, as uptime and as an instant."""
    cluster[CUT].proxy.refuse()
    cluster[UNHEARD].proxy.blackhole()
    cluster[STOPPED].send(signal.SIGSTOP)
    cluster[KILLED].kill_both()
    cluster[ORPHANED].kill9()  # its supervisor holds on to the runs
    return uptime_s(), datetime.now(UTC)


def follower_of(cluster: Cluster, held: Note) -> Note:
    """Wait for the next run of the same job."""

    def found() -> list[Note]:
        return [note for note in cluster.journal.starts(held.job) if note.token > held.token]

    return eventually(found, f"{held.job} has begun again", GOES_ON_WITHIN_S)[0]


@pytest.mark.parametrize("name", VICTIMS)
def test_a_lost_node_s_job_goes_on_when_its_lease_is_over(disaster: Disaster, name: str) -> None:
    follower, left = disaster.follower[name], disaster.cluster[LEFT]
    assert follower.at_s - disaster.at_s < GOES_ON_WITHIN_S
    assert left.run(disaster.held[name].run_id)["outcome"] == "lost"
    assert left.metric(f'jobd_runs_total{{job_name="goes-on-{name}",outcome="lost"}}') == 1


@pytest.mark.parametrize("name", VICTIMS)
def test_a_lost_run_that_is_retried_goes_on_under_a_higher_token(
    disaster: Disaster, name: str
) -> None:
    first, second = disaster.retried[name], disaster.again[name]
    assert second.at_s - disaster.at_s < GOES_ON_WITHIN_S
    assert second.node == LEFT
    assert second.token > first.token
    eventually(lambda: disaster.cluster[LEFT].run(first.run_id)["attempt"] >= 2, "it is saved")
    lost = disaster.cluster[LEFT].run(first.run_id)["retried_attempts"][0]
    assert (lost["attempt"], lost["node"], lost["outcome"]) == (1, name, "lost")


@pytest.mark.parametrize("name", VICTIMS)
def test_the_processes_were_gone_before_the_next_began(disaster: Disaster, name: str) -> None:
    first = f"JOBD_RUN_ID={disaster.retried[name].run_id}"
    assert processes_with(f"JOBD_RUN_ID={disaster.held[name].run_id}") == []
    assert set(processes_with(first)) & set(processes_with("JOBD_ATTEMPT=1\0")) == set()
    assert overlaps(disaster.cluster.journal) == []


def test_the_ticks_went_on_on_the_node_that_is_left(disaster: Disaster) -> None:
    def after() -> list[Note]:
        notes = disaster.cluster.journal.starts("tick")
        return [note for note in notes if note.tick > written(disaster.at)]

    eventually(lambda: len(after()) >= LEASE_TTL_S - 3, "it ran most of a lease's ticks")
    assert {note.node for note in after()} == {LEFT}
    agree(disaster.cluster[LEFT], "tick", settled(disaster.cluster[LEFT], "tick"))


def test_a_cut_off_node_says_so_and_keeps_its_page(disaster: Disaster) -> None:
    for name in (CUT, UNHEARD):
        member = disaster.cluster[name]
        assert member.get("/healthz")["alive"]
        # A lease after the store was heard last: what it held has begun elsewhere before that.
        eventually(lambda member=member: is_unready(member), "it says so", GOES_ON_WITHIN_S)
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
    eventually(lambda: is_quiet(cluster[LEFT]), "nothing runs any more", 30)

    def wrong() -> list[str]:
        runs = {run["run_id"]: run for job in jobs() for run in cluster[LEFT].runs(job)}
        return contradicted(cluster.journal, runs)

    eventually(lambda: not wrong(), wrong)


def jobs() -> list[str]:
    """Return the names of all jobs."""
    return ["tick", *(f"{kind}-{name}" for kind in ("goes-on", "retried") for name in VICTIMS)]
