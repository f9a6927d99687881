"""Timer: a .timer unit -> the keys that say when, one set for each job that it takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from jobd.config.importers.fires import Fires, NoCron, cron_expression, merged
from jobd.config.importers.fitting import duration_text, refused
from jobd.config.importers.imported import BY_HAND, Value
from jobd.config.importers.systemd.calendar import NoCalendar, parse_calendar
from jobd.config.importers.systemd.draft import Draft, span, truth
from jobd.config.importers.systemd.elapse import fires_of
from jobd.config.importers.systemd.specifiers import resolve
from jobd.config.importers.systemd.syntax import Assignment
from jobd.config.importers.systemd.unit import Unit
from jobd.core.schedule import CronSchedule
from jobd.errors import ScheduleError

_SECTION = "Timer"
_SINCE_BOOT = ("OnActiveSec", "OnBootSec", "OnStartupSec")
_ELAPSE = ("OnCalendar", *_SINCE_BOOT, "OnUnitActiveSec", "OnUnitInactiveSec")
_MONTH = timedelta(days=31)  # the longest jitter
# Two decades show what the changes of a clock do to a schedule: their rules return each year.
_SAMPLE = datetime(2025, 1, 1, tzinfo=UTC), datetime(2045, 1, 1, tzinfo=UTC)

_BOTH_DAYS = "run it on the day of the month, and let the command look at the weekday"


@dataclass(frozen=True, slots=True)
class When:
    """Keys of one job's schedule. ``interval``: the least time between two of its ticks."""

    keys: dict[str, Value]
    interval: timedelta | None


def schedules(unit: Unit, zone: str, draft: Draft) -> list[When]:
    """Return when the timer elapses: nothing, one schedule, or several that add up to it."""
    lines = unit.take_all(_SECTION, *_ELAPSE)
    calendars = [one for one in lines if one.key == "OnCalendar"]
    found = [*_calendars(calendars, unit, zone, draft), *_monotonic(lines, draft)]
    if len(found) > 1:
        draft.tell(
            lines[0],
            f"and the lines after it need {len(found)} jobs",
            "where their ticks may meet, give them one [pools.NAME] of size 1",
        )
    return [_delayed(when, unit, draft) for when in found]


def catch_up(unit: Unit, draft: Draft) -> dict[str, Value]:
    """Return whether ticks are made up for that passed while the machine was off."""
    persistent = unit.take(_SECTION, "Persistent")
    if persistent is None or not truth(persistent, draft):
        return {"catchup": "none"}
    return {"catchup": "latest", "catchup_window": "366d"}


def _calendars(lines: Sequence[Assignment], unit: Unit, zone: str, draft: Draft) -> list[When]:
    read = {one: _read(one, unit, draft) for one in lines}
    known = {one: fires for one, fires in read.items() if fires is not None}
    found = []
    for fires in merged(known.values()):
        # What several lines became is told at the first of them.
        one = next((line for line, single in known.items() if single == fires), lines[0])
        try:
            found.append(_cron(fires, fires.timezone or zone, one, draft))
        except (NoCron, ScheduleError) as error:
            _tell_no_cron(one, error, draft)
    return found


def _read(one: Assignment, unit: Unit, draft: Draft) -> Fires | None:
    text, _ = resolve(one.value, unit.name)
    try:
        calendar = parse_calendar(text)
        if calendar.loses_its_first:
            what = "skips the first time of some days, by a defect of systemd; the job does not"
            draft.tell(one, what, "leave it, if all times are meant")
        return fires_of(calendar)
    except NoCalendar as error:
        draft.tell(one, f"is no calendar expression: {error}", BY_HAND)
    except NoCron as error:
        _tell_no_cron(one, error, draft)
    return None


def _tell_no_cron(one: Assignment, error: Exception, draft: Draft) -> None:
    mend = _BOTH_DAYS if "weekday" in str(error) else BY_HAND
    draft.tell(one, f"has no equivalent: {error}", mend)


