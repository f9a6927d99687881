"""Fire times where the clock is set, against walking, and against croniter's naive walk."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest
from croniter import CroniterBadDateError, croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from jobd.core.cron import CronTimes
from jobd.core.cron_fields import read
from jobd.core.schedule import CronSchedule, upcoming
from jobd.core.zone import EPOCH, Zone
from jobd.errors import ScheduleError

BERLIN_SPRING = datetime(2026, 3, 28, 20, tzinfo=UTC)  # 02:00 becomes 03:00 at 01:00Z
BERLIN_AUTUMN = datetime(2026, 10, 24, 20, tzinfo=UTC)  # 03:00 becomes 02:00 at 01:00Z


def parse(text: str, zone: str = "Europe/Berlin", **dst: str) -> CronSchedule:
    return CronSchedule.parse(text, job="job", timezone=zone, **dst)


def times(schedule: CronSchedule, start: datetime, hours: int = 12) -> list[str]:
    """Return the fire times of the hours after ``start`` as ``HH:MM`` in UTC."""
    end = start + timedelta(hours=hours)
    return [f"{at:%H:%M}" for at in takewhile(lambda at: at <= end, upcoming(schedule, start))]


class TestGap:
    """The local hour from 02:00 to 03:00 that Berlin lacks on 2026-03-29."""

    def test_a_tick_in_the_gap_runs_once_right_after_it(self) -> None:
        assert times(parse("30 2 * * *"), BERLIN_SPRING) == ["01:00"]

    def test_several_ticks_in_the_gap_run_once_together(self) -> None:
        assert times(parse("0,20,40 2 * * *"), BERLIN_SPRING) == ["01:00"]

    def test_a_tick_in_the_gap_and_one_as_it_ends_are_one(self) -> None:
        assert times(parse("0 2,3 * * *"), BERLIN_SPRING) == ["01:00"]
        assert parse("0 2,3 * * *").count(BERLIN_SPRING, BERLIN_SPRING + timedelta(hours=12)) == 1

    def test_it_is_found_from_the_last_second_before_the_gap(self) -> None:
        schedule, end = parse("30 2 * * *"), datetime(2026, 3, 29, 1, tzinfo=UTC)
        before = end - timedelta(seconds=1)
        assert schedule.next_after(before) == end
        assert schedule.latest(end) == end
        assert (schedule.count(before, end), schedule.count(end, end)) == (1, 0)

    def test_a_gap_at_the_turn_of_the_year_counts_once(self) -> None:
        """Zones are looked at year by year, in UTC; here the clock is set between two."""
        zone = Zone("Test/Turn", posix_zone("<+00>0<+01>-1,J1/0,J200/2"))
        fields = read(("0", "30", "0", "*", "*", "*"))
        daily = CronTimes(fields.wallclock, zone, shifts=True, is_once=True)
        turn = int((datetime(2027, 1, 1, tzinfo=UTC) - EPOCH).total_seconds())
        assert daily.count(turn - 43_200, turn + 43_200) == 1
        assert daily.next(turn - 43_200) == turn

    def test_with_skip_it_does_not_run(self) -> None:
        assert times(parse("30 2 * * *", gap="skip"), BERLIN_SPRING) == []

    @pytest.mark.parametrize("text", ["*/20 2 * * *", "* 2 * * *"])
    def test_a_wildcard_job_of_that_hour_does_not_run(self, text: str) -> None:
        """croniter on aware times makes a run up for the first of these."""
        assert times(parse(text), BERLIN_SPRING) == []

    def test_every_second_hour_leaves_out_the_one_that_is_missing(self) -> None:
        assert times(parse("0 */2 * * *"), BERLIN_SPRING, 7) == ["21:00", "23:00", "02:00"]

    def test_a_gap_of_half_an_hour_is_one(self) -> None:
        """Lord Howe: 02:00 becomes 02:30 on 2026-10-04."""
        start = datetime(2026, 10, 3, 12, tzinfo=UTC)
        assert times(parse("15 2 * * *", "Australia/Lord_Howe"), start) == ["15:30"]
        assert times(parse("45 2 * * *", "Australia/Lord_Howe"), start) == ["15:45"]

    def test_a_midnight_that_does_not_exist_is_made_up_for(self) -> None:
        """Beirut: 00:00 becomes 01:00 on 2026-03-29."""
        start = datetime(2026, 3, 28, 12, tzinfo=UTC)
        assert times(parse("@daily", "Asia/Beirut"), start) == ["22:00"]
        assert times(parse("@daily", "Asia/Beirut", gap="skip"), start) == []

    def test_a_day_that_does_not_exist_is_made_up_for_once(self) -> None:
        """Apia went from 29 to 31 December 2011."""
        start = datetime(2011, 12, 30, 0, tzinfo=UTC)
        assert times(parse("0 5,6 * * *", "Pacific/Apia"), start) == ["10:00"]

    def test_a_job_that_only_ever_falls_into_gaps_is_given_up_on(self) -> None:
        schedule = parse("* 30 2 * 3 7L", gap="skip")
        assert schedule.next_after(datetime(2027, 1, 1, tzinfo=UTC)) is None


class TestFold:
    """The local hour from 02:00 to 03:00 that Berlin has twice on 2026-10-25."""

    def test_a_fixed_hour_runs_the_first_time_only(self) -> None:
        assert times(parse("30 2 * * *"), BERLIN_AUTUMN) == ["00:30"]

    def test_it_does_not_run_when_asked_between_the_two(self) -> None:
        between = datetime(2026, 10, 25, 1, 15, tzinfo=UTC)
        assert times(parse("30 2 * * *"), between) == []
        assert parse("30 2 * * *").latest(between + timedelta(hours=1)) == datetime(
            2026, 10, 25, 0, 30, tzinfo=UTC
        )

    def test_with_both_it_runs_both_times(self) -> None:
        assert times(parse("30 2 * * *", fold="both"), BERLIN_AUTUMN) == ["00:30", "01:30"]

    def test_a_wildcard_job_follows_real_time(self) -> None:
        assert times(parse("30 * * * *"), BERLIN_AUTUMN, 7) == [
            *("20:30", "21:30", "22:30", "23:30", "00:30", "01:30", "02:30")
        ]

    def test_a_midnight_that_comes_twice_counts_once(self) -> None:
        """Havana: 01:00 becomes 00:00 on 2026-11-01."""
        start = datetime(2026, 10, 31, 20, tzinfo=UTC)
        assert times(parse("@daily", "America/Havana"), start) == ["04:00"]

    def test_seconds_of_a_fixed_minute_count_once(self) -> None:
        schedule = parse("*/20 30 2 * * *")
        assert len(times(schedule, BERLIN_AUTUMN)) == 3

    def test_a_fold_over_the_end_of_the_year_is_one(self) -> None:
        """Zones are looked at year by year; here the clock goes back at 23:30Z on 31 December."""
        zone = Zone("Test/New_Year", posix_zone("<+00>0<+01>-1,J100/2,J1/0:30"))
        fields = read(("0", "15", "0", "*", "*", "*"))
        daily = CronTimes(fields.wallclock, zone, shifts=True, is_once=True)
        eve = int((datetime(2026, 12, 31, 12, tzinfo=UTC) - EPOCH).total_seconds())
        assert daily.count(eve, eve + 86_400) == 1
        assert daily.next(eve) == eve + 11 * 3600 + 900
        assert daily.next(eve + 12 * 3600) == eve + 36 * 3600 + 900


def posix_zone(rule: str) -> ZoneInfo:
    """Return a zone that has nothing but a POSIX rule (RFC 9636, section 3)."""
    counts = b"".join(n.to_bytes(4, "big") for n in (0, 0, 0, 0, 1, 4))
    block = b"TZif2" + bytes(15) + counts + bytes(6) + b"UTC\0"
    return ZoneInfo.from_file(BytesIO(block + block + f"\n{rule}\n".encode()))


class TestNote:
    """What ``jobd next`` says beside a fire time."""

    def note(self, schedule: CronSchedule, start: datetime) -> list[str]:
        return [schedule.note(at) for at in islice(upcoming(schedule, start), 2)]

    def test_a_time_that_does_not_exist(self) -> None:
        assert self.note(parse("30 2 * * *"), BERLIN_SPRING) == [
            "02:30 does not exist on 2026-03-29; runs right after the gap",
            "",
        ]

    def test_a_time_that_comes_twice_and_counts_once(self) -> None:
        assert self.note(parse("30 2 * * *"), BERLIN_AUTUMN) == [
            "02:30 comes twice on 2026-10-25; the first one counts",
            "",
        ]

    def test_a_time_that_counts_twice(self) -> None:
        assert self.note(parse("30 2 * * *", fold="both"), BERLIN_AUTUMN) == [
            "02:30 comes twice on 2026-10-25; this is the first",
            "02:30 comes twice on 2026-10-25; this is the second",
        ]

    def test_seconds_are_shown_where_there_are_some(self) -> None:
        assert self.note(parse("5 30 2 * * *"), BERLIN_AUTUMN)[0].startswith("02:30:05 comes")


TEXTS = st.sampled_from(
    [
        *("*/10 * * * *", "30 2 * * *", "0 0-4 * * *", "*/15 1-3 * * *", "0,30 2,3 1,15 * *"),
        *("@daily", "@monthly", "0 */6 * * 1-5", "*/30 30 2 * * *", "* 59 23 L * *", "0 3 * 2 1#5"),
    ]
)
ZONES = st.sampled_from(
    ["Europe/Berlin", "Australia/Lord_Howe", "Asia/Beirut", "America/St_Johns", "UTC"]
)
DST = st.fixed_dictionaries(
    {"gap": st.sampled_from(["shift", "skip"]), "fold": st.sampled_from(["first", "both"])}
)
SCHEDULES = st.builds(lambda text, zone, dst: parse(text, zone, **dst), TEXTS, ZONES, DST)
INSTANTS = st.datetimes(
    datetime(2025, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    datetime(2027, 12, 31),  # noqa: DTZ001 - likewise
    timezones=st.just(UTC),
)
CLOCK_CHANGES = st.sampled_from(
    [
        datetime(2026, *when, tzinfo=UTC)
        for when in [(3, 29, 1), (10, 25, 1), (4, 4, 15), (10, 3, 15, 30), (3, 28, 22), (3, 8, 5)]
    ]
)
NEAR_CHANGES = st.builds(
    lambda change, by: change + by,
    CLOCK_CHANGES,
    st.timedeltas(timedelta(hours=-30), timedelta(hours=30)),
)


@settings(max_examples=400, deadline=None)
@given(SCHEDULES, NEAR_CHANGES, st.timedeltas(timedelta(0), timedelta(hours=60)))
def test_the_count_is_that_of_a_walk(
    schedule: CronSchedule, after: datetime, length: timedelta
) -> None:
    until = after + length
    walked = sum(1 for _ in takewhile(lambda at: at <= until, upcoming(schedule, after)))
    assert schedule.count(after, until) == walked


@settings(max_examples=400, deadline=None)
@given(SCHEDULES, st.one_of(NEAR_CHANGES, INSTANTS))
def test_latest_is_where_next_stops(schedule: CronSchedule, instant: datetime) -> None:
    latest, following = schedule.latest(instant), schedule.next_after(instant)
    assert latest is not None
    assert following is not None
    assert latest <= instant < following
    assert schedule.next_after(latest) == following
    assert schedule.latest(following - timedelta(microseconds=1)) == latest


@settings(max_examples=200, deadline=None)
@given(SCHEDULES, INSTANTS, INSTANTS, INSTANTS)
def test_counts_of_years_add_up(
    schedule: CronSchedule, one: datetime, two: datetime, three: datetime
) -> None:
    first, middle, last = sorted([one, two, three])
    whole = schedule.count(first, last)
    assert whole == schedule.count(first, middle) + schedule.count(middle, last)


def test_thirty_years_of_minutes_are_counted() -> None:
    """By walking it would be fifteen million steps."""
    schedule = parse("* * * * *")
    start = datetime(2000, 1, 1, tzinfo=UTC)
    end = datetime(2030, 1, 1, tzinfo=UTC)
    assert schedule.count(start, end) == (end - start) // timedelta(minutes=1)


def test_an_end_before_the_start_counts_nothing() -> None:
    assert parse("* * * * *").count(BERLIN_AUTUMN, BERLIN_SPRING) == 0


@pytest.mark.parametrize("year", [1, 2, 9998, 9999])
def test_the_ends_of_time_raise_nothing(year: int) -> None:
    instant = datetime(year, 12, 31, 23, 59, tzinfo=UTC)
    schedule = parse("0 0 29 2 *")
    assert schedule.next_after(instant) is None or year < 9999
    assert schedule.latest(instant) is None or year > 1
    assert schedule.count(instant, instant + timedelta(seconds=1)) == 0


FIELD_CHOICES: Sequence[Sequence[str]] = (
    ("0", "30", "*/20", "10-20/5"),
    ("0", "*", "*/7", "5,10-15", "59"),
    ("*", "0", "*/5", "9-17/2", "23"),
    ("*", "1", "31", "*/9", "10-20", "L"),
    ("*", "2", "1,12", "*/5", "jun-aug"),
    ("*", "1-5", "*/3", "0", "mon,fri"),
)


@settings(max_examples=400, deadline=None)
@given(st.tuples(*map(st.sampled_from, FIELD_CHOICES)).map(" ".join), INSTANTS)
def test_in_utc_croniter_walks_the_same_way(text: str, start: datetime) -> None:
    """The second oracle, for what cronsim has not: it reads croniter's own dialect."""
    walk = croniter(
        text, start, ret_type=datetime, second_at_beginning=True, implement_cron_bug=True
    )
    try:
        schedule = parse(text, "UTC")
    except ScheduleError:
        with pytest.raises(CroniterBadDateError):
            next(walk)
        return
    expected = list(islice(walk.all_next(datetime), 5))
    assert list(islice(upcoming(schedule, start), 5)) == expected


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("*/10 * * * *", timedelta(minutes=10)),
        ("0,5,30 * * * *", timedelta(minutes=5)),
        ("30 2 * * *", timedelta(days=1)),
        ("*/5 9-17 * * mon-fri", timedelta(minutes=5)),
        ("0 9,17 * * *", timedelta(hours=8)),
        ("* * * * * *", timedelta(seconds=1)),
    ],
)
def test_the_interval_is_the_same_in_spring(text: str, interval: timedelta) -> None:
    """A day is a day by the wall clock: utilization must not jump where the clock is set."""
    assert parse(text).interval(BERLIN_SPRING) == interval
    assert parse(text).interval(BERLIN_AUTUMN) == interval
