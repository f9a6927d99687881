"""Admission: what a run takes of its node, and whether there is room for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.admission import HEADROOM, UNKNOWN_BYTES, Need, Room, reservation
from jobd.core.ledger import SkipReason
from jobd.core.pressure import Pressure, Strain

MIB = 1 << 20

# -- what a run reserves ----------------------------------------------------------------


def test_a_ceiling_is_what_is_reserved_whatever_was_measured() -> None:
    assert reservation(512 * MIB, 10 * MIB, None, 1024 * MIB) == 512 * MIB


def test_a_ceiling_above_the_budget_is_not_made_smaller() -> None:
    assert reservation(512 * MIB, None, None, 256 * MIB) == 512 * MIB


def test_a_job_that_nobody_knows_reserves_the_default() -> None:
    assert reservation(None, None, None, None) == UNKNOWN_BYTES


def test_what_its_configuration_expects_counts_until_there_is_history() -> None:
    assert reservation(None, None, 200 * MIB, None) == 200 * MIB
    assert reservation(None, 10 * MIB, 200 * MIB, None) < 20 * MIB


def test_without_a_ceiling_no_more_than_the_budget_is_reserved() -> None:
    assert reservation(None, 4096 * MIB, None, 1024 * MIB) == 1024 * MIB


@given(st.integers(1, 1 << 45))
def test_history_is_reserved_with_head_room_and_little_more(measured: int) -> None:
    reserved = reservation(None, measured, None, None)
    assert measured * HEADROOM <= reserved <= measured * HEADROOM * 2 ** (1 / 8) + 1


def test_those_who_wait_have_few_different_needs() -> None:
    sizes = {reservation(None, size, None, None) for size in range(MIB, 2 * MIB, 1024)}
    assert len(sizes) <= 10


# -- the room ----------------------------------------------------------------------------


def need(mebibytes: int = 0, *, asks_store: bool = False) -> Need:
    return Need(mebibytes * MIB, asks_store)


def test_there_is_room_up_to_max_running() -> None:
    room = Room(2)
    room.take(need())
    assert room.obstacle(need()) is None


def test_at_max_running_there_is_none() -> None:
    room = Room(1)
    room.take(need())
    assert room.obstacle(need()) is SkipReason.MAX_RUNNING


def test_a_reload_that_makes_the_room_smaller_waits_for_those_inside() -> None:
    room = Room(3, taken=3)
    room.max_running = 1
    room.release(need())
    assert room.obstacle(need()) is SkipReason.MAX_RUNNING


def test_a_closed_room_admits_nobody() -> None:
    assert Room(5, is_closed=True).obstacle(need()) is SkipReason.DEADLINE


def test_a_place_that_nobody_held_cannot_be_given_back() -> None:
    with pytest.raises(AssertionError):
        Room(1).release(need())


def test_memory_is_reserved_up_to_the_budget_and_no_further() -> None:
    room = Room(9, memory_budget_bytes=100 * MIB)
    room.take(need(60))
    assert (room.obstacle(need(40)), room.obstacle(need(41))) == (None, SkipReason.MEMORY_BUDGET)


def test_memory_that_was_given_back_is_free() -> None:
    room = Room(9, memory_budget_bytes=100 * MIB)
    room.take(need(60))
    room.release(need(60))
    assert room.obstacle(need(100)) is None


def test_what_is_larger_than_the_budget_could_never_be_borne() -> None:
    room = Room(9, memory_budget_bytes=100 * MIB)
    assert (room.could_bear(100 * MIB), room.could_bear(101 * MIB)) == (True, False)


def test_a_node_under_pressure_admits_nobody() -> None:
    room = Room(9, pressure=strained(Strain.MEMORY, 20.0, 21.0))
    assert room.obstacle(need()) is SkipReason.PRESSURE


def test_a_slow_store_holds_only_what_is_decided_there() -> None:
    room = Room(9, pressure=strained(Strain.STORE, 1.0, 1.5))
    assert room.obstacle(need()) is None
    assert room.obstacle(need(asks_store=True)) is SkipReason.PRESSURE


@pytest.mark.parametrize(
    ("room", "words"),
    [
        (Room(1, taken=1), "all 1 places are taken"),
        (Room(1, is_closed=True), "the supervisor is not there yet"),
        (
            Room(9, 100 * MIB, 1, 60 * MIB),
            "it needs 50M, 40M of limits.memory_budget (100M) are free",
        ),
        (Room(9), "others are before it"),
    ],
)
def test_why_there_is_no_room_is_said_in_words(room: Room, words: str) -> None:
    assert room.words(need(50)) == words


def test_the_load_is_the_scarcer_of_places_and_memory() -> None:
    room = Room(10, memory_budget_bytes=100 * MIB)
    room.take(need(60))
    assert room.load == 0.6
    room.memory_budget_bytes = None
    assert room.load == 0.1


def test_a_node_under_pressure_is_loaded() -> None:
    assert Room(9, pressure=strained(Strain.IO, 60.0, 90.0)).load == 1.0


def strained(strain: Strain, limit: float, measured: float) -> Pressure:
    pressure = Pressure()
    pressure.limit({strain: limit})
    pressure.measure({strain: measured})
    return pressure


# -- its opening ----------------------------------------------------------------------------

ROOMS = st.builds(
    Room,
    max_running=st.integers(0, 2),
    memory_budget_bytes=st.none() | st.integers(0, 3),
    taken=st.integers(0, 2),
    reserved_bytes=st.integers(0, 3),
    is_closed=st.booleans(),
    pressure=st.builds(Pressure, holding=st.frozensets(st.sampled_from(Strain))),
)


@given(ROOMS, st.integers(0, 3), st.booleans())
def test_an_opening_says_what_the_room_says(room: Room, size: int, asks_store: bool) -> None:
    wanted = Need(size, asks_store)
    assert room.opening().fits(wanted) == (room.obstacle(wanted) is None)
