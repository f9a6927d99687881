"""Counting local times agrees with walking through them."""

from datetime import date
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from jobd.core.cron_fields import read
from jobd.core.wallclock import Days, WallClock
from jobd.core.zone import DAY_S, EPOCH_ORDINAL
from jobd.errors import ScheduleError


def fires(words: tuple[str, ...]) -> bool:
    try:
        read(words)
    except ScheduleError:
        return False
    return True


WORDS = st.tuples(
    st.sampled_from(["0", "*/20", "5,59"]),
    st.sampled_from(["0", "*/7", "30", "59"]),
    st.sampled_from(["0", "*/5", "23", "9-17"]),
    st.sampled_from(["*", "1", "*/9", "28-31", "L", "13,L"]),
    st.sampled_from(["*", "2", "1,12", "*/5"]),
    st.sampled_from(["*", "1-5", "*/3", "0L", "2#5", "5#1,0"]),
).filter(fires)
START = (date(2027, 12, 25).toordinal() - EPOCH_ORDINAL) * DAY_S


def clock(words: tuple[str, ...]) -> WallClock:
    return read(words).wallclock


@settings(max_examples=200, deadline=None)
@given(WORDS, st.integers(0, 400 * DAY_S), st.integers(0, 90 * DAY_S))
def test_the_count_is_that_of_a_walk(words: tuple[str, ...], offset: int, length: int) -> None:
    wallclock, low = clock(words), START + offset
    count, local = 0, wallclock.next(low, low + length)
    while local is not None and count < 2000:
        count, local = count + 1, wallclock.next(local + 1, low + length)
        high = low + length if local is None else local
    assert wallclock.count(low, high if count else low + length) == count


@settings(max_examples=200, deadline=None)
@given(WORDS, st.integers(0, 400 * DAY_S))
def test_latest_goes_back_to_where_next_came_from(words: tuple[str, ...], offset: int) -> None:
    wallclock, low = clock(words), START + offset
    first = wallclock.next(low, low + 10**9)
    if first is None:
        return
    second = wallclock.next(first + 1, first + 10**9)
    assert wallclock.latest(low, first + 1) == first
    assert wallclock.latest(low, first) is None
    assert second is None or wallclock.latest(low, second) == first


@settings(max_examples=100, deadline=None)
@given(WORDS, st.integers(0, 4000))
def test_a_day_counts_if_and_only_if_next_stops_there(words: tuple[str, ...], day: int) -> None:
    days: Days = clock(words).days
    day += START // DAY_S
    assert days.count(day, day + 1) == (days.next(day, day) == day)
    assert days.latest(day, day) == days.next(day, day)


def test_the_rarest_day_comes_within_forty_years() -> None:
    """That is why nothing is looked for further than fifty: 2100 is no leap year."""
    days = clock(("0", "0", "0", "*", "2", "1#5")).days
    found = []
    day = date(2000, 1, 1).toordinal() - EPOCH_ORDINAL
    while len(found) < 12 and (following := days.next(day, day + 50 * 366)) is not None:
        found.append(date.fromordinal(following + EPOCH_ORDINAL))
        day = following + 1
    assert {(day.month, day.day, day.weekday()) for day in found} == {(2, 29, 0)}
    assert max(later.year - earlier.year for earlier, later in pairwise(found)) == 40


def test_equal_times_are_spelled_alike() -> None:
    assert str(clock(("0", "*/30", "2", "*", "*", "1-5"))) == str(
        clock(("0", "0,30", "2", "*", "*", "MON,TUE-FRI"))
    )
