"""Leases: no renewal, no run; and what its holder let go of, another node goes on with once."""

from datetime import timedelta

import pytest

from jobd.core.cluster import Holding
from jobd.core.effects import ExtendRun, RenewLeases, StopRun, TakeRuns
from jobd.core.events import LeasesRenewed, RenewalDue, RenewalFailed, TakenOver
from jobd.core.job import Retries
from jobd.core.outcome import Outcome, StopCause
from tests.core.cluster_desk import TTL, ClusterDesk, NodeDesk
from tests.core.desk import span

ONCE_MORE = Retries(max=1, delay=span("10s"), jitter=0.0)
TWICE_MORE = Retries(max=2, delay=span("10s"), jitter=0.0)


def run_a(cluster: ClusterDesk, **keys: object) -> NodeDesk:
    """Start a run of job a; return the node that holds it."""
    cluster.job("a", **{"every": "1h", **keys})
    cluster.pass_time("1h")
    return cluster.holder("a")


def other(cluster: ClusterDesk, desk: NodeDesk) -> NodeDesk:
    return next(one for one in cluster.nodes.values() if one is not desk)


# -- renewals --------------------------------------------------------------------------


def test_a_run_starts_with_the_instant_by_which_it_must_be_dead(cluster: ClusterDesk) -> None:
    """Counted from when the claim was sent: the store cannot have begun to count earlier."""
    holder = run_a(cluster)
    (deadline_s,) = holder.deadlines.values()
    assert deadline_s == cluster.steady_s + 27.0


def test_a_run_that_is_renewed_goes_on(cluster: ClusterDesk) -> None:
    run_a(cluster)
    cluster.pass_time("50m")
    assert cluster.running == ["a"]


def test_a_renewal_counts_from_when_it_was_sent(cluster: ClusterDesk) -> None:
    holder = run_a(cluster)
    run = holder.process("a").run
    kept = (Holding(run.run_id, run.token),)
    holder.handle(LeasesRenewed(kept, (), sent_s=5000.0))
    assert holder.of_kind(ExtendRun)[-1] == ExtendRun(run.run_id, 5027.0)


def test_runs_of_jobs_of_the_node_have_no_lease(cluster: ClusterDesk) -> None:
    """They go on for good, whatever becomes of the shared store."""
    cluster.job("a", every="10m", scope="node")
    for desk in cluster.nodes.values():
        desk.cut()
    cluster.pass_time("15m")
    assert (sorted(cluster.running), cluster.killed) == (["a", "a"], [])


def test_nothing_is_renewed_while_nothing_runs(cluster: ClusterDesk) -> None:
    cluster.job("a", every="1h")
    cluster.pass_time("10m")
    assert cluster.nodes["app1"].of_kind(RenewLeases) == []


def test_a_run_between_two_attempts_keeps_its_lease(cluster: ClusterDesk) -> None:
    holder = run_a(cluster, retries=Retries(max=1, delay=span("10m"), jitter=0.0))
    holder.end("a", exit_code=1)
    cluster.pass_time("11m")
    assert cluster.holder("a") is holder


def test_without_renewals_a_run_is_dead_before_its_lease_ends(cluster: ClusterDesk) -> None:
    holder = run_a(cluster)
    holder.cut()
    cluster.pass_time("27s")
    assert cluster.killed == [f"{holder.node_name}: a"]


def test_a_run_that_has_passed_on_is_stopped(cluster: ClusterDesk) -> None:
    holder = run_a(cluster)
    run = holder.process("a").run
    holder.handle(LeasesRenewed((), (Holding(run.run_id, run.token),), cluster.steady_s))
    assert holder.of_kind(StopRun) == [StopRun(run.run_id, StopCause.TRUST)]


def test_a_run_that_has_passed_on_gets_no_further_attempt_here(cluster: ClusterDesk) -> None:
    holder = run_a(cluster, retries=TWICE_MORE)
    run = holder.process("a").run
    holder.handle(LeasesRenewed((), (Holding(run.run_id, run.token),), cluster.steady_s))
    holder.end("a", exit_code=1)
    cluster.pass_time("5m")
    assert holder.starts == ["a 13:00"]


