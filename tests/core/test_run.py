"""Run: the table of state and event. What it does not name is a defect of ours."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.run import RunEvent, RunState, advance

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
