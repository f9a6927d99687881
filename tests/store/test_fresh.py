"""Counting what a ledger does not have yet, against sets of ticks."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.ledger import TickRange
from jobd.core.schedule import CronSchedule, EverySchedule, Schedule
from jobd.store.fresh import count_fresh

START = datetime(2026, 3, 27, tzinfo=UTC)  # a DST night in Europe lies ahead

SCHEDULES = (
    CronSchedule.parse("* * * * *", job="backup", timezone="UTC"),
    CronSchedule.parse("0,7 */3 * * *", job="backup", timezone="Europe/Berlin"),
    CronSchedule.parse("30 2 * * 0,1,6", job="backup", timezone="Europe/Berlin"),
    EverySchedule(every_us=1_500_000, phase_us=7),
    EverySchedule.of(timedelta(minutes=11), job="backup"),
)


def fire_times(schedule: Schedule, number: int) -> list[datetime]:
    found, instant = [], START
    for _ in range(number):
        following = schedule.next_after(instant)
        assert following is not None
        found.append(following)
        instant = following
    return found


TICKS = {schedule: fire_times(schedule, 100) for schedule in SCHEDULES}
spans = st.tuples(st.integers(0, 69), st.integers(1, 30)).map(lambda s: range(s[0], s[0] + s[1]))


@given(st.sampled_from(SCHEDULES), st.lists(spans, max_size=8))
def test_each_tick_is_counted_once_however_ranges_overlap(
    schedule: Schedule, wishes: list[range]
) -> None:
    """Ranges come one after another, as to a ledger; their counts must add up to the ticks."""
    at, settled = TICKS[schedule], set[int]()
    rows: list[TickRange] = []
    for numbers in wishes:
        ticks = TickRange("backup", at[numbers[0]], at[numbers[-1]], len(numbers))
        over = [row for row in rows if row.last >= ticks.first and row.first <= ticks.last]
        fresh = count_fresh(ticks, over, schedule)
        assert fresh == len(set(numbers) - settled)
        settled.update(numbers)
        rows.append(TickRange("backup", ticks.first, ticks.last, fresh))


def test_a_single_tick_needs_no_schedule() -> None:
    one = TickRange("backup", START, START, 1)
    around = TickRange("backup", START - timedelta(hours=1), START + timedelta(hours=1), 9)
    assert count_fresh(one, [around], None) == 0


def test_a_range_that_meets_another_needs_its_schedule() -> None:
    """To guess would let the ledger and the metrics drift apart."""
    ticks = TickRange("backup", START, START + timedelta(hours=1), 61)
    with pytest.raises(AssertionError, match="without its schedule"):
        count_fresh(ticks, [TickRange("backup", START, START, 1)], None)
