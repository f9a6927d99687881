"""Run: the table of state and event. What it does not name is a defect of ours."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.claim import JobMemory, Trigger
from jobd.core.learn import learned
from jobd.core.outcome import Outcome
from jobd.core.run import RunEvent, RunRecord, RunState, advance

TABLE = {
    (RunState.STARTING, RunEvent.STARTED): RunState.RUNNING,
    (RunState.STARTING, RunEvent.RETRY_LATER): RunState.BACKOFF,
    (RunState.STARTING, RunEvent.FINISHED): RunState.ENDED,
    (RunState.RUNNING, RunEvent.RETRY_LATER): RunState.BACKOFF,
    (RunState.RUNNING, RunEvent.FINISHED): RunState.ENDED,
    (RunState.BACKOFF, RunEvent.RETRY_DUE): RunState.STARTING,
    (RunState.BACKOFF, RunEvent.FINISHED): RunState.ENDED,
}


@pytest.mark.parametrize(("pair", "following"), TABLE.items())
def test_a_pair_of_the_table_leads_where_it_says(
    pair: tuple[RunState, RunEvent], following: RunState
) -> None:
    assert advance(*pair) is following


@pytest.mark.parametrize("pair", sorted(set(product(RunState, RunEvent)) - set(TABLE)))
def test_a_pair_outside_the_table_is_a_defect_of_ours(pair: tuple[RunState, RunEvent]) -> None:
    with pytest.raises(AssertionError, match="cannot see"):
        advance(*pair)


@given(st.lists(st.sampled_from(RunEvent), max_size=30))
def test_a_run_that_ended_stays_ended(events: list[RunEvent]) -> None:
    state = RunState.STARTING
    for event in events:
        if state is RunState.ENDED:
            with pytest.raises(AssertionError):
                advance(state, event)
        elif (state, event) in TABLE:
            state = advance(state, event)


def test_a_retried_run_lasts_from_its_first_attempt_to_the_end_of_its_last() -> None:
    """Twenty minutes in three attempts are not the five seconds of the third."""
    claimed = datetime(2026, 11, 23, 10, tzinfo=UTC)
    ended = claimed + timedelta(minutes=20)
    once = RunRecord("r1", "backup", "a", 1, Trigger.SCHEDULE, None, claimed)
    record = replace(
        once, attempt=3, started_at=ended - timedelta(seconds=5), ended_at=ended, duration_s=5.0
    )
    assert (once.began_at, once.lasted_s) == (claimed, None)
    assert (record.began_at, record.lasted_s) == (claimed, 1200.0)
    memory = learned(JobMemory("backup", claimed), record, 0.5, ended)
    assert memory.last_took == timedelta(minutes=20)


def test_a_retried_success_says_how_long_an_attempt_takes_and_how_long_a_run() -> None:
    """The timeout is for the one, the interval for the other."""
    claimed = datetime(2026, 11, 23, 10, tzinfo=UTC)
    ended = claimed + timedelta(seconds=100)
    once = RunRecord("r1", "backup", "a", 1, Trigger.SCHEDULE, None, claimed)
    end = {"ended_at": ended, "outcome": Outcome.SUCCESS, "duration_s": 10.0}
    known = JobMemory("backup", claimed, smoothed_duration_s=10.0, smoothed_lasted_s=50.0)
    memory = learned(known, replace(once, attempt=2, **end), 1.0, ended)
    assert (memory.smoothed_duration_s, memory.smoothed_lasted_s) == (10.0, 60.0)
    failed = replace(once, attempt=2, **{**end, "outcome": Outcome.FAILURE})
    assert learned(known, failed, 1.0, ended).smoothed_lasted_s == 50.0
