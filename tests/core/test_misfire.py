"""Which ticks, found late, still count."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobd.core.job import Catchup
from jobd.core.ledger import TickRange
from jobd.core.misfire import MisfirePlan, fire_times, plan
from jobd.core.schedule import (
    AfterSchedule,
    CronSchedule,
    EverySchedule,
    Schedule,
    Tick,
    due_time,
    upcoming,
)

HOURLY = CronSchedule.parse("0 * * * *", job="job", timezone="UTC")
HOUR, MINUTE, NOTHING = timedelta(hours=1), timedelta(minutes=1), timedelta(0)


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 6, 1, hour, minute, second, tzinfo=UTC)


HALF_PAST_MIDNIGHT = at(0, 30)


def ticks(first: int, last: int) -> TickRange:
    """Return the hourly ticks from one hour to another, both included."""
    return TickRange("job", at(first), at(last), last - first + 1)


def found(
    now: datetime,
    catchup: str = "latest",
    *,
    after: datetime = HALF_PAST_MIDNIGHT,
    window: timedelta = 2 * HOUR,
    jitter: timedelta = NOTHING,
    schedule: Schedule = HOURLY,
    last_ended: datetime | None = None,
) -> MisfirePlan:
    return plan(
        schedule,
        job="job",
        after=after,
        now=now,
        due_of=lambda fire_time: fire_time + jitter,
        catchup=Catchup(catchup),
        window=window,
        on_time_within=5 * MINUTE,
        last_ended=last_ended,
    )


@pytest.mark.parametrize("catchup", Catchup)
class TestOneTick:
    def test_one_on_time_is_an_ordinary_tick(self, catchup: str) -> None:
        assert found(at(1, 0, 1), catchup) == MisfirePlan(at(1), current=at(1))

    def test_at_the_last_moment_it_still_is(self, catchup: str) -> None:
        assert found(at(1, 5), catchup).current == at(1)

    def test_its_lateness_counts_from_its_due_time(self, catchup: str) -> None:
        assert found(at(1, 24), catchup, jitter=20 * MINUTE).current == at(1)

    def test_before_its_fire_time_nothing_is_pending(self, catchup: str) -> None:
        assert found(at(0, 59), catchup) == MisfirePlan(at(0, 30))

    def test_one_that_is_not_due_yet_stays(self, catchup: str) -> None:
        assert found(at(1, 19), catchup, jitter=20 * MINUTE) == MisfirePlan(at(0, 30))

    def test_a_clock_set_back_finds_nothing(self, catchup: str) -> None:
        assert found(at(0, 10), catchup, after=at(3)) == MisfirePlan(at(3))

    def test_one_older_than_the_window_is_skipped(self, catchup: str) -> None:
        late = found(at(1, 50), catchup, window=30 * MINUTE)
        assert (late.skipped, late.catchup, late.current) == (ticks(1, 1), None, None)
        assert at(1) <= late.cursor < at(2)


@pytest.mark.parametrize(
    ("now", "catchup", "skipped", "late", "current"),
    [
        (at(4, 1), "none", ticks(1, 3), None, at(4)),
        (at(4, 1), "latest", ticks(1, 3), None, at(4)),
        (at(4, 1), "all", ticks(1, 2), ticks(3, 3), at(4)),
        (at(4, 0), "all", ticks(1, 1), ticks(2, 3), at(4)),
        (at(4, 40), "none", ticks(1, 4), None, None),
        (at(4, 40), "latest", ticks(1, 3), ticks(4, 4), None),
        (at(4, 40), "all", ticks(1, 2), ticks(3, 4), None),
        (at(1, 40), "latest", None, ticks(1, 1), None),
        (at(1, 40), "none", ticks(1, 1), None, None),
        (at(2, 40), "all", None, ticks(1, 2), None),
    ],
)
def test_the_documented_cases(
    now: datetime,
    catchup: str,
    skipped: TickRange | None,
    late: TickRange | None,
    current: datetime | None,
) -> None:
    decided = found(now, catchup)
    assert (decided.skipped, decided.catchup, decided.current) == (skipped, late, current)


def test_late_ticks_run_oldest_first_and_the_newest_last() -> None:
    runs = found(at(5, 1), "all", window=3 * HOUR).runs(HOURLY)
    assert list(runs) == [(at(3), True), (at(4), True), (at(5), False)]


def test_a_tick_whose_jitter_is_not_over_waits_while_older_ones_are_settled() -> None:
    decided = found(at(4, 10), "none", jitter=20 * MINUTE)
    assert decided == MisfirePlan(at(3), skipped=ticks(1, 3))


def test_the_tick_that_fired_before_the_window_and_was_due_in_it_runs() -> None:
    decided = found(at(4, 40), "all", jitter=50 * MINUTE, window=HOUR)
    assert decided.catchup == ticks(3, 3)
    assert decided.skipped == ticks(1, 2)


@pytest.mark.parametrize("catchup", Catchup)
def test_years_of_missed_seconds_are_one_range(catchup: str) -> None:
    """A list of them would be half a billion datetimes; this returns at once."""
    seconds = EverySchedule.of(timedelta(seconds=1), job="job")
    now = at(12) + 17 * 365 * timedelta(days=1)
    decided = found(now, catchup, schedule=seconds, after=at(12), window=17 * 366 * 24 * HOUR)
    runs = 0 if decided.catchup is None else decided.catchup.count
    skipped = 0 if decided.skipped is None else decided.skipped.count
    assert decided.current == now
    assert runs + skipped + 1 == 17 * 365 * 86_400
    assert len(list(islice(decided.runs(seconds), 3))) <= 3


@pytest.mark.parametrize("catchup", ["latest", "all"])
def test_a_window_beyond_the_calendar_holds_everything(catchup: str) -> None:
    decided = found(at(4, 40), catchup, window=timedelta.max)
    assert decided.catchup == (ticks(1, 4) if catchup == "all" else ticks(4, 4))


class TestAfterSchedule:
    """One tick is owed at most, however long nobody was there."""

    SCHEDULE = AfterSchedule.of(10 * MINUTE)

    def test_a_job_that_never_ran_runs_now(self) -> None:
        decided = found(at(3), after=at(3), schedule=self.SCHEDULE)
        assert decided == MisfirePlan(at(3), current=at(3))

    def test_its_tick_is_that_long_after_the_last_end(self) -> None:
        decided = found(at(1, 11), after=at(1), schedule=self.SCHEDULE, last_ended=at(1))
        assert decided == MisfirePlan(at(1, 10), current=at(1, 10))

    def test_a_missed_one_is_caught_up_on_once(self) -> None:
        decided = found(at(2), after=at(1), schedule=self.SCHEDULE, last_ended=at(1))
        assert decided.catchup == TickRange("job", at(1, 10), at(1, 10), 1)
        assert (decided.skipped, decided.current) == (None, None)

    def test_one_too_old_is_skipped_and_the_next_counts_from_now(self) -> None:
        decided = found(at(9), after=at(1), schedule=self.SCHEDULE, last_ended=at(1))
        assert decided.skipped == TickRange("job", at(1, 10), at(1, 10), 1)
        assert self.SCHEDULE.next_after(decided.cursor, at(1)) == at(9, 10)


SCHEDULES = st.sampled_from(
    [
        HOURLY,
        CronSchedule.parse("*/20 * * * *", job="job", timezone="UTC"),
        CronSchedule.parse("0,30 2 * * *", job="job", timezone="Europe/Berlin"),
        EverySchedule.of(timedelta(minutes=7), job="job"),
    ]
)
DURATIONS = st.integers(0, 300).map(lambda n: n * MINUTE)


@settings(max_examples=600, deadline=None)
@given(
    schedule=SCHEDULES,
    length=st.integers(0, 1500).map(lambda n: n * MINUTE),
    catchup=st.sampled_from(Catchup),
    window=DURATIONS,
    on_time_within=DURATIONS,
    jitter=st.sampled_from([NOTHING, 5 * MINUTE, 10 * HOUR]),
)
def test_the_plan_is_what_looking_at_each_tick_gives(
    schedule: Schedule,
    length: timedelta,
    catchup: Catchup,
    window: timedelta,
    on_time_within: timedelta,
    jitter: timedelta,
) -> None:
    """Every pending tick lands in exactly one heap, the right one, and is counted."""
    after = datetime(2026, 10, 24, 11, 11, tzinfo=UTC)  # before a night that is an hour longer
    now = after + length

    def due_of(fire_time: datetime) -> datetime:
        tick = Tick("job", fire_time)
        return due_time(tick, jitter, "random", schedule.next_after(fire_time))

    decided = plan(
        schedule,
        job="job",
        after=after,
        now=now,
        due_of=due_of,
        catchup=catchup,
        window=window,
        on_time_within=on_time_within,
    )
    pending = [
        fire_time
        for fire_time in takewhile(lambda tick: tick <= now, upcoming(schedule, after))
        if due_of(fire_time) <= now
    ]
    lateness = {fire_time: now - due_of(fire_time) for fire_time in pending}
    newest = pending[-1] if pending else None
    current = newest if newest and lateness[newest] <= on_time_within else None
    late = [
        fire_time
        for fire_time in pending
        if fire_time != current
        and lateness[fire_time] <= window
        and (catchup is Catchup.ALL or (catchup is Catchup.LATEST and fire_time == newest))
    ]
    skipped = [tick for tick in pending if tick != current and tick not in late]
    assert decided.current == current
    assert list(spread(schedule, decided.catchup)) == late
    assert list(spread(schedule, decided.skipped)) == skipped
    assert count(decided.catchup) == len(late)
    assert count(decided.skipped) == len(skipped)
    assert schedule.count(decided.cursor, now) == schedule.count(after, now) - len(pending)


def spread(schedule: Schedule, some: TickRange | None) -> Iterator[datetime]:
    return iter(()) if some is None else fire_times(schedule, some)


def count(some: TickRange | None) -> int:
    return 0 if some is None else some.count
