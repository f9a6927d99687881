"""Tell: once per run, by the node whose word on the run counts."""

from dataclasses import replace
from typing import Any

from jobd.core.claim import ActiveRun
from jobd.core.cluster import Holding
from jobd.core.effects import CallHooks, FinishRun
from jobd.core.events import ClaimsDecided, LeasesRenewed
from jobd.core.hooks import Hook, Hooks
from jobd.core.job import Retries
from jobd.core.outcome import Outcome, StopCause
from jobd.core.run import RunRecord, record_of
from tests.core.cluster_desk import ClusterDesk
from tests.core.desk import Desk, span

HOOKS = Hooks(Hook(("failed",)), Hook(("recovered",)), Hook(("fine",)), Hook(url="https://h/p"))
ONCE_MORE = Retries(max=1, delay=span("30s"), jitter=0.0)


def told(desk: Desk) -> list[str]:
    """Return whom the desk's node has called: the program, or what follows a ping's URL."""
    calls = [call for effect in desk.of_kind(CallHooks) for call in effect.calls]
    return [call.hook.url.removeprefix("https://h") or call.hook.argv[0] for call in calls]


def run_a(desk: Desk, **keys: Any) -> None:
    desk.job("a", **{"every": "10m", "hooks": HOOKS, **keys})
    desk.pass_time("10m")


def test_a_run_is_told_of_at_its_start_and_at_its_end(desk: Desk) -> None:
    run_a(desk)
    assert told(desk) == ["/p/start"]
    desk.end("a")
    assert told(desk) == ["/p/start", "/p", "fine"]


def test_a_start_says_which_run_it_is_and_no_outcome(desk: Desk) -> None:
    run_a(desk)
    (effect,) = desk.of_kind(CallHooks)
    record = effect.record
    assert (record.run_id, record.started_at) == (desk.process("a").run.run_id, desk.now)
    assert (record.outcome, record.ended_at) == (None, None)


def test_an_end_is_told_with_what_the_history_says_of_it(desk: Desk) -> None:
    run_a(desk)
    desk.end("a", exit_code=3)
    assert desk.of_kind(CallHooks)[-1].record == desk.of_kind(FinishRun)[-1].finish.record


def test_attempts_are_not_told_of_only_the_run_is(desk: Desk) -> None:
    run_a(desk, retries=ONCE_MORE)
    desk.end("a", exit_code=1)
    desk.pass_time("30s")
    assert told(desk) == ["/p/start"]
    desk.end("a", exit_code=1)
    assert told(desk) == ["/p/start", "/p/fail", "failed"]


def test_a_run_that_succeeds_at_its_second_attempt_has_not_failed(desk: Desk) -> None:
    run_a(desk, retries=ONCE_MORE)
    desk.end("a", exit_code=1)
    desk.pass_time("30s")
    desk.end("a")
    assert told(desk) == ["/p/start", "/p", "fine"]


def test_the_first_success_after_a_failure_is_a_recovery_and_no_later_one(desk: Desk) -> None:
    run_a(desk, hooks=Hooks(on_failure=Hook(("failed",)), on_recovery=Hook(("recovered",))))
    desk.end("a", exit_code=1)
    for _ in range(2):
        desk.pass_time("10m")
        desk.end("a")
    assert told(desk) == ["failed", "recovered"]
    assert desk.of_kind(CallHooks)[-1].prior == Outcome.FAILURE


def test_a_recovery_is_known_after_the_daemon_s_restart_too(desk: Desk) -> None:
    run_a(desk, hooks=Hooks(on_recovery=Hook(("recovered",))))
    desk.end("a", exit_code=1)
    desk.restart()
    desk.pass_time("10m")
    desk.end("a")
    assert told(desk) == ["recovered"]


def test_a_run_that_cannot_start_is_a_failure_without_a_start(desk: Desk) -> None:
    desk.starts_are_confirmed = False
    run_a(desk)
    desk.fail_to_start("a")
    assert told(desk) == ["/p/fail", "failed"]


def test_an_end_that_came_while_no_daemon_was_there_is_told_once(desk: Desk) -> None:
    run_a(desk)
    desk.end_unseen("a", exit_code=1)
    desk.restart()
    desk.pass_time("5m")
    assert told(desk) == ["/p/start", "/p/fail", "failed"]


def test_a_start_is_not_told_again_by_the_next_daemon(desk: Desk) -> None:
    run_a(desk)
    desk.restart()
    desk.end("a")
    assert told(desk) == ["/p/start", "/p", "fine"]


def test_a_run_under_way_calls_the_hooks_with_which_it_started(desk: Desk) -> None:
    run_a(desk)
    desk.change("a", hooks=Hooks())
    desk.end("a")
    assert told(desk) == ["/p/start", "/p", "fine"]
    desk.pass_time("10m")
    desk.end("a")
    assert told(desk) == ["/p/start", "/p", "fine"]


def test_a_run_by_hand_is_told_of_like_any_other(desk: Desk) -> None:
    desk.job("a", hooks=HOOKS)
    desk.trigger("a")
    desk.end("a", exit_code=1)
    assert told(desk) == ["/p/start", "/p/fail", "failed"]


