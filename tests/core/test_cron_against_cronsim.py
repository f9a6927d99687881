"""cronsim, made to follow Debian's cron to the letter, is the oracle for fire times.

Where it is not, its own matching is: the clock is then read minute by minute. cronsim
walks real time in whole local hours and sets the time of day to 00:00 when it changes the
day. So it differs from Debian's rule, "wildcard jobs run based on the new time", where

- the clock changes by less than an hour, or not on the full hour (Lord Howe, Chatham,
  St John's before 2012): it leaves the first minutes of the following hour out;
- midnight does not exist (Beirut, Cairo, Havana, Morocco until 2011): it names that midnight;
- the offset has seconds (Monrovia until 1972): it does not return.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim, CronSimError
from hypothesis import given, settings
from hypothesis import strategies as st

from jobd.core.schedule import CronSchedule, upcoming
from jobd.core.zone import EPOCH, Zone
from jobd.errors import ScheduleError

ZONES = (
    "Africa/Cairo",
    "Africa/Casablanca",  # goes back for Ramadan
    "America/Asuncion",
    "America/Havana",
    "America/New_York",
    "America/Santiago",
    "America/St_Johns",
    "Antarctica/Troll",  # by two hours
    "Asia/Beirut",
    "Asia/Kolkata",
    "Asia/Tehran",
    "Atlantic/Azores",
    "Australia/Lord_Howe",  # by half an hour
    "Europe/Berlin",
    "Europe/Dublin",  # winter time is the one that saves daylight
    "Europe/Lisbon",
    "Pacific/Apia",  # left out a whole day in 2011
    "Pacific/Chatham",
    "UTC",
)
YEARS = (1999, 2011, 2022, 2023, 2024, 2025, 2026, 2027, 2036)
HOUR = timedelta(hours=1)
MAX_TICKS = 400  # more than the eight hours of the shorter windows hold, mostly


@dataclass(frozen=True)
class Change:
    """An instant at which a zone's clock is set, or any instant where it never is."""

    zone: str
    at: datetime
    is_plain: bool  # from one full hour to another, and midnight exists


def changes(zone: str) -> list[Change]:
    found = []
    for year in YEARS:
        first = int((datetime(year, 1, 1, tzinfo=UTC) - EPOCH).total_seconds())
        for stretch in Zone.of(zone).stretches(first):
            if stretch.start > first + 366 * 86_400:
                break
            shown = stretch.start + stretch.offset
            if stretch.seen != shown:
                is_hourly = stretch.seen % 3600 == 0 == shown % 3600
                has_midnight = not any(local % 86_400 == 0 for local in range(stretch.seen, shown))
                at = EPOCH + timedelta(seconds=stretch.start)
                found.append(Change(zone, at, is_hourly and has_midnight))
    return found or [Change(zone, datetime(2026, 3, 29, 1, tzinfo=UTC), is_plain=True)]


CHANGES = [change for zone in ZONES for change in changes(zone)]
PLAIN_CHANGES = [change for change in CHANGES if change.is_plain]
ODD_CHANGES = [change for change in CHANGES if not change.is_plain]


def item(low: int, high: int) -> st.SearchStrategy[str]:
    value = st.integers(low, high)
    step = st.integers(1, 12)
    bounds = st.tuples(value, value).map(sorted).filter(lambda pair: pair[0] < pair[1])
    return st.one_of(
        value.map(str),
        bounds.map(lambda pair: f"{pair[0]}-{pair[1]}"),
        st.tuples(bounds, step).map(lambda drawn: f"{drawn[0][0]}-{drawn[0][1]}/{drawn[1]}"),
        st.tuples(value, step).map(lambda drawn: f"{drawn[0]}/{drawn[1]}"),
    )


def restricted(low: int, high: int) -> st.SearchStrategy[str]:
    return st.lists(item(low, high), min_size=1, max_size=3).map(",".join)


def starred(high: int) -> st.SearchStrategy[str]:
    return st.one_of(st.just("*"), st.integers(1, high).map(lambda step: f"*/{step}"))


NIGHT = st.sampled_from(["0-4", "2", "1,2,3", "23,0-3", "0", "3"])
MINUTES = restricted(0, 59)
HOURS = st.one_of(NIGHT, restricted(0, 23))
DAYS = st.one_of(
    st.sampled_from(["* * *", "* * *", "* * 0", "L * *", "* * 7L", "* * 0#2", "* 3-4,9-11 *"]),
    st.tuples(
        st.one_of(starred(4), restricted(1, 31), st.just("L")),
        st.one_of(st.just("*"), restricted(1, 12)),
        st.one_of(starred(3), restricted(0, 7), st.sampled_from(["5L", "1,0#2", "sun,3L"])),
    ).map(" ".join),
)
FIXED = st.tuples(MINUTES, HOURS, DAYS).map(" ".join)
REAL_TIME = st.one_of(
    st.tuples(starred(59), st.one_of(HOURS, starred(12)), DAYS),
    st.tuples(MINUTES, starred(12), DAYS),
).map(" ".join)


