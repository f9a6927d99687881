"""Beat: the entries of Celery beat's schedule -> jobs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from jobd.config.importers.celery.probe import Place
from jobd.config.importers.fires import Fires, MonthDays, NoCron, cron_expression
from jobd.config.importers.fitting import duration_text, refused
from jobd.config.importers.imported import (
    BY_HAND,
    LONGEST_KILL_AFTER,
    Finding,
    Import,
    ImportedJob,
    Names,
    Value,
)

_KNOWN = {
    "celery.schedules.crontab",
    "celery.schedules.schedule",
    "django_celery_beat.tzcrontab.TzAwareCrontab",
    "datetime.timedelta",
    "builtins.int",
    "builtins.float",
}
# Of options: where a message goes and how it travels. A job sends none.
_OF_THE_MESSAGE = frozenset(
    {"queue", "exchange", "routing_key", "priority", "delivery_mode", "serializer", "compression"}
    | {"retry", "retry_policy", "ignore_result", "headers", "add_to_parent", "task_id", "shadow"}
    | {"reply_to", "connection", "producer", "expires", "time_limit", "soft_time_limit"}
)
_ORDER = (
    "description", "command", "enabled", "schedule", "every", "timezone", "catchup",
    "catchup_window", "start_deadline", "timeout", "kill_after", "cwd", "env",
)  # fmt: skip
_LONGEST_WINDOW = timedelta(days=366)
_LONGEST_S = 10**11


@dataclass(slots=True)
class _Draft:
    """A job in the making. ``place`` is where its findings point: the entry. ``bounded`` are
    the tasks of which, for all entries, it was told what their soft limit means."""

    place: str
    bounded: set[str] = field(default_factory=set)
    keys: dict[str, Value] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def tell(self, what: str, mend: str) -> None:
        self.findings.append(Finding(self.place, None, what, mend))

    def hold_back(self, what: str, mend: str) -> None:
        self.keys["enabled"] = False
        self.tell(what, f"{mend}; until then the job has enabled = false")

    def carry(self, key: str, value: Value) -> None:
        if mend := refused(key, value):
            self.tell(f"{value} is out of what {key} takes", mend)
        else:
            self.keys[key] = value


def import_beat(document: Mapping[str, Any], place: Place, zone: str) -> Import:
    """Return the jobs of a prober's document; ``zone``: the machine's, where the app has none."""
    names = Names()
    jobs: list[ImportedJob] = []
    what = "as whom its workers run stands nowhere: the jobs would run as the daemon's user"
    mend = "write user, in [defaults] or in each job"
    findings = [Finding(place.module, None, what, mend)]
    if "DatabaseScheduler" in document["scheduler"]:
        what = "beat reads its entries from a database, which are not seen here"
        findings.append(
            Finding(place.module, None, what, "write jobs for those of the admin pages")
        )
    bounded: set[str] = set()
    for entry in document["entries"]:
        draft = _Draft(f"{place.module}: {entry['name']}", bounded)
        if "trouble" in entry:
            draft.tell(f"the entry {entry['trouble']}, so there is no job", "mend it")
            findings += draft.findings
            continue
        _carry_entry(entry, document, place, zone, draft)
        ordered = {key: draft.keys[key] for key in _ORDER if key in draft.keys}
        source = (f"{draft.place}: {entry['task']} {entry['schedule']['text']}",)
        jobs.append(ImportedJob(names.take(entry["name"]), ordered, source))
        findings += draft.findings
    return Import(tuple(jobs), tuple(findings), _head(place, document))


def _head(place: Place, document: Mapping[str, Any]) -> tuple[str, ...]:
    app = f"{place.module}:{document['app']}"
    return (
        f"Imported from the beat_schedule of {app}.",
        "Each job runs its task itself, so that jobd sees when it ends, bounds it and does not let"
        f" it overlap. To only put it into the queue: celery -A {app} call TASK --args '[…]'.",
        "celery beat starts the same tasks until it is off.",
    )


def _carry_entry(
    entry: Mapping[str, Any], document: Mapping[str, Any], place: Place, zone: str, draft: _Draft
) -> None:
    draft.keys["description"] = f"Celery task {entry['task']}"
    draft.keys["command"] = [place.python, "-c", _program(entry, document["app"], place, draft)]
    draft.keys["cwd"] = place.folder
    if document["django"]:
        draft.keys["env"] = {"DJANGO_SETTINGS_MODULE": document["django"]}
    _carry_schedule(entry["schedule"], document["timezone"] or zone, draft)
    if draft.keys.keys() & {"schedule", "every"}:
        draft.keys["catchup"] = "latest"
        draft.keys["catchup_window"] = _window(document["deadline_s"])
    _carry_options(entry["options"], draft)
    soft = _limit("soft_time_limit", entry, document)
    _carry_limits(soft, _limit("time_limit", entry, document), draft)
    if soft is not None and entry["task"] not in draft.bounded:
        draft.bounded.add(entry["task"])
        what = f"at its soft limit {entry['task']} gets SIGTERM in place of SoftTimeLimitExceeded"
        draft.tell(what, "catch that, if it cleans up")


def _program(entry: Mapping[str, Any], app: str, place: Place, draft: _Draft) -> str:
    """Return Python that runs the task in its own process, and fails if the task does."""
    if not entry["is_registered"]:
        draft.hold_back(f"{entry['task']} is no task of the application", "mend its name")
    given = []
    for key, empty in (("args", "()"), ("kwargs", "{}")):
        if entry[key] is None:
            what = f"its {key} hold what cannot be written down"
            draft.hold_back(what, "write them into the command")
        elif entry[key] != empty:
            given.append(f"{key}={entry[key]}, ")
    return "\n".join(
        [
            f"from {place.module} import {app.partition('.')[0]}",
            f"{app}.loader.import_default_modules()",
            f"{app}.tasks[{entry['task']!r}].apply({''.join(given)}throw=True)",
        ]
    )


def _carry_schedule(schedule: Mapping[str, Any], zone: str, draft: _Draft) -> None:
    if schedule["kind"] == "crontab":
        _carry_crontab(schedule, schedule["timezone"] or zone, draft)
    elif schedule["kind"] == "every":
        _carry_rate(schedule, draft)
    else:
        named = "solar" if schedule["kind"] == "solar" else schedule["class"]
        draft.tell(f"a schedule of {named} has no equivalent", BY_HAND)
        return
    if schedule["class"] not in _KNOWN:
        what = f"its schedule is a {schedule['class']}, which may decide otherwise"
        draft.tell(what, "compare jobd next JOB with what it does")
    if schedule["has_nowfun"]:
        what = "its schedule has a clock of its own (nowfun)"
        draft.tell(what, "write timezone, if it means that")


def _carry_crontab(schedule: Mapping[str, Any], zone: str, draft: _Draft) -> None:
    fires = Fires(
        seconds=frozenset({0}),
        minutes=frozenset(schedule["minute"]),
        hours=frozenset(schedule["hour"]),
        days=MonthDays(frozenset(schedule["day_of_month"])),
        months=frozenset(schedule["month_of_year"]),
        weekdays=frozenset((day - 1) % 7 for day in schedule["day_of_week"]),
        timezone=None,
    )
    try:
        draft.keys["schedule"] = cron_expression(fires)
        draft.keys["timezone"] = zone
    except NoCron as error:
        draft.tell(f"crontab {schedule['text']} has no equivalent: {error}", BY_HAND)


def _carry_rate(schedule: Mapping[str, Any], draft: _Draft) -> None:
    rate = _span(schedule["seconds"])
    if rate is None:
        draft.tell(f"a rate of {schedule['seconds']:g} s has no equivalent", BY_HAND)
        return
    draft.carry("every", duration_text(rate))
    if schedule["is_relative"] and "every" in draft.keys:
        what = "its rate is relative, rounded to whole units of the clock; every has fixed ticks"
        draft.tell(what, "write schedule in its place, for ticks on the hour")


def _carry_options(options: Mapping[str, Any], draft: _Draft) -> None:
    expires = options.get("expires")
    if deadline := _span(expires):
        draft.carry("start_deadline", duration_text(deadline))
    elif expires is not None:
        draft.tell("its option expires is no number of seconds", "write start_deadline")
    for name in options:
        if name not in _OF_THE_MESSAGE:
            draft.tell(f"its option {name} has no equivalent", "do it in the task")


def _limit(name: str, entry: Mapping[str, Any], document: Mapping[str, Any]) -> timedelta | None:
    """Return a limit, from the option, the task or the application, in this order."""
    limits = (entry["options"].get(name), entry[f"{name}_s"], document[f"{name}_s"])
    return next(filter(None, map(_span, limits)), None)


def _carry_limits(soft: timedelta | None, hard: timedelta | None, draft: _Draft) -> None:
    """Carry over the limits: jobd's TERM comes with the soft one, its KILL with the hard one."""
    first = soft or hard
    if first is None:
        return
    draft.carry("timeout", duration_text(first))
    if soft is not None and hard is not None and hard > soft:
        draft.carry("kill_after", duration_text(min(hard - soft, LONGEST_KILL_AFTER)))


def _window(deadline_s: object) -> str:
    window = _span(deadline_s)
    return duration_text(window) if window and window <= _LONGEST_WINDOW else "366d"


def _span(seconds: object) -> timedelta | None:
    """Return a number of seconds as a duration; None for what is no such number, or none at all."""
    if isinstance(seconds, (int, float)) and 0 < seconds < _LONGEST_S:
        return timedelta(seconds=seconds)
    return None
