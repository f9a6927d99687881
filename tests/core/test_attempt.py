"""Attempts: how those went that another one followed is kept, whatever comes between."""

import json
from datetime import UTC

from hypothesis import given
from hypothesis import strategies as st

from jobd.core.attempt import MOST_KEPT, EndedAttempt, attempts_of, rows_of
from jobd.core.claim import ActiveRun
from jobd.core.job import Retries
from jobd.core.outcome import Outcome
from jobd.core.run import RunState
from tests.core.desk import Desk, span

INSTANTS = st.datetimes(timezones=st.just(UTC))
ATTEMPTS = st.builds(
    EndedAttempt,
    number=st.integers(1),
    node=st.text(),
    started_at=st.none() | INSTANTS,
    ended_at=INSTANTS,
    outcome=st.sampled_from(Outcome),
    reason=st.text(),
    exit_code=st.none() | st.integers(0, 255),
    signal=st.none() | st.integers(1, 64),
    memory_peak_bytes=st.none() | st.integers(0, 2**63 - 1),
)


def active(desk: Desk) -> ActiveRun:
    """Return the one run of the job that is active."""
    (shown,) = desk.view("a").runs
    return shown.run


@given(st.lists(ATTEMPTS).map(tuple))
def test_attempts_come_back_as_they_were(attempts: tuple[EndedAttempt, ...]) -> None:
    assert attempts_of(json.loads(json.dumps(rows_of(attempts)))) == attempts


@given(ATTEMPTS)
def test_what_a_newer_jobd_tells_of_an_attempt_is_passed_over(attempt: EndedAttempt) -> None:
    """In a rolling upgrade an older one reads what it wrote."""
    (row,) = rows_of([attempt])
    assert attempts_of([[*row, "news", None]]) == (attempt,)


@given(ATTEMPTS)
def test_no_attempt_lasted_less_than_no_time(attempt: EndedAttempt) -> None:
    """The clock may have been set back meanwhile."""
    assert attempt.lasted_s is None if attempt.started_at is None else attempt.lasted_s >= 0.0


def test_of_very_many_attempts_the_latest_are_kept(desk: Desk) -> None:
    """A job may be retried for ever, and each start says all that is kept."""
    retries = Retries(max=MOST_KEPT + 5, delay=span("1m"), factor=1.0, jitter=0.0)
    desk.job("a", every="10h", retries=retries)
    desk.pass_time("10h")
    for _ in range(MOST_KEPT + 3):
        desk.end("a", exit_code=1)
        desk.pass_time("1m")
    retried = active(desk).retried
    assert [one.number for one in retried] == [*range(4, MOST_KEPT + 4)]


def test_how_the_attempts_before_went_is_told_with_the_run(desk: Desk) -> None:
    retries = Retries(max=2, delay=span("1m"), factor=1.0, jitter=0.0)
    desk.job("a", every="1h", retries=retries)
    desk.pass_time("1h")
    began = desk.now
    desk.pass_time("5m")
    desk.end("a", exit_code=3)
    failed = EndedAttempt(1, "node", began, began + span("5m"), Outcome.FAILURE, exit_code=3)
    assert active(desk).retried == (failed,), "between the two, too"
    desk.pass_time("1m")
    assert active(desk).retried == (failed,)
    desk.end("a")
    (record,) = desk.history("a")
    assert (record.outcome, record.attempt, record.retried) == (Outcome.SUCCESS, 2, (failed,))


def test_a_restart_between_two_attempts_forgets_neither(desk: Desk) -> None:
    desk.job("a", every="1h", retries=Retries(max=2, delay=span("1m")))
    desk.pass_time("1h")
    desk.end("a", exit_code=3)
    before = active(desk).retried
    desk.restart()
    assert active(desk).retried == before != ()


def test_a_run_that_ends_at_its_first_attempt_has_none_before(desk: Desk) -> None:
    desk.job("a", every="1h")
    desk.pass_time("1h")
    assert desk.view("a").runs[0].state is RunState.RUNNING
    desk.end("a", exit_code=3)
    (record,) = desk.history("a")
    assert record.retried == ()