Window = tuple[str, datetime, datetime]  # zone, start, end


@st.composite
def windows(draw: st.DrawFn, some: Sequence[Change]) -> Window:
    """Draw a time around a change.

    The start is before anything that the change could show again, because cronsim forgets
    which of two equal times it starts from.
    """
    change = draw(st.sampled_from(some))
    before, after = draw(st.sampled_from([(3, 5), (30, 54)]))
    at = change.at.replace(minute=0)
    return change.zone, at - before * HOUR, at + after * HOUR


def ours(text: str, window: Window, **dst: str) -> list[datetime]:
    zone, start, end = window
    try:
        schedule = CronSchedule.parse(text, job="job", timezone=zone, **dst)
    except ScheduleError as error:
        if "never fires" in str(error):
            return []
        raise
    return bounded(upcoming(schedule, start), end)


def cronsims(text: str, window: Window) -> list[datetime]:
    zone, start, end = window
    try:
        walk = CronSim(text, start.astimezone(ZoneInfo(zone)))
    except CronSimError:  # it too knows some that never fire
        return []
    return bounded((at.astimezone(UTC) for at in walk), end)


def bounded(instants: Iterator[datetime], end: datetime) -> list[datetime]:
    return list(islice(takewhile(lambda at: at <= end, instants), MAX_TICKS))


def readings(text: str, window: Window, every_s: int = 60) -> list[datetime]:
    """Return when the zone's clock shows a time that cronsim says ``text`` names."""
    zone, start, end = window
    # Of cronsim only the numbers that it reads are wanted, at no time at all.
    tz, names = ZoneInfo(zone), CronSim(text, datetime(2000, 1, 1))  # noqa: DTZ001 - likewise
    instants = (start + timedelta(seconds=s) for s in range(every_s, 90 * 3600, every_s))

    def is_named(at: datetime) -> bool:
        local = at.astimezone(tz)
        return (
            local.second in names.seconds
            and local.minute in names.minutes
            and local.hour in names.hours
            and local.month in names.months
            and names.match_day(local.date())
        )

    return bounded(filter(is_named, takewhile(lambda at: at <= end, instants)), end)


@settings(max_examples=800, deadline=None)
@given(FIXED, windows(CHANGES))
def test_fixed_hour_jobs_run_when_debians_cron_runs_them(text: str, window: Window) -> None:
    assert ours(text, window) == cronsims(text, window)


@settings(max_examples=600, deadline=None)
@given(REAL_TIME, windows(PLAIN_CHANGES))
def test_wildcard_jobs_run_when_debians_cron_runs_them(text: str, window: Window) -> None:
    assert ours(text, window) == cronsims(text, window)


@settings(max_examples=300, deadline=None)
@given(FIXED, windows(PLAIN_CHANGES))
def test_skip_and_both_make_a_fixed_hour_job_follow_real_time(text: str, window: Window) -> None:
    """cronsim has that too: it leaves expressions with seconds, even 0, to real time."""
    assert ours(text, window, gap="skip", fold="both") == cronsims(f"0 {text}", window)


@settings(max_examples=200, deadline=None)
@given(REAL_TIME, windows(ODD_CHANGES))
def test_wildcard_jobs_run_whenever_the_clock_shows_their_time(text: str, window: Window) -> None:
    assert ours(text, window) == readings(text, window)


@settings(max_examples=200, deadline=None)
@given(FIXED, windows(ODD_CHANGES))
def test_skip_and_both_read_the_clock_in_every_zone(text: str, window: Window) -> None:
    assert ours(text, window, gap="skip", fold="both") == readings(text, window)


@pytest.mark.parametrize("text", ["*/7 * * * *", "30 * * * *", "* 0 * * *"])
def test_an_offset_with_seconds_is_read_to_the_second(text: str) -> None:
    """Monrovia's clock went from -0:44:30 to +0:00 at midnight of 7 January 1972."""
    start = datetime(1972, 1, 6, 22, tzinfo=UTC)
    window = "Africa/Monrovia", start, start + 5 * HOUR
    assert ours(text, window) == readings(text, window, every_s=1)
