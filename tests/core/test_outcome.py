"""Outcome: the exit judged. What jobd did outranks what the job answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.outcome import Exit, Outcome, StopCause, judge


def exit_of(code: int | None = 0, cause: StopCause | None = None, *, oom: bool = False) -> Exit:
    return Exit(code, None if code is not None else 15, cause, oom, 1.0, 0.1, None)


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (StopCause.TIMEOUT, Outcome.TIMEOUT),
        (StopCause.CANCEL, Outcome.CANCELED),
        (StopCause.REPLACE, Outcome.CANCELED),
        (StopCause.SHUTDOWN, Outcome.CANCELED),
        (StopCause.MEMORY, Outcome.OOM),
        (StopCause.TRUST, Outcome.LOST),
    ],
)
def test_what_jobd_did_names_the_outcome(cause: StopCause, expected: Outcome) -> None:
    assert judge(exit_of(None, cause), {0}, matched_failure=False) is expected


def test_every_cause_has_an_outcome() -> None:
    """A cause that is added and forgotten here would break a run's end."""
    for cause in StopCause:
        judge(exit_of(None, cause), {0}, matched_failure=False)


def test_a_job_that_exits_0_on_the_term_of_its_timeout_timed_out() -> None:
    assert judge(exit_of(0, StopCause.TIMEOUT), {0}, matched_failure=False) is Outcome.TIMEOUT


def test_a_clean_exit_is_a_success() -> None:
    assert judge(exit_of(0), {0}, matched_failure=False) is Outcome.SUCCESS


def test_another_exit_status_may_be_a_success_too() -> None:
    assert judge(exit_of(3), {0, 3}, matched_failure=False) is Outcome.SUCCESS


def test_0_is_no_success_where_the_job_says_so() -> None:
    assert judge(exit_of(0), {3}, matched_failure=False) is Outcome.FAILURE


def test_a_signal_from_elsewhere_is_a_failure() -> None:
    assert judge(exit_of(None), {0}, matched_failure=False) is Outcome.FAILURE


def test_a_failure_line_fails_a_clean_exit() -> None:
    """Some commands print ERROR and exit 0."""
    assert judge(exit_of(0), {0}, matched_failure=True) is Outcome.FAILURE


def test_a_memory_kill_explains_a_bad_exit() -> None:
    assert judge(exit_of(1, oom=True), {0}, matched_failure=False) is Outcome.OOM


def test_a_job_that_survives_the_memory_kill_of_a_child_succeeded() -> None:
    assert judge(exit_of(0, oom=True), {0}, matched_failure=False) is Outcome.SUCCESS


@given(
    st.one_of(st.none(), st.integers(0, 255)),
    st.one_of(st.none(), st.sampled_from(StopCause)),
    st.booleans(),
    st.booleans(),
)
def test_only_a_clean_undisturbed_exit_succeeds(
    code: int | None, cause: StopCause | None, oom: bool, matched: bool
) -> None:
    outcome = judge(exit_of(code, cause, oom=oom), {0}, matched)
    assert (outcome is Outcome.SUCCESS) == (code == 0 and cause is None and not matched)
