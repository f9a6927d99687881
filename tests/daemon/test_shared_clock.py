"""SharedClock: the cluster's time, which nobody on this machine can set."""

from datetime import timedelta

import pytest

from jobd.daemon.shared_clock import SharedClock
from tests.daemon.fakes import NOON, FakeClock

HOUR = timedelta(hours=1)


@pytest.fixture
def shared(clock: FakeClock) -> SharedClock:
    return SharedClock(clock)


def anchor(shared: SharedClock, clock: FakeClock, ahead: timedelta, trip_s: float = 0.0) -> bool:
    """Beat: the store's clock is so far ahead; the round trip's halves take as long."""
    sent_s = clock.steady
    clock.pass_time(trip_s / 2)
    at = clock.wall + ahead
    clock.pass_time(trip_s / 2)
    return shared.anchor(at, sent_s, clock.steady)


def test_until_the_first_beat_it_is_the_machine_s(shared: SharedClock, clock: FakeClock) -> None:
    assert (shared.now(), shared.offset) == (NOON, timedelta(0))


def test_from_then_on_it_is_the_store_s(shared: SharedClock, clock: FakeClock) -> None:
    anchor(shared, clock, HOUR)
    clock.pass_time(5)
    assert shared.now() == NOON + HOUR + timedelta(seconds=5)
    assert shared.offset == HOUR


def test_the_store_spoke_in_the_middle_of_the_round_trip(
    shared: SharedClock, clock: FakeClock
) -> None:
    anchor(shared, clock, HOUR, trip_s=4.0)
    assert shared.offset == HOUR


def test_a_wall_clock_that_is_set_changes_nothing(shared: SharedClock, clock: FakeClock) -> None:
    anchor(shared, clock, timedelta(0))
    clock.set_wall(3600)
    assert shared.now() == NOON


def test_the_steady_clock_is_the_machine_s(shared: SharedClock, clock: FakeClock) -> None:
    assert shared.steady_s() == clock.steady


def test_the_first_word_is_no_step(shared: SharedClock, clock: FakeClock) -> None:
    assert not anchor(shared, clock, HOUR)


@pytest.mark.parametrize(("moved_s", "has_stepped"), [(0.9, False), (1.1, True), (-1.1, True)])
def test_a_store_s_clock_that_moves_by_more_than_a_second_was_set(
    shared: SharedClock, clock: FakeClock, moved_s: float, has_stepped: bool
) -> None:
    anchor(shared, clock, HOUR)
    clock.pass_time(10)
    assert anchor(shared, clock, HOUR + timedelta(seconds=moved_s)) is has_stepped


def test_a_slow_answer_is_no_step(shared: SharedClock, clock: FakeClock) -> None:
    """All of the trip may have been on the way back: the middle is then wrong by half of it."""
    anchor(shared, clock, HOUR)
    sent_s, at = clock.steady, clock.wall + HOUR
    clock.pass_time(6)
    assert not shared.anchor(at, sent_s, clock.steady)


def test_a_quick_answer_after_a_slow_one_is_no_step(shared: SharedClock, clock: FakeClock) -> None:
    """The slow one had set this clock wrong. Taken for a step, it would keep every node from
    taking anything over, just when a slow store has made leases run out."""
    sent_s, at = clock.steady, clock.wall + HOUR
    clock.pass_time(6)
    shared.anchor(at, sent_s, clock.steady)
    clock.pass_time(1)
    assert not anchor(shared, clock, HOUR)
