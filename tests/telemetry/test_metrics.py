"""Metrics: every tick and every run is counted once, from the store's answers."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core import effects as fx
from jobd.core import events as ev
from jobd.core.claim import Trigger
from jobd.core.ledger import SkipReason
from jobd.core.outcome import Outcome
from jobd.core.run import record_of
from jobd.telemetry.series import REASON_INDEX


async def test_a_granted_tick_is_a_tick_and_a_started_run(node: Any, make: Any) -> None:
    node.observe(make.granted())
    found = await node.samples()
    assert found.value("jobd_ticks_total") == 1
    assert found.value("jobd_runs_started_total", trigger="schedule") == 1
    assert found.total("jobd_ticks_skipped_total") == 0


async def test_a_tick_caught_up_counts_by_its_own_trigger(node: Any, make: Any) -> None:
    node.observe(make.granted(trigger=Trigger.CATCHUP))
    found = await node.samples()
    assert found.value("jobd_ticks_total") == 1
    assert found.value("jobd_runs_started_total", trigger="catchup") == 1


async def test_a_manual_run_is_no_tick(node: Any, make: Any) -> None:
    node.observe(make.manual())
    found = await node.samples()
    assert found.value("jobd_runs_started_total", trigger="manual") == 1
    assert found.value("jobd_ticks_total") == 0


async def test_a_denial_that_settles_a_tick_is_a_skip(node: Any, make: Any) -> None:
    node.observe(make.denied(SkipReason.OVERLAP, settled=True))
    found = await node.samples()
    assert found.value("jobd_ticks_total") == 1
    assert found.value("jobd_ticks_skipped_total", reason="overlap") == 1


@pytest.mark.parametrize(
    ("reason", "settled", "changes"),
    [
        pytest.param(None, True, {}, id="decided before"),
        pytest.param(SkipReason.OVERLAP, False, {}, id="will be asked again"),
        pytest.param(
            SkipReason.OVERLAP, False, {"fire_time": None, "trigger": Trigger.MANUAL}, id="manual"
        ),
    ],
)
async def test_a_denial_that_settles_nothing_counts_nothing(
    node: Any, make: Any, reason: SkipReason | None, settled: bool, changes: Any
) -> None:
    node.observe(make.denied(reason, settled=settled, **changes))
    found = await node.samples()
    assert found.total("jobd_ticks_total") == found.total("jobd_ticks_skipped_total") == 0


@pytest.mark.parametrize("reason", SkipReason)
async def test_a_range_of_skips_counts_each_tick(node: Any, make: Any, reason: SkipReason) -> None:
    node.observe(make.skipped(reason, count=10_000))
    found = await node.samples()
    assert found.value("jobd_ticks_total") == 10_000
    assert found.value("jobd_ticks_skipped_total", reason=reason) == 10_000


async def test_asking_counts_nothing_before_the_store_has_answered(node: Any, make: Any) -> None:
    """Else a store that fails would make ticks that the ledger has never seen."""
    skips = make.skipped(SkipReason.PAUSED).skips
    node.observe(ev.Woke(), fx.Claim((make.request(),)), fx.RecordSkips(skips))
    assert (await node.samples()).value("jobd_ticks_total") == 0


answers = st.lists(
    st.one_of(
        st.just(("granted",)),
        st.just(("manual",)),
        st.tuples(st.just("denied"), st.sampled_from([None, *SkipReason]), st.booleans()),
        st.tuples(st.just("skipped"), st.sampled_from(SkipReason), st.integers(0, 1000)),
    )
)


def as_event(make: Any, answer: Any) -> Any:
    kind, *details = answer
    if kind == "denied":
        reason, settled = details
        return make.denied(reason, settled=settled)
    return make.skipped(*details) if kind == "skipped" else getattr(make, kind)()


@given(history=answers)
def test_ticks_are_started_plus_skipped_whatever_happens(
    new_node: Any, make: Any, history: list[Any]
) -> None:
    node = new_node()
    for answer in history:
        node.observe(as_event(make, answer))
    series = node.telemetry.jobs.by_name["backup"]
    started, skipped = series.started or [0, 0, 0], series.skipped or [0]
    manual = sum(kind == "manual" for kind, *_ in history)
    assert series.ticks == sum(started) - manual + sum(skipped)


@pytest.mark.parametrize("outcome", Outcome)
async def test_a_run_ends_as_one_outcome(node: Any, make: Any, outcome: Outcome) -> None:
    node.observe(ev.Woke(), make.finish(outcome))
    found = await node.samples()
    assert found.value("jobd_runs_total", outcome=outcome) == 1
    assert found.total("jobd_runs_total") == 1


async def test_runs_that_a_node_has_ended_for_a_silent_one_are_counted_as_lost(
    node: Any, make: Any
) -> None:
    """Their own node is gone, and counts nothing."""
    lost = [replace(record_of(make.run(f"r{n}"), outcome=Outcome.LOST), node="b") for n in (1, 2)]
    node.observe(ev.TakenOver((), 0.0, (lost[0],)))
    node.observe(ev.ClaimsDecided((), 0.0, (lost[1],)))
    found = await node.samples()
    assert found.value("jobd_runs_total", outcome="lost") == found.total("jobd_runs_total") == 2
    assert found.value("jobd_run_duration_seconds_count") == 0


async def test_a_lost_run_that_nodes_share_is_counted_once_whoever_ends_it(
    node: Any, make: Any
) -> None:
    """A node that was cut off gives its run up, and so does the one that takes over."""
    end = make.finish(Outcome.LOST)
    record = end.finish.record
    node.observe(make.granted(), replace(end, is_shared=True))
    assert (await node.samples()).total("jobd_runs_total") == 0, "the store has not heard of it"
    node.telemetry.end_settled(record, False)
    assert (await node.samples()).total("jobd_runs_total") == 0, "another node has ended it"
    node.telemetry.end_settled(record, True)
    assert (await node.samples()).value("jobd_runs_total", outcome="lost") == 1


async def test_other_ends_of_a_shared_run_are_counted_at_once(node: Any, make: Any) -> None:
    """Also while the store is away."""
    end = make.finish(Outcome.FAILURE)
    node.observe(make.granted(), replace(end, is_shared=True))
    node.telemetry.end_settled(end.finish.record, True)
    assert (await node.samples()).value("jobd_runs_total", outcome="failure") == 1


async def test_an_attempt_that_will_be_retried_ends_no_run(node: Any, make: Any) -> None:
    """Else one flaky run with three attempts would raise three alerts."""
    node.observe(ev.Woke(), make.finish(Outcome.FAILURE, will_retry=True, duration_s=4.0))
    found = await node.samples()
    assert found.total("jobd_runs_total") == 0
    assert found.value("jobd_run_duration_seconds_count") == 0
    assert found.value("jobd_run_retries_total") == 1


async def test_cpu_time_is_that_of_all_attempts(node: Any, make: Any) -> None:
    node.observe(ev.Woke(), make.finish(Outcome.FAILURE, will_retry=True, cpu_s=1.5))
    node.observe(ev.Woke(), make.finish(cpu_s=0.25))
    assert (await node.samples()).value("jobd_run_cpu_seconds_total") == 1.75


async def test_durations_fall_into_cumulative_buckets(node: Any, make: Any) -> None:
    for duration_s in (0.05, 0.5, 45.0, 100_000.0):
        node.observe(ev.Woke(), make.finish(duration_s=duration_s))
    found = await node.samples()
    name = "jobd_run_duration_seconds"
    wanted = {"0.1": 1, "0.5": 2, "15.0": 2, "60.0": 3, "21600.0": 3, "+Inf": 4}
    assert {le: found.value(f"{name}_bucket", le=le) for le in wanted} == wanted
    assert found.value(f"{name}_count") == 4
    assert found.value(f"{name}_sum") == pytest.approx(100_045.55)


async def test_a_run_that_never_started_has_no_duration(node: Any, make: Any) -> None:
    node.observe(ev.Woke(), make.finish(Outcome.START_ERROR, duration_s=None))
    assert (await node.samples()).value("jobd_run_duration_seconds_count") == 0


async def test_lateness_runs_from_the_due_time_to_the_execution(node: Any, make: Any) -> None:
    node.observe(make.granted())
    node.observe(ev.RunStarted("r1", make.NOW + node.jitter + timedelta(milliseconds=20)))
    found = await node.samples()
    assert found.value("jobd_start_lateness_seconds_count") == 1
    assert found.value("jobd_start_lateness_seconds_sum") == pytest.approx(0.02)


async def test_only_a_first_attempt_is_late(node: Any, make: Any) -> None:
    """A retry starts when its delay is over; that says nothing about the scheduler."""
    node.observe(make.granted())
    node.observe(ev.RunStarted("r1", make.NOW + node.jitter))
    node.observe(ev.RunStarted("r1", make.NOW + timedelta(hours=1)))
    assert (await node.samples()).value("jobd_start_lateness_seconds_count") == 1


async def test_a_manual_run_is_never_late(node: Any, make: Any) -> None:
    node.observe(make.manual())
    node.observe(ev.RunStarted("r1", make.NOW))
    assert (await node.samples()).value("jobd_start_lateness_seconds_count") == 0


def test_runs_that_never_start_are_not_remembered_for_ever(node: Any, make: Any) -> None:
    for number in range(1000):
        node.observe(make.granted(f"r{number}"))
        node.observe(ev.Woke(), make.finish(Outcome.START_ERROR, f"r{number}"))
    assert not node.telemetry._unstarted


async def test_a_removed_job_disappears(node: Any, make: Any) -> None:
    node.configure(make.job("backup"), make.job("mail"))
    assert 'job_name="mail"' in await node.page()
    node.configure(make.job("backup"))
    assert 'job_name="mail"' not in await node.page()


async def test_a_kept_job_goes_on_counting_over_a_reload(node: Any, make: Any) -> None:
    node.observe(make.granted())
    node.configure(make.job("other"), make.job("backup"))
    found = await node.samples()
    assert found.value("jobd_ticks_total", job_name="backup") == 1
    assert found.value("jobd_ticks_total", job_name="other") == 0


async def test_the_end_of_a_removed_job_s_run_makes_no_series(node: Any, make: Any) -> None:
    node.observe(ev.Woke(), make.finish(job="gone"))
    assert "gone" not in await node.page()


async def test_the_supervisor_is_up_while_it_is_connected(node: Any) -> None:
    seen = [(await node.samples()).value("jobd_supervisor_up")]
    for event in (ev.Recovered(()), ev.SupervisorLost()):
        node.observe(event)
        seen.append((await node.samples()).value("jobd_supervisor_up"))
    assert seen == [0, 1, 0]


async def test_clock_jumps_are_counted_by_direction(node: Any) -> None:
    node.observe(ev.ClockJumped(timedelta(hours=-1)))
    node.observe(ev.ClockJumped(timedelta(hours=2)))
    node.observe(ev.ClockJumped(timedelta(hours=3)))
    found = await node.samples()
    assert found.value("jobd_clock_jumps_total", direction="backward") == 1
    assert found.value("jobd_clock_jumps_total", direction="forward") == 2


async def test_history_not_kept_is_shown_until_it_is_again(node: Any) -> None:
    seen = []
    for trouble in ("disk full", ""):
        node.telemetry.store_trouble(trouble)
        seen.append((await node.samples()).value("jobd_history_kept"))
    assert seen == [0, 1]


async def test_a_failed_reload_keeps_the_time_of_the_last_good_one(node: Any, make: Any) -> None:
    node.telemetry.config_read(True, make.NOW)
    node.telemetry.config_read(False, make.NOW + timedelta(hours=1))
    found = await node.samples()
    assert found.value("jobd_config_last_reload_successful") == 0
    good = found.value("jobd_config_last_reload_success_timestamp_seconds")
    assert good == make.NOW.timestamp()


def test_every_reason_has_a_place() -> None:
    assert sorted(REASON_INDEX.values()) == list(range(13))
