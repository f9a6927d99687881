"""Counting what a ledger does not have yet, against sets of ticks."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from jobd.core.ledger import TickRange
from jobd.store.fresh import count_fresh, count_within

START = datetime(2026, 3, 1, tzinfo=UTC)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[timedelta, list[range]]:
    """Return a schedule's interval, and ranges of its ticks by number."""
    interval = timedelta(microseconds=draw(st.integers(1, 10**9)))
    spans = draw(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30)), max_size=6))
    return interval, [range(first, first + length) for first, length in spans]


def ticks(numbers: range, interval: timedelta, count: int | None = None) -> TickRange:
    first, last = START + numbers[0] * interval, START + numbers[-1] * interval
    return TickRange("backup", first, last, len(numbers) if count is None else count)


@given(worlds(), st.integers(0, 60), st.integers(1, 30), st.none() | st.integers(0, 90))
def test_each_tick_is_counted_once_whatever_the_ranges(
    world: tuple[timedelta, list[range]], first: int, length: int, forgotten: int | None
) -> None:
    """Ranges come one after another, as to a ledger; their counts must add up to the ticks."""
    interval, ranges = world
    settled: set[int] = set() if forgotten is None else set(range(forgotten + 1))
    forgotten_until = None if forgotten is None else START + forgotten * interval
    wish = range(first, first + length)
    disjoint = [span for span in ranges if settled.isdisjoint(span)][:1]
    settled.update(*disjoint)
    rows = [ticks(span, interval) for span in disjoint]
    over = [row for row in rows if row.last >= ticks(wish, interval).first]
    over = [row for row in over if row.first <= ticks(wish, interval).last]
    expected = len(set(wish) - settled)
    assert count_fresh(ticks(wish, interval), over, forgotten_until) == expected


@given(worlds(), st.integers(0, 99), st.integers(0, 99))
def test_ticks_within_bounds_are_counted_exactly(
    world: tuple[timedelta, list[range]], first: int, last: int
) -> None:
    interval, ranges = world
    for span in ranges:
        expected = len([n for n in span if first <= n <= last])
        bounds = (START + first * interval, START + last * interval)
        assert count_within(ticks(span, interval), *bounds) == expected


def test_a_row_that_lies_in_the_range_counts_as_often_as_it_says() -> None:
    """Its own ticks may lie around others that were settled before."""
    minute = timedelta(minutes=1)
    sparse = ticks(range(3, 8), minute, count=2)
    assert count_fresh(ticks(range(10), minute), [sparse], None) == 8


def test_a_count_never_falls_below_nothing() -> None:
    minute = timedelta(minutes=1)
    twice = [ticks(range(3), minute), ticks(range(2), minute)]
    assert count_fresh(ticks(range(4), minute), twice, None) == 0