def _cron(fires: Fires, zone: str, one: Assignment, draft: Draft) -> When:
    """Return the schedule whose ticks are systemd's also where the clock is set.

    systemd passes over what the clock leaves out, and counts once what it shows twice.
    """
    starred, fixed = cron_expression(fires), cron_expression(fires, by_the_clock=True)
    wanted = _count(fixed, zone, "skip")
    if _count(starred, zone, "shift") == wanted:
        expression, needs_skip = starred, False
    elif len(fires.hours) == 24:
        expression, needs_skip = starred, False
        _tell_repeated_hour(one, fixed, zone, draft)
    else:
        expression, needs_skip = fixed, _count(fixed, zone, "shift") != wanted
    keys: dict[str, Value] = {"schedule": expression, "timezone": zone}
    if needs_skip:
        keys["dst"] = {"gap": "skip"}
    schedule = CronSchedule.parse(expression, job="", timezone=zone)
    return When(keys, schedule.interval(_SAMPLE[0]))


def _tell_repeated_hour(one: Assignment, fixed: str, zone: str, draft: Draft) -> None:
    draft.tell(
        one,
        f"rests while the clock of {zone} repeats an hour; this job does not",
        f'write schedule = "{fixed}" for the same rest',
    )


def _count(expression: str, zone: str, gap: str) -> int:
    schedule = CronSchedule.parse(expression, job="", timezone=zone, gap=gap)
    return schedule.count(*_SAMPLE)


def _monotonic(lines: Sequence[Assignment], draft: Draft) -> list[When]:
    """Return ``every`` or ``after``; what is counted from the boot alone is told."""
    by_boot = [one for one in lines if one.key in _SINCE_BOOT]
    active = _shortest([one for one in lines if one.key == "OnUnitActiveSec"], draft)
    inactive = _shortest([one for one in lines if one.key == "OnUnitInactiveSec"], draft)
    if active is None and inactive is None:
        for one in by_boot:
            what = "starts it once after the boot, and a job has no such tick"
            draft.tell(one, what, "keep this timer")
        return []
    if active and inactive:
        mend = "the job has the rate of OnUnitActiveSec; write after in place of every for this"
        draft.tell(inactive[0], "counts from the end of a run beside that", mend)
    one, length = active or inactive or (lines[0], timedelta())
    key = "every" if active else "after"
    text = duration_text(length)
    if mend := refused(key, text):
        draft.tell(one, f"is out of what {key} takes", mend)
        return []
    _tell_phase(one, key, by_boot, draft)
    return [When({key: text}, length)]


def _tell_phase(one: Assignment, key: str, by_boot: Sequence[Assignment], draft: Draft) -> None:
    if key == "every":
        what = "counts from the last start, and the first from the boot; every has fixed ticks"
        draft.tell(one, what, "see them with jobd next JOB")
    elif by_boot:
        what = "is when it first runs; the job first runs when jobd has it"
        draft.tell(by_boot[0], what, "leave it, if that will do")


def _shortest(lines: Sequence[Assignment], draft: Draft) -> tuple[Assignment, timedelta] | None:
    """Return the line with the shortest time: each counts from the same instant."""
    spans = [(one, length) for one in lines if (length := span(one, draft)) is not None]
    return min(spans, key=lambda pair: pair[1], default=None)


def _delayed(when: When, unit: Unit, draft: Draft) -> When:
    one = unit.take(_SECTION, "RandomizedDelaySec")
    is_fixed = truth(unit.take(_SECTION, "FixedRandomDelay"), draft)
    delay = span(one, draft)
    if one is None or not delay:
        return when
    if "after" in when.keys:
        draft.tell(one, "has no equivalent beside after", "write every in place of after")
        return when
    longest = min(_MONTH, when.interval or _MONTH) if "every" in when.keys else _MONTH
    if delay > min(longest, when.interval or longest):
        what = "is longer than the time to the next tick, which jobd's jitter never passes"
        draft.tell(one, what, "write a schedule with fewer ticks, if so much is meant")
    keys = when.keys | {"jitter": duration_text(min(delay, longest))}
    return When(keys | ({"jitter_mode": "fixed"} if is_fixed else {}), when.interval)