def test_what_an_operator_cancels_is_told_to_nobody(desk: Desk) -> None:
    run_a(desk, hooks=Hooks(on_failure=Hook(("failed",)), ping_url=Hook(url="https://h/p")))
    desk.cancel(job="a")
    desk.end("a", exit_code=1)
    assert desk.outcomes("a") == [Outcome.CANCELED]
    assert told(desk) == ["/p/start"]


# -- in a cluster -----------------------------------------------------------------------


def shared_a(cluster: ClusterDesk, **keys: Any) -> Any:
    cluster.job("a", **{"every": "1h", "hooks": HOOKS, **keys})
    cluster.pass_time("1h")
    return cluster.holder("a")


def everybody(cluster: ClusterDesk) -> list[str]:
    return [f"{desk.node_name} {one}" for desk in cluster.nodes.values() for one in told(desk)]


def test_only_the_node_that_ran_it_tells(cluster: ClusterDesk) -> None:
    holder = shared_a(cluster)
    holder.end("a", exit_code=1)
    cluster.pass_time("5m")
    name = holder.node_name
    assert everybody(cluster) == [f"{name} /p/start", f"{name} /p/fail", f"{name} failed"]
    assert not holder.of_kind(CallHooks)[-1].is_doubtful


def test_a_run_that_the_supervisor_ended_for_want_of_a_renewal_is_doubtful(
    cluster: ClusterDesk,
) -> None:
    """Another node may take it over before the store hears of this one's word."""
    holder = shared_a(cluster)
    holder.cut()
    cluster.pass_time("27s")
    assert cluster.killed
    effect = holder.of_kind(CallHooks)[-1]
    assert (effect.record.outcome, effect.is_doubtful) == (Outcome.LOST, True)


def test_the_end_of_a_run_that_has_passed_on_is_doubtful_whatever_it_was(
    cluster: ClusterDesk,
) -> None:
    holder = shared_a(cluster)
    run = holder.process("a").run
    holder.handle(LeasesRenewed((), (Holding(run.run_id, run.token),), cluster.steady_s))
    process = holder.process("a")
    assert process.cause is StopCause.TRUST
    process.cause = None  # it had ended by itself just before
    holder.end("a")
    effect = holder.of_kind(CallHooks)[-1]
    assert (effect.record.outcome, effect.is_doubtful) == (Outcome.SUCCESS, True)


def test_a_job_of_the_node_is_never_doubtful(cluster: ClusterDesk) -> None:
    cluster.job("a", every="1h", hooks=HOOKS, scope="node")
    cluster.pass_time("1h")
    desk = cluster.nodes["app1"]
    desk.lose_supervisor()
    effect = desk.of_kind(CallHooks)[-1]
    assert (effect.record.outcome, effect.is_doubtful) == (Outcome.LOST, False)


def test_a_run_that_a_silent_node_lost_is_told_by_the_node_that_ends_it(
    cluster: ClusterDesk,
) -> None:
    holder = shared_a(cluster)
    survivor = next(desk for desk in cluster.nodes.values() if desk is not holder)
    holder.die()
    cluster.pass_time("2m")
    assert told(survivor) == ["/p/fail", "failed"]
    (effect,) = survivor.of_kind(CallHooks)
    assert (effect.record.outcome, effect.record.node) == (Outcome.LOST, holder.node_name)
    assert not effect.is_doubtful


def test_of_many_survivors_one_tells(new_cluster: type[ClusterDesk]) -> None:
    cluster = new_cluster("app1", "app2", "app3", "app4")
    holder = shared_a(cluster)
    holder.die()
    cluster.pass_time("2m")
    survivors = [desk for desk in cluster.nodes.values() if desk is not holder]
    assert sorted(one for desk in survivors for one in told(desk)) == ["/p/fail", "failed"]


def test_a_run_that_goes_on_elsewhere_is_told_of_when_it_is_over(cluster: ClusterDesk) -> None:
    holder = shared_a(cluster, retries=Retries(max=1, delay=span("10s"), jitter=0.0))
    holder.die()
    cluster.pass_time("2m")
    survivor = cluster.holder("a")
    assert told(survivor) == []
    survivor.end("a")
    assert told(survivor) == ["/p", "fine"]


def test_a_run_that_a_claim_finds_overdue_is_told_by_who_claims(cluster: ClusterDesk) -> None:
    """The next tick came before anybody's turn to look after the run."""
    holder = shared_a(cluster, every="30s")
    survivor = next(desk for desk in cluster.nodes.values() if desk is not holder)
    run = holder.process("a").run
    holder.die()
    survivor.handle(ClaimsDecided((), 0.0, (finished(run),)))
    assert told(survivor)[-2:] == ["/p/fail", "failed"]


def test_a_run_of_a_job_that_this_node_does_not_know_is_told_by_nobody(desk: Desk) -> None:
    run_a(desk)
    lost = replace(finished(desk.process("a").run), job="gone")
    desk.handle(ClaimsDecided((), None, (lost,)))
    assert told(desk) == ["/p/start"]


def finished(run: ActiveRun) -> RunRecord:
    return record_of(run, ended_at=run.claimed_at, outcome=Outcome.LOST)
