"""Outcomes: what of a service's end is a success, what is tried again, and who is told."""

import os
import re
from datetime import timedelta

from jobd.config.importers.fitting import duration_text
from jobd.config.importers.imported import Value
from jobd.config.importers.systemd.draft import Draft, span
from jobd.config.importers.systemd.specifiers import resolve
from jobd.config.importers.systemd.syntax import Assignment
from jobd.config.importers.systemd.unit import Unit

_NAMED = {
    "SUCCESS": 0,
    "FAILURE": 1,
    **{name[3:]: getattr(os, name) for name in dir(os) if name.startswith("EX_")},
}
_UNIT_NAME = re.compile(r"[A-Za-z0-9:_.\\@-]+")
# Restart= -> after which outcomes; a signal is a failure to jobd, so on-abort has no equivalent.
_RESTARTS = {
    "on-failure": ("failure", "timeout", "oom"),
    "on-abnormal": ("timeout", "oom"),
    "on-watchdog": ("timeout",),
}
_MOST_RETRIES = 1000
_LONGEST_UNSTATED_DELAY = timedelta(minutes=10)


def carry_outcomes(unit: Unit, draft: Draft) -> None:
    """Carry over SuccessExitStatus=, Restart=, OnFailure= and OnSuccess=."""
    _carry_success(unit, draft)
    _carry_retries(unit, draft)
    _carry_hook(unit, "OnFailure", "on_failure", draft)
    _carry_hook(unit, "OnSuccess", "on_success", draft)


def _carry_success(unit: Unit, draft: Draft) -> None:
    codes = {0}
    for one in unit.take_all("Service", "SuccessExitStatus"):
        for word in one.value.split():
            code = int(word) if word.isdecimal() and word.isascii() else _NAMED.get(word)
            if code is None or code > 255:
                mend = "write success_exit_codes; what a signal ends is a failure"
                draft.tell(one, f"has {word}, which is no exit status of a job", mend)
            else:
                codes.add(code)
    if len(codes) > 1:
        draft.keys["success_exit_codes"] = sorted(codes)


def _carry_retries(unit: Unit, draft: Draft) -> None:
    one = unit.take("Service", "Restart")
    pause = unit.take("Service", "RestartSec")
    if one is None or one.value == "no":
        return
    if one.value not in _RESTARTS:
        draft.tell(one, "has no equivalent", "write retries, or after for one run after another")
        return
    if one.value == "on-abnormal":
        draft.tell(one, "tells signals from exit statuses, retries do not", 'add "failure" to on')
    delay = span(pause, draft) if pause else timedelta(milliseconds=100)
    most = _most_retries(unit)
    what = "starts it again as often as StartLimitBurst= in StartLimitIntervalSec= allows"
    draft.tell(one, what, f"the job has {most} retries in a run; write another max, if need be")
    draft.carry(one, "retries", _retries(most, delay or timedelta(), _RESTARTS[one.value]))


def _most_retries(unit: Unit) -> int:
    """Return one less than the starts that are allowed in a row; without a limit, jobd's most."""
    burst = unit.take("Unit", "StartLimitBurst") or unit.take("Service", "StartLimitBurst")
    interval = unit.take("Unit", "StartLimitIntervalSec")
    starts = int(burst.value) if burst and burst.value.isdecimal() else 5
    if starts == 0 or (interval and interval.value in ("0", "infinity")):
        return _MOST_RETRIES
    return min(max(starts - 1, 1), _MOST_RETRIES)


def _retries(most: int, delay: timedelta, outcomes: tuple[str, ...]) -> Value:
    longest = min(delay, timedelta(days=1))
    retries: dict[str, Value] = {"max": most, "delay": duration_text(longest), "factor": 1.0}
    if longest > _LONGEST_UNSTATED_DELAY:
        retries["max_delay"] = duration_text(longest)
    return retries | {"jitter": 0.0, "on": list(outcomes)}


def _carry_hook(unit: Unit, key: str, hook: str, draft: Draft) -> None:
    names: list[str] = []
    lines = unit.take_all("Unit", key)
    for one in lines:
        names += _unit_names(one, unit, draft)
    if not names:
        return
    draft.carry(lines[0], hook, ["systemctl", "start", "--no-block", *names])
    if "user" in draft.keys:
        what = "is started by the job's user, who needs a right to do so"
        draft.tell(lines[0], what, f"give it by polkit(8), or let {hook} post to a url")


def _unit_names(one: Assignment, unit: Unit, draft: Draft) -> list[str]:
    text, unresolved = resolve(one.value, unit.name)
    names = text.split()
    if unresolved or not all(map(_UNIT_NAME.fullmatch, names)):
        draft.tell(one, "names no units", "write the command of the hook yourself")
        return []
    return names