def test_an_answer_about_an_earlier_lease_stops_nothing(cluster: ClusterDesk) -> None:
    """A run that was lost and taken back has a new token."""
    holder = run_a(cluster)
    run = holder.process("a").run
    holder.handle(LeasesRenewed((), (Holding(run.run_id, run.token - 1),), cluster.steady_s))
    assert holder.of_kind(StopRun) == []


def test_an_answer_about_a_run_that_has_ended_is_let_pass(cluster: ClusterDesk) -> None:
    holder = run_a(cluster)
    run = holder.process("a").run
    holder.end("a")
    holder.handle(LeasesRenewed((Holding(run.run_id, run.token),), (), cluster.steady_s))
    assert holder.of_kind(ExtendRun) == []


# -- no attempt starts untrusted -------------------------------------------------------


def test_no_attempt_starts_while_renewals_fail(cluster: ClusterDesk) -> None:
    holder = run_a(cluster, retries=ONCE_MORE)
    holder.end("a", exit_code=1)
    holder.cut()
    holder.handle(RenewalDue())
    cluster.pass_time("15s")
    assert cluster.starts == [f"{holder.node_name}: a 13:00"]


def test_no_attempt_that_waited_for_room_starts_while_renewals_fail(
    new_cluster: type[ClusterDesk],
) -> None:
    """Its place may come free long after the last renewal that was answered."""
    cluster = new_cluster(max_running=1)
    holder = run_a(cluster, retries=ONCE_MORE)
    cluster.job("b", scope="node")
    holder.end("a", exit_code=1)
    holder.trigger("b")
    cluster.pass_time("12s")
    holder.handle(RenewalFailed())
    holder.end("b")
    assert holder.running == []


def test_an_attempt_that_waited_for_a_renewal_starts_with_it(cluster: ClusterDesk) -> None:
    holder = run_a(cluster, retries=ONCE_MORE)
    holder.end("a", exit_code=1)
    holder.cut()
    holder.handle(RenewalDue())
    cluster.pass_time("15s")
    holder.mend()
    holder.handle(RenewalDue())
    cluster.pass_time("1s")
    assert holder.starts == ["a 13:00", "a 13:00 #2"]


def test_a_run_whose_trust_ended_goes_on_after_a_renewal_only(cluster: ClusterDesk) -> None:
    holder = run_a(cluster, retries=ONCE_MORE)
    holder.end("a", signal=9, stop_cause=StopCause.TRUST)
    holder.next_renewal = cluster.now + timedelta(seconds=20)
    cluster.pass_time("15s")
    assert holder.starts == ["a 13:00"]
    cluster.pass_time("6s")
    assert holder.starts == ["a 13:00", "a 13:00 #2"]


# -- restart ---------------------------------------------------------------------------


def test_a_restarted_daemon_renews_what_it_takes_back(cluster: ClusterDesk) -> None:
    holder = run_a(cluster)
    holder.restart()
    cluster.pass_time("5m")
    assert (cluster.running, cluster.killed) == (["a"], [])


def test_a_lease_taken_back_is_trusted_once_it_is_renewed(cluster: ClusterDesk) -> None:
    """The daemon was away for nobody knows how long: another node may have the run by now."""
    holder = run_a(cluster, retries=ONCE_MORE)
    holder.end("a", exit_code=1)
    holder.next_renewal = cluster.now + timedelta(seconds=20)
    holder.restart()
    cluster.pass_time("15s")
    assert holder.running == []
    cluster.pass_time("6s")
    assert holder.running == ["a"]


def test_a_run_found_at_a_late_join_is_renewed(cluster: ClusterDesk) -> None:
    """The daemon was restarted while the store was away; its supervisor still holds the run."""
    holder = run_a(cluster)
    holder.is_cut = True
    holder.restart()
    cluster.pass_time("5s")
    holder.join()
    cluster.pass_time("1m")
    assert (cluster.running, cluster.killed) == (["a"], [])


