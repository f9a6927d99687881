"""Admission: who is next when there is room, and who has to go when the waiting room is full."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.admission import Room, WaitingRoom
from jobd.core.ledger import SkipReason

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Guest:
    """Somebody who waits."""

    key: str
    priority: int = 0
    due: datetime = NOON
    may_be_turned_away: bool = True


def guest(key: str, priority: int = 0, due_s: int = 0, *, stays: bool = False) -> Guest:
    return Guest(key, priority, NOON + timedelta(seconds=due_s), not stays)


guests = st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 5), st.booleans()), max_size=30).map(
    lambda rows: [guest(f"g{n}", p, s, stays=b) for n, (p, s, b) in enumerate(rows)]
)


def fill(size: int, *those: Guest) -> WaitingRoom[Guest]:
    room = WaitingRoom[Guest](size)
    for one in those:
        room.enter(one)
    return room


def keys(room: WaitingRoom[Guest]) -> list[str]:
    return [one.key for one in room.in_order()]


def test_the_higher_priority_is_next() -> None:
    assert keys(fill(9, guest("low", 0), guest("high", 5))) == ["high", "low"]


def test_of_equal_priority_the_oldest_is_next() -> None:
    assert keys(fill(9, guest("young", due_s=5), guest("old", due_s=1))) == ["old", "young"]


def test_a_newcomer_is_turned_away_from_a_full_room() -> None:
    room = fill(1, guest("first"))
    assert room.enter(guest("second", due_s=1)) == guest("second", due_s=1)


def test_a_newcomer_of_higher_priority_takes_the_place_of_the_last() -> None:
    room = fill(1, guest("low"))
    assert room.enter(guest("high", 5, 1)) == guest("low")


def test_who_has_a_lease_is_never_turned_away() -> None:
    room = fill(1, guest("retry", -9, 9, stays=True))
    turned_away = room.enter(guest("tick", 9))
    assert (turned_away, keys(room)) == (guest("tick", 9), ["retry"])


def test_a_room_without_places_turns_everyone_away() -> None:
    assert WaitingRoom[Guest](0).enter(guest("a")) == guest("a")


def test_one_may_leave_from_the_middle() -> None:
    room = fill(9, guest("a", due_s=1), guest("b", due_s=2), guest("c", due_s=3))
    room.leave(guest("b", due_s=2))
    assert keys(room) == ["a", "c"]


def test_leaving_a_room_that_one_is_not_in_does_no_harm() -> None:
    assert fill(9, guest("a")).leave(guest("b")) is False


def test_who_waits_is_found_by_key() -> None:
    assert fill(9, guest("a")).get("a") == guest("a")


def test_an_empty_room_has_nobody_next() -> None:
    assert WaitingRoom[Guest](9).next() is None


@given(guests)
def test_they_come_out_by_priority_then_age(those: list[Guest]) -> None:
    room = fill(100, *those)
    out = [room.next() for _ in those]
    assert out == sorted(those, key=lambda one: (-one.priority, one.due, one.key))


@given(guests, st.integers(0, 10))
def test_the_bound_is_only_exceeded_by_those_who_may_stay(those: list[Guest], size: int) -> None:
    room = fill(size, *those)
    staying = sum(not one.may_be_turned_away for one in those)
    assert len(room) <= max(size, staying)


@given(guests, st.integers(0, 10))
def test_nobody_vanishes(those: list[Guest], size: int) -> None:
    """Each is either in the room or was told to go: a tick that is neither is lost."""
    room = WaitingRoom[Guest](size)
    turned_away = [gone for one in those if (gone := room.enter(one)) is not None]
    assert sorted(keys(room) + [one.key for one in turned_away]) == sorted(o.key for o in those)


@given(guests, st.integers(1, 10))
def test_nobody_is_turned_away_for_one_who_comes_after_him(those: list[Guest], size: int) -> None:
    room = WaitingRoom[Guest](size)
    for one in those:
        gone = room.enter(one)
        others = [o for o in room.in_order() if o.may_be_turned_away]
        if gone is not None:
            assert all(_rank(other) < _rank(gone) for other in others)


def _rank(one: Guest) -> tuple[int, datetime, str]:
    return (-one.priority, one.due, one.key)


def test_there_is_room_up_to_max_running() -> None:
    room = Room(2)
    room.take()
    assert room.obstacle() is None


def test_at_max_running_there_is_none() -> None:
    room = Room(1)
    room.take()
    assert room.obstacle() is SkipReason.MAX_RUNNING


def test_a_reload_that_makes_the_room_smaller_waits_for_those_inside() -> None:
    room = Room(3, taken=3)
    room.max_running = 1
    room.release()
    assert room.obstacle() is SkipReason.MAX_RUNNING


def test_a_closed_room_admits_nobody() -> None:
    assert Room(5, is_closed=True).obstacle() is SkipReason.DEADLINE


def test_a_place_that_nobody_held_cannot_be_given_back() -> None:
    with pytest.raises(AssertionError):
        Room(1).release()
