"""Line: who is next when there is room, and who has to go when the line is too long."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from jobd.core.admission import NOTHING, Need, Opening
from jobd.core.line import Line

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
ALL_FIT = 1 << 40


@dataclass(frozen=True)
class Guest:
    """Somebody who waits, and is aged an hour after noon at the latest."""

    key: str
    priority: int = 0
    due: datetime = NOON
    may_be_turned_away: bool = True
    need: Need = NOTHING
    ages_at: datetime = NOON + timedelta(hours=1)


def at(second: int) -> datetime:
    return NOON + timedelta(seconds=second)


def guest(
    key: str, priority: int = 0, due_s: int = 0, *, stays: bool = False, need: int = 0,
    ages_s: int = 3600,
) -> Guest:  # fmt: skip
    return Guest(key, priority, at(due_s), not stays, Need(need), at(ages_s))


guests = st.lists(
    st.tuples(
        st.integers(-3, 3), st.integers(0, 5), st.booleans(), st.integers(0, 3), st.integers(0, 9)
    ),
    max_size=30,
).map(
    lambda rows: [
        guest(f"g{n}", p, s, stays=b, need=m, ages_s=a) for n, (p, s, b, m, a) in enumerate(rows)
    ]
)


def fill(size: int, *those: Guest) -> Line[Guest]:
    line = Line[Guest](size)
    for one in those:
        line.enter(one)
    return line


def keys(line: Line[Guest]) -> list[str]:
    return [one.key for one in line.in_order()]


def next_key(line: Line[Guest], free: int = ALL_FIT, second: int = 0) -> str | None:
    chosen = line.next(Opening(free), at(second))
    return None if chosen is None else chosen.key


def before_key(line: Line[Guest], one: Guest, free: int = ALL_FIT, second: int = 0) -> str | None:
    found = line.stands_before(one, Opening(free), at(second))
    return None if found is None else found.key


# -- the order ------------------------------------------------------------------------


def test_the_higher_priority_is_next() -> None:
    assert next_key(fill(9, guest("low", 0), guest("high", 5))) == "high"


def test_of_equal_priority_the_oldest_is_next() -> None:
    assert next_key(fill(9, guest("young", due_s=5), guest("old", due_s=1))) == "old"


def test_a_small_one_passes_a_large_one_that_finds_no_room() -> None:
    line = fill(9, guest("large", 5, need=8), guest("small", need=2))
    assert [next_key(line, free=4), next_key(line, free=4)] == ["small", None]


def test_an_aged_one_comes_before_a_more_urgent_one() -> None:
    line = fill(9, guest("old", 0, ages_s=10), guest("urgent", 9))
    assert next_key(line, second=10) == "old"


def test_nobody_passes_an_aged_one_that_finds_no_room() -> None:
    line = fill(9, guest("large", 0, need=8, ages_s=10), guest("small", 9, need=1))
    assert [next_key(line, 4, 9), next_key(line, 4, 10), next_key(line, 8, 10)] == [
        "small",
        None,
        "large",
    ]


def test_of_the_aged_the_oldest_is_next_whatever_its_priority() -> None:
    line = fill(9, guest("second", 9, ages_s=11), guest("first", 0, ages_s=10))
    assert next_key(line, second=20) == "first"


def test_an_empty_line_has_nobody_next() -> None:
    assert next_key(Line[Guest](9)) is None


# -- who stands outside ------------------------------------------------------------------


def test_one_who_stands_outside_waits_for_a_more_urgent_one_that_fits() -> None:
    line = fill(9, guest("urgent", 5, need=1))
    assert before_key(line, guest("outside")) == "urgent"


def test_one_who_stands_outside_passes_who_does_not_fit() -> None:
    line = fill(9, guest("urgent", 5, need=8))
    assert before_key(line, guest("outside", need=1), free=4) is None


def test_one_who_stands_outside_does_not_pass_an_aged_one() -> None:
    line = fill(9, guest("aged", 0, need=8, ages_s=10))
    assert before_key(line, guest("outside", 9), free=4, second=10) == "aged"


def test_the_older_of_two_aged_ones_comes_first_from_outside_too() -> None:
    line = fill(9, guest("aged", ages_s=10))
    outside = (guest("older", ages_s=9), guest("younger", ages_s=11))
    assert [before_key(line, one, second=20) for one in outside] == [None, "aged"]


@given(guests, st.integers(0, 3), st.integers(0, 9))
def test_who_was_next_has_nobody_before_it(those: list[Guest], free: int, second: int) -> None:
    """Or the two would send it round for ever."""
    line = fill(100, *those)
    chosen = line.next(Opening(free), at(second))
    assert chosen is None or before_key(line, chosen, free, second) is None


@given(guests, st.integers(0, 3), st.integers(0, 9))
def test_they_come_out_as_a_search_through_all_of_them_says(
    those: list[Guest], free: int, second: int
) -> None:
    line, left = fill(100, *those), list(those)
    while (expected := _next_of(left, free, at(second))) is not None:
        assert next_key(line, free, second) == expected.key
        left.remove(expected)
    assert next_key(line, free, second) is None
    assert sorted(keys(line)) == sorted(one.key for one in left)


def _next_of(those: list[Guest], free: int, now: datetime) -> Guest | None:
    aged = [one for one in those if one.ages_at <= now]
    if aged:
        oldest = min(aged, key=lambda one: (one.ages_at, one.key))
        return oldest if oldest.need.memory_bytes <= free else None
    return min((one for one in those if one.need.memory_bytes <= free), key=_rank, default=None)


# -- the bound --------------------------------------------------------------------------


def test_a_newcomer_is_turned_away_from_a_full_line() -> None:
    line = fill(1, guest("first"))
    assert line.enter(guest("second", due_s=1)) == guest("second", due_s=1)


def test_a_newcomer_of_higher_priority_takes_the_place_of_the_last() -> None:
    line = fill(1, guest("low"))
    assert line.enter(guest("high", 5, 1)) == guest("low")


def test_who_has_a_lease_is_never_turned_away() -> None:
    line = fill(1, guest("retry", -9, 9, stays=True))
    turned_away = line.enter(guest("tick", 9))
    assert (turned_away, keys(line)) == (guest("tick", 9), ["retry"])


def test_a_line_without_places_turns_everyone_away() -> None:
    assert Line[Guest](0).enter(guest("a")) == guest("a")


@given(guests, st.integers(0, 10))
def test_the_bound_is_only_exceeded_by_those_who_may_stay(those: list[Guest], size: int) -> None:
    line = fill(size, *those)
    staying = sum(not one.may_be_turned_away for one in those)
    assert len(line) <= max(size, staying)


@given(guests, st.integers(0, 10))
def test_nobody_vanishes(those: list[Guest], size: int) -> None:
    """Each is either in the line or was told to go: a tick that is neither is lost."""
    line = Line[Guest](size)
    turned_away = [gone for one in those if (gone := line.enter(one)) is not None]
    assert sorted(keys(line) + [one.key for one in turned_away]) == sorted(o.key for o in those)


@given(guests, st.integers(1, 10))
def test_nobody_is_turned_away_for_one_who_comes_after_him(those: list[Guest], size: int) -> None:
    line = Line[Guest](size)
    for one in those:
        gone = line.enter(one)
        others = [o for o in line.in_order() if o.may_be_turned_away]
        if gone is not None:
            assert all(_rank(other) < _rank(gone) for other in others)


def _rank(one: Guest) -> tuple[int, datetime, str]:
    return (-one.priority, one.due, one.key)


# -- leaving ------------------------------------------------------------------------------


def test_one_may_leave_from_the_middle() -> None:
    line = fill(9, guest("a", due_s=1), guest("b", due_s=2), guest("c", due_s=3))
    line.leave(guest("b", due_s=2))
    assert keys(line) == ["a", "c"]


def test_leaving_a_line_that_one_does_not_stand_in_does_no_harm() -> None:
    assert fill(9, guest("a")).leave(guest("b")) is False


def test_all_who_wait_are_there() -> None:
    line = fill(9, guest("a"), guest("b"))
    line.leave(guest("a"))
    assert [one.key for one in line] == ["b"]


def test_who_waits_is_found_by_key() -> None:
    assert fill(9, guest("a")).get("a") == guest("a")