def test_a_run_found_at_a_late_join_gets_the_retries_of_its_job(cluster: ClusterDesk) -> None:
    holder = run_a(cluster, retries=ONCE_MORE)
    holder.is_cut = True
    holder.restart()
    holder.join()
    holder.end("a", exit_code=1)
    cluster.pass_time("15s")
    assert holder.starts == ["a 13:00", "a 13:00 #2"]


def test_a_run_found_at_a_late_join_is_still_in_the_way(cluster: ClusterDesk) -> None:
    holder = run_a(cluster)
    holder.is_cut = True
    holder.restart()
    holder.join()
    cluster.pass_time("1h")
    assert cluster.ledger("a")[-1] == "14:00 overlap"


def test_an_end_before_a_late_join_is_the_end(cluster: ClusterDesk) -> None:
    holder = run_a(cluster)
    holder.is_cut = True
    holder.restart()
    holder.end("a")
    holder.join()
    assert cluster.outcomes("a") == [Outcome.SUCCESS]


# -- overdue runs ----------------------------------------------------------------------


def test_a_run_of_a_dead_node_is_lost_when_its_lease_has_run_out(cluster: ClusterDesk) -> None:
    run_a(cluster).die()
    cluster.pass_time("33s")
    assert cluster.outcomes("a") == [Outcome.LOST]


def test_not_a_moment_before_its_lease_has_run_out(cluster: ClusterDesk) -> None:
    run_a(cluster).die()
    cluster.pass_time("29s")
    assert cluster.outcomes("a") == [None]


def test_another_node_goes_on_with_the_next_attempt_of_a_lost_run(cluster: ClusterDesk) -> None:
    holder = run_a(cluster, retries=ONCE_MORE)
    holder.die()
    cluster.pass_time("45s")
    assert other(cluster, holder).starts == ["a 13:00 #2"]


def test_attempts_are_counted_over_all_nodes(cluster: ClusterDesk) -> None:
    """Else a run that takes every node down with it would never end."""
    cluster.add("app3")
    run_a(cluster, retries=ONCE_MORE).die()
    cluster.pass_time("45s")
    cluster.holder("a").die()
    cluster.pass_time("2m")
    assert (cluster.running, cluster.outcomes("a")) == ([], [Outcome.LOST])


def test_a_run_that_was_taken_over_goes_on_from_the_attempt_that_was_lost(
    cluster: ClusterDesk,
) -> None:
    cluster.add("app3")
    run_a(cluster, retries=TWICE_MORE).die()
    cluster.pass_time("45s")
    cluster.holder("a").die()
    cluster.pass_time("1m")
    assert [start.split(": ")[1] for start in cluster.starts] == [
        "a 13:00",
        "a 13:00 #2",
        "a 13:00 #3",
    ]


def test_a_run_taken_over_outlives_its_new_node_s_restart_as_the_same_attempt(
    cluster: ClusterDesk,
) -> None:
    holder = run_a(cluster, retries=TWICE_MORE)
    holder.die()
    heir = other(cluster, holder)
    cluster.pass_time("33s")
    heir.restart()
    cluster.pass_time("30s")
    assert heir.starts == ["a 13:00 #2"]


def test_a_run_is_taken_over_once(new_cluster: type[ClusterDesk]) -> None:
    cluster = new_cluster("app1", "app2", "app3")
    run_a(cluster, retries=ONCE_MORE).die()
    cluster.pass_time("1m")
    assert len(cluster.starts) == 2


def test_the_first_in_rank_sees_to_an_overdue_run(new_cluster: type[ClusterDesk]) -> None:
    cluster = new_cluster("app1", "app2", "app3")
    first, second, third = cluster.ranked("a")
    run_a(cluster).die()
    cluster.pass_time("33s")
    assert [len(desk.of_kind(TakeRuns)) for desk in (second, third)] == [1, 0]
    assert first.is_dead


