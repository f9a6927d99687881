"""Retry delay: growing, bounded, spread, and the same in every replay."""

from datetime import timedelta
from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.job import Retries
from jobd.core.runs import retry_delay

retries = st.builds(
    Retries,
    max=st.just(10),
    delay=st.integers(1, 86_400).map(lambda s: timedelta(seconds=s)),
    factor=st.floats(1.0, 100.0),
    max_delay=st.integers(86_400, 7 * 86_400).map(lambda s: timedelta(seconds=s)),
    jitter=st.floats(0.0, 1.0),
)


@given(retries, st.text(max_size=16), st.integers(1, 200))
def test_a_delay_lies_within_its_spread(wish: Retries, run_id: str, attempt: int) -> None:
    doublings = (attempt - 1) * log2(wish.factor)
    plain = wish.delay * 2 ** min(doublings, log2(wish.max_delay / wish.delay))
    found = retry_delay(wish, run_id, attempt)
    slack = plain * 1e-6
    assert plain * (1 - wish.jitter) - slack <= found <= plain * (1 + wish.jitter) + slack


@given(retries, st.integers(1, 50))
def test_without_jitter_delays_never_shrink(wish: Retries, attempt: int) -> None:
    plain = Retries(wish.max, wish.delay, wish.factor, wish.max_delay, jitter=0.0)
    assert retry_delay(plain, "r", attempt) <= retry_delay(plain, "r", attempt + 1)


@given(retries, st.text(max_size=16), st.integers(1, 50))
def test_a_replay_computes_the_same_delay(wish: Retries, run_id: str, attempt: int) -> None:
    assert retry_delay(wish, run_id, attempt) == retry_delay(wish, run_id, attempt)


@given(retries, st.integers(1, 50))
def test_a_retry_is_always_later(wish: Retries, attempt: int) -> None:
    assert retry_delay(wish, "r", attempt) > timedelta(0)


def test_runs_that_fail_together_do_not_retry_together() -> None:
    wish = Retries(max=3)
    assert len({retry_delay(wish, f"run {n}", 1) for n in range(100)}) == 100


@pytest.mark.parametrize("attempt", [100, 1025, 100_000])
def test_the_delay_stays_bounded_however_many_attempts_there_were(attempt: int) -> None:
    """2.0 ** 1024 is no float any more."""
    wish = Retries(max=10**6, jitter=0.0)
    assert retry_delay(wish, "r", attempt) == wish.max_delay


def test_a_delay_of_nothing_is_allowed() -> None:
    """``delay = "0s"`` is what the configuration accepts for "at once"."""
    wish = Retries(max=3, delay=timedelta(0), max_delay=timedelta(0))
    assert retry_delay(wish, "r", 1) < timedelta(seconds=1)
