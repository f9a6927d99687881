"""Jitter: a hash, so that every node agrees, and never past the next fire time."""

from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core import schedule
from jobd.core.job import JitterMode
from jobd.core.schedule import EverySchedule, Tick, due_time

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
JITTERS = st.timedeltas(timedelta(0), timedelta(days=3))
MODES = st.sampled_from([JitterMode.RANDOM, JitterMode.FIXED])


@given(st.text(), JITTERS, MODES)
def test_the_delay_is_less_than_the_jitter(job: str, jitter: timedelta, mode: JitterMode) -> None:
    due = due_time(Tick(job, NOON), jitter, mode)
    assert NOON <= due < NOON + max(jitter, timedelta(microseconds=1))


@given(st.text(), JITTERS, MODES, st.timedeltas(timedelta(microseconds=1), timedelta(days=5)))
def test_the_due_time_is_before_the_next_fire_time(
    job: str, jitter: timedelta, mode: JitterMode, gap: timedelta
) -> None:
    assert NOON <= due_time(Tick(job, NOON), jitter, mode, NOON + gap) < NOON + gap


@given(st.text(), st.timedeltas(timedelta(seconds=1), timedelta(days=1)), JITTERS, MODES)
def test_due_times_keep_the_order_of_ticks(
    job: str, rate: timedelta, jitter: timedelta, mode: JitterMode
) -> None:
    every = EverySchedule.of(rate, job=job)
    first = every.next_after(NOON)
    assert first is not None
    second, third = first + rate, first + 2 * rate
    assert due_time(Tick(job, first), jitter, mode, second) < due_time(
        Tick(job, second), jitter, mode, third
    )


@pytest.mark.parametrize("mode", JitterMode)
def test_the_highest_hash_does_not_reach_the_next_fire_time(mode: JitterMode) -> None:
    """A float fraction would round up to 1 here, and the tick would be due a tick later."""
    with mock.patch.object(schedule, "_hash_64", return_value=2**64 - 1):
        due = due_time(Tick("job", NOON), timedelta(days=300), mode, NOON + timedelta(days=200))
    assert due == NOON + timedelta(days=200) - timedelta(microseconds=1)


def test_random_differs_per_tick_and_job() -> None:
    dues = {
        due_time(Tick(job, NOON + n * MINUTE), MINUTE) - n * MINUTE
        for job in ("one", "other")
        for n in range(50)
    }
    assert len(dues) == 100


def test_fixed_is_constant_per_job() -> None:
    def delay(job: str, fire_time: datetime) -> timedelta:
        return due_time(Tick(job, fire_time), MINUTE, JitterMode.FIXED) - fire_time

    assert {delay("one", NOON + n * MINUTE) for n in range(50)} == {delay("one", NOON)}
    assert delay("one", NOON) != delay("other", NOON)


def test_the_delay_is_the_documented_hash() -> None:
    """Nodes of different versions must agree on it; it cannot change quietly."""
    digest = blake2b(b"job@1780315200", digest_size=8).digest()
    delay_us = int.from_bytes(digest) * 60_000_000 >> 64
    assert due_time(Tick("job", NOON), MINUTE) == NOON + timedelta(microseconds=delay_us)


def test_delays_are_spread_over_the_whole_jitter() -> None:
    delays = [due_time(Tick(f"job-{n}", NOON), MINUTE) - NOON for n in range(1000)]
    assert min(delays) < MINUTE / 50
    assert max(delays) > MINUTE * 49 / 50


def test_where_the_next_tick_is_near_delays_are_spread_until_then() -> None:
    """Cutting them off instead would make a herd of all that would have been later."""
    delays = [
        due_time(Tick(f"job-{n}", NOON), 60 * MINUTE, "random", NOON + MINUTE) - NOON
        for n in range(1000)
    ]
    assert len(set(delays)) == 1000
    assert max(delays) < MINUTE


def test_a_next_fire_time_that_is_not_later_bounds_nothing() -> None:
    tick = Tick("job", NOON)
    assert due_time(tick, MINUTE, "random", NOON) == due_time(tick, MINUTE)


def test_no_jitter_is_no_delay() -> None:
    assert due_time(Tick("job", NOON), timedelta(0)) == NOON