def test_the_next_in_rank_sees_to_it_if_the_first_does_not(
    new_cluster: type[ClusterDesk],
) -> None:
    cluster = new_cluster("app1", "app2", "app3")
    _, second, third = cluster.ranked("a")
    run_a(cluster).die()
    second.scheduler.state.is_stopping = True  # it beats, and does nothing
    cluster.pass_time("33s")
    assert [len(desk.of_kind(TakeRuns)) for desk in (second, third)] == [0, 1]


def test_nothing_is_taken_over_within_a_ttl_of_a_step_of_the_store_s_clock(
    cluster: ClusterDesk,
) -> None:
    """Leases have not run out because somebody set a clock."""
    holder = run_a(cluster, catchup="none")
    heir = other(cluster, holder)
    heir.cut()
    cluster.set_clock("40s")
    holder.next_beat = cluster.now + TTL * 2
    holder.next_renewal = cluster.now + timedelta(seconds=20)
    heir.is_cut = False
    heir.beat(has_stepped=True)
    cluster.pass_time("25s")
    assert (heir.of_kind(TakeRuns), cluster.outcomes("a")) == ([], [None])


def test_a_step_of_the_clock_does_not_protect_the_dead_for_ever(cluster: ClusterDesk) -> None:
    holder = run_a(cluster)
    holder.die()
    other(cluster, holder).beat(has_stepped=True)
    cluster.pass_time("33s")
    assert cluster.outcomes("a") == [Outcome.LOST]


def test_a_node_that_is_drained_ends_what_it_may_not_go_on_with(cluster: ClusterDesk) -> None:
    holder = run_a(cluster, retries=ONCE_MORE)
    other(cluster, holder).drain_node()
    holder.die()
    cluster.pass_time("1m")
    assert (cluster.outcomes("a"), cluster.running) == ([Outcome.LOST], [])


def test_a_lost_run_that_its_job_does_not_try_again_just_ends(cluster: ClusterDesk) -> None:
    holder = run_a(cluster, retries=Retries(max=3, on=frozenset({Outcome.FAILURE})))
    holder.die()
    cluster.pass_time("2m")
    assert (cluster.outcomes("a"), cluster.running) == ([Outcome.LOST], [])


def test_a_run_of_a_job_that_is_configured_nowhere_any_more_ends_too(
    cluster: ClusterDesk,
) -> None:
    holder = run_a(cluster)
    cluster.job("b")
    other(cluster, holder).remove("a")
    holder.die()
    cluster.pass_time("1m")
    assert cluster.outcomes("a") == [Outcome.LOST]


def test_what_was_taken_over_for_a_job_that_has_left_is_not_held(cluster: ClusterDesk) -> None:
    """Its lease runs out again, and a node that has the job sees to it."""
    holder = run_a(cluster)
    heir = other(cluster, holder)
    run = holder.process("a").run
    heir.remove("a")
    heir.handle(TakenOver((run,), cluster.steady_s))
    assert heir.scheduler.state.runs == {}


def test_the_next_tick_goes_on_where_a_node_has_died(cluster: ClusterDesk) -> None:
    holder = run_a(cluster, every="2m")
    holder.die()
    cluster.pass_time("2m2s")
    assert cluster.starts[-1].startswith(f"{other(cluster, holder).node_name}: a")


def test_an_own_run_that_is_overdue_is_renewed_not_taken(cluster: ClusterDesk) -> None:
    """Cut off for longer than its lease, and nobody else was there to take it."""
    holder = run_a(cluster, retries=ONCE_MORE)
    other(cluster, holder).die()
    holder.cut()
    cluster.pass_time("1m")
    holder.mend()
    cluster.pass_time("15s")
    assert holder.of_kind(TakeRuns) == []
    assert holder.starts == ["a 13:00", "a 13:00 #2"]


@pytest.mark.parametrize("exit_code", [0, 1])
def test_a_late_end_changes_nothing(cluster: ClusterDesk, exit_code: int) -> None:
    holder = run_a(cluster)
    holder.cut()
    holder.deadlines.clear()  # a supervisor that is frozen with everything else
    holder.next_beat = cluster.now + span("5m")
    cluster.pass_time("40s")
    holder.end("a", exit_code)
    holder.mend()
    assert cluster.outcomes("a") == [Outcome.LOST]
