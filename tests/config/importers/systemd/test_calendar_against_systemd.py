"""Fire times of imported schedules against systemd's own, which the importer promises to keep."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice

import pytest

from jobd.config.importers.fires import NoCron, cron_expression, merged
from jobd.config.importers.systemd.calendar import NoCalendar, parse_calendar
from jobd.config.importers.systemd.draft import Draft
from jobd.config.importers.systemd.elapse import fires_of
from jobd.config.importers.systemd.specifiers import UnitName
from jobd.config.importers.systemd.syntax import Assignment
from jobd.config.importers.systemd.timer import When, schedules
from jobd.config.importers.systemd.unit import Unit
from jobd.core.schedule import CronSchedule, upcoming
from jobd.errors import ScheduleError
from tests.config.importers.systemd.expressions import analyzed, expressions

COUNT = 50
SEEDS = range(3)
NOW = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def has_systemd_analyze(needs_tool: Callable[[str, str], str]) -> None:
    needs_tool("systemd-analyze", "systemd")


def expression_of(*lines: str) -> str | None:
    """Return the cron expression of the lines together; None where there is none."""
    try:
        (fires,) = merged(fires_of(parse_calendar(line)) for line in lines)
        expression = cron_expression(fires)
        CronSchedule.parse(expression, job="", timezone="UTC")
    except (NoCron, ScheduleError, ValueError):
        return None
    return expression


def loses_its_first(line: str) -> bool:
    return parse_calendar(line).loses_its_first


def ticks(keys: When, after: datetime, count: int) -> tuple[datetime, ...]:
    dst = keys.keys.get("dst", {})
    assert isinstance(dst, dict)
    schedule = CronSchedule.parse(
        str(keys.keys["schedule"]), job="", timezone=str(keys.keys["timezone"]), **dst
    )
    return tuple(islice(upcoming(schedule, after), count))


def imported(line: str, zone: str) -> tuple[list[When], Draft]:
    draft = Draft()
    unit = Unit(
        UnitName.of("x.timer"), "x.timer", (Assignment("Timer", "OnCalendar", line, "x", 1),)
    )
    return schedules(unit, zone, draft), draft


@pytest.mark.parametrize("seed", SEEDS)
def test_an_expression_that_becomes_cron_fires_when_systemd_s_does(seed: int) -> None:
    """A job that runs at other times than the timer it replaces is the worst thing to import."""
    lines = [line for line in expressions(seed, 200) if not loses_its_first(line)]
    known = {line: cron for line in lines if (cron := expression_of(line)) is not None}
    for (line, cron), theirs in zip(known.items(), analyzed([*known], COUNT, NOW), strict=True):
        assert theirs is not None, line
        schedule = CronSchedule.parse(cron, job="", timezone="UTC")
        assert tuple(islice(upcoming(schedule, NOW), len(theirs))) == theirs, (line, cron)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_systemd_takes_is_read_and_what_it_refuses_is_not(seed: int) -> None:
    lines = expressions(seed, 200)
    mangled = [line.replace(":", "::", 1) for line in lines[:20]]
    mangled += [line.replace("..", ".", 1) for line in lines if ".." in line]
    mangled += [f"{line}/0" for line in lines[:20]]
    asked = list(dict.fromkeys([*lines, *mangled]))
    theirs = {
        line: times is not None for line, times in zip(asked, analyzed(asked, 1, NOW), strict=True)
    }
    assert {line: is_read(line) for line in asked} == theirs


def is_read(line: str) -> bool:
    try:
        parse_calendar(line)
    except NoCalendar:
        return False
    return True


@pytest.mark.parametrize("seed", SEEDS)
def test_lines_that_become_one_expression_fire_when_any_of_them_does(seed: int) -> None:
    """Lines that differ in their hours alone, as people write them, must not become two jobs."""
    lines = [line for line in expressions(seed, 100) if not loses_its_first(line)]
    asked, crons = [], []
    for line in lines:
        date, _, time = line.rpartition(" ")
        other = f"{date} 13:{time.partition(':')[2]}".strip()
        if cron := expression_of(line, other):
            asked += [line, other]
            crons.append(cron)
    times = analyzed(asked, COUNT, NOW)
    for number, cron in enumerate(crons):
        either = {*(times[2 * number] or ()), *(times[2 * number + 1] or ())}
        schedule = CronSchedule.parse(cron, job="", timezone="UTC")
        assert list(islice(upcoming(schedule, NOW), COUNT)) == sorted(either)[:COUNT], cron


CHANGES = [
    ("Europe/Berlin", datetime(2026, 3, 28, 22, 30, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 10, 24, 21, 30, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 3, 8, 4, 30, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 11, 1, 3, 30, tzinfo=UTC)),
]
NIGHTLY = [
    f"{hours}:{minutes}"
    for hours in ("1", "2", "1..3", "0/2", "*")
    for minutes in ("30", "0/20", "*")
]


@pytest.mark.parametrize(("zone", "night"), CHANGES, ids=lambda value: str(value)[:10])
def test_a_schedule_keeps_to_systemd_s_times_while_the_clock_is_set(
    zone: str, night: datetime
) -> None:
    """What the clock leaves out systemd passes over, and what it shows twice counts once. Where
    a job does otherwise, which is where it runs every hour, that has been said."""
    count = 120
    asked = [f"{line} {zone}" for line in NIGHTLY]
    for line, theirs in zip(NIGHTLY, analyzed(asked, count, night), strict=True):
        assert theirs is not None
        (when,), draft = imported(line, zone)
        mine = ticks(when, night, count)
        if draft.findings:
            assert "repeats an hour" in draft.findings[0].what
            assert {tick for tick in theirs if tick <= mine[-1]} <= {*mine}
        else:
            assert mine == theirs, line


@pytest.mark.parametrize("zone", ["Europe/Berlin", "UTC", "Asia/Tokyo"])
def test_a_zone_that_an_expression_names_is_its_own(zone: str) -> None:
    (when,), _ = imported(f"Mon..Fri 09:30 {zone}", "America/New_York")
    (theirs,) = analyzed([f"Mon..Fri 09:30 {zone}"], COUNT, NOW)
    assert ticks(when, NOW, COUNT) == theirs
