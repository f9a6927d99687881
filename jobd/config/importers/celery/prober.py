"""Prober: executed by the application's own interpreter, tells what its beat is scheduled to do.

``python -c SOURCE MODULE:ATTR``, in the application's folder. Writes one JSON document to
standard output; what the application prints while it is imported goes to standard error. Python
3.8 and the standard library are enough, for it runs in whatever the application needs. Objects
are told apart by their attributes, so that subclasses and other versions of Celery will do.
"""

from __future__ import annotations

import ast
import importlib
import json
import os
import sys
from typing import Any


def main(target: str) -> None:
    """Write the JSON document about the application that ``MODULE:ATTR`` names."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    given = dict(os.environ)
    module_name, _, attribute = target.partition(":")
    module = importlib.import_module(module_name)
    found = resolve(module, attribute or "app")
    app, path = (found, attribute or "app") if is_app(found) else app_beside(module)
    document: dict[str, Any] = {"app": path, "django": django(given)}
    if app is not None:
        document.update(about_app(app))
        entries = found if attribute and not is_app(found) else app.conf.beat_schedule
        if isinstance(entries, dict):
            document["entries"] = [told_entry(app, name, e) for name, e in entries.items()]
    json.dump(document, out)
    out.close()


def resolve(module: Any, attribute: str) -> Any:
    """Return what a dotted name in the module names; None if that names nothing."""
    found = module
    for part in attribute.split("."):
        found = getattr(found, part, None)
    return found


def is_app(thing: Any) -> bool:
    """Return whether a thing is an application of Celery, and not the class of them."""
    return not isinstance(thing, type) and all(
        hasattr(thing, name) for name in ("conf", "tasks", "send_task")
    )


def app_beside(module: Any) -> tuple[Any, str]:
    """Return the application in the module and its name, if there is just one."""
    apps = {}
    for name, thing in vars(module).items():
        if not name.startswith("_") and is_app(thing):
            apps[id(thing)] = (thing, name)
    return next(iter(apps.values())) if len(apps) == 1 else (None, "")


def about_app(app: Any) -> dict[str, Any]:
    """Load what a worker would load, and return what holds for all entries."""
    app.loader.import_default_modules()
    app.finalize()
    conf = app.conf
    return {
        "timezone": zone_name(app.timezone),
        "scheduler": str(conf.beat_scheduler),
        "deadline_s": getattr(conf, "beat_cron_starting_deadline", None),
        "time_limit_s": conf.task_time_limit,
        "soft_time_limit_s": conf.task_soft_time_limit,
    }


def zone_name(zone: Any) -> str | None:
    """Return the IANA name of a zone; None for that of the machine."""
    name = getattr(zone, "key", None) or getattr(zone, "zone", None) or str(zone)
    return "UTC" if name == "utc" else name if "(" not in name and "<" not in name else None


def django(given: dict[str, str]) -> str | None:
    """Return Django's settings module, where it came from outside."""
    return given.get("DJANGO_SETTINGS_MODULE")


def told_entry(app: Any, name: str, entry: Any) -> dict[str, Any]:
    """Return what one entry says, or why it cannot be read: the others can all the same."""
    try:
        said = dict(entry)  # of beat's own ScheduleEntry as well
    except (TypeError, ValueError):
        return {"name": str(name), "trouble": "is no dict, but " + type(entry).__name__}
    if not said.get("task"):
        return {"name": str(name), "trouble": "names no task"}
    try:
        return about_entry(app, name, said)
    except Exception as error:  # of whatever it holds; without its text, which may be a secret
        return {"name": str(name), "trouble": "cannot be read (" + type(error).__name__ + ")"}


def about_entry(app: Any, name: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Return what one entry says, with texts in place of what JSON has not."""
    task = app.tasks.get(entry["task"])
    options = entry.get("options") or {}
    return {
        "name": str(name),
        "task": str(entry["task"]),
        "is_registered": task is not None,
        "args": literal(tuple(entry.get("args") or ())),
        "kwargs": literal(dict(entry.get("kwargs") or {})),
        "options": {str(key): plain(value) for key, value in options.items()},
        "schedule": about_schedule(entry.get("schedule"), bool(entry.get("relative"))),
        "time_limit_s": getattr(task, "time_limit", None),
        "soft_time_limit_s": getattr(task, "soft_time_limit", None),
    }


def literal(value: Any) -> str | None:
    """Return the value as Python that means the same anywhere; None if there is no such text."""
    text = repr(value)
    try:
        return text if ast.literal_eval(text) == value else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def plain(value: Any) -> Any:
    """Return a number, a boolean or None as they are, and a text for anything else."""
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def about_schedule(schedule: Any, is_relative: bool) -> dict[str, Any]:
    """Return which kind of schedule it is, and what that kind says."""
    kind = type(schedule)
    told: dict[str, Any] = {
        "class": kind.__module__ + "." + kind.__qualname__,
        "text": str(schedule)[:200],
    }
    told["has_nowfun"] = getattr(schedule, "nowfun", None) is not None
    told["is_relative"] = is_relative or bool(getattr(schedule, "relative", False))
    every = getattr(schedule, "run_every", schedule)
    if hasattr(schedule, "_orig_minute"):
        told.update(kind="crontab", timezone=zone_of(schedule), **fields(schedule))
    elif isinstance(every, (int, float)) and not isinstance(every, bool):
        told.update(kind="every", seconds=float(every))
    elif hasattr(every, "total_seconds"):
        told.update(kind="every", seconds=every.total_seconds())
    else:
        told.update(kind="solar" if hasattr(schedule, "lat") else "other")
    return told


def fields(crontab: Any) -> dict[str, Any]:
    """Return the values of each field, and how they were written."""
    names = ("minute", "hour", "day_of_week", "day_of_month", "month_of_year")
    values: dict[str, Any] = {name: sorted(map(int, getattr(crontab, name))) for name in names}
    written = " ".join(
        str(getattr(crontab, "_orig_" + name))
        for name in ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
    )
    values["text"] = written
    return values


def zone_of(crontab: Any) -> str | None:
    """Return the zone that a crontab has of its own, as those of django-celery-beat do."""
    own = vars(crontab).get("tz")
    return zone_name(own) if own is not None else None


if __name__ == "__main__":
    main(sys.argv[1])
