"""Wrappers: ``timeout 1h nice cmd`` -> ``cmd``, and the keys with which jobd does the rest.

Only a single command is unwrapped: of ``timeout 1h a && b`` the timeout holds for a alone. What
is left is the very text that stood behind the wrapper, redirections included.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from jobd.config.importers.crontab.shell_text import is_single
from jobd.config.importers.imported import LONGEST_KILL_AFTER, Keys, Value
from jobd.config.kinds import signal_number
from jobd.config.problem import Unfit
from jobd.config.units import format_duration

_PATH = r"(?:/usr/local/bin/|/usr/bin/|/bin/)?"
_REST = r"(?P<rest>[A-Za-z0-9_./~\"'$\\].*)"
_NICE = re.compile(_PATH + r"nice\s+(?:(?:-n\s*|--adjustment=|-)(?P<n>-?\d{1,3})\s+)?" + _REST)
_TIMEOUT = re.compile(
    _PATH
    + r"timeout\s+(?P<options>(?:-[ks]\s*\w\S*\s+|--(?:kill-after|signal)=\S+\s+)*)"
    + r"(?P<duration>\d+(?:\.\d+)?[smhd]?)\s+"
    + _REST
)
_FLOCK = re.compile(
    _PATH
    + r"flock\s+(?:-\w*n\w*|--nonblock|--nb)\s+(?:-x\s+|--exclusive\s+)?"
    + r"(?P<lock>[\w./-]+)\s+(?!-)"
    + _REST
)
_CHRONIC = re.compile(_PATH + r"(?P<name>chronic|cronic)\s+" + _REST)
_LOCKS = re.compile(r"\bflock\s+(?:-\S+\s+(?:\d+\s+)?)*(?!-)([^\s;&|]+)")

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SHORTEST, _LONGEST = timedelta(seconds=1), timedelta(days=3650)
_NICEST, _LEAST_NICE = -20, 19
_NICE_BY = 10  # nice(1) without a number


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """What is left of a command, the keys that stand for its wrappers, and what to know."""

    command: str
    keys: Keys = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def unwrap(command: str, shared_locks: frozenset[str]) -> Unwrapped:
    """Return the command without the wrappers that jobd does the work of.

    ``flock`` goes only if it fails rather than waits, and if no other job takes that lock: its
    own runs a job of jobd keeps apart anyway, itself and others it does not.
    """
    keys: dict[str, Value] = {}
    notes: list[str] = []
    if not is_single(command):
        return Unwrapped(command, keys, _about_locks(command, shared_locks))
    while (step := _one_off(command, shared_locks)) is not None and not step.keys.keys() & keys:
        command = step.command
        keys |= step.keys
        notes += step.notes
    return Unwrapped(command, keys, (*notes, *_about_locks(command, shared_locks)))


def locks_in(command: str) -> list[str]:
    """Return the lock files that ``flock`` takes anywhere in a command."""
    return _LOCKS.findall(command)


def _one_off(command: str, shared_locks: frozenset[str]) -> Unwrapped | None:
    if (match := _FLOCK.fullmatch(command)) and match["lock"] in shared_locks:
        return None
    for pattern, read in _READERS:
        if match := pattern.fullmatch(command):
            return read(match)
    return None


def _nice(match: re.Match[str]) -> Unwrapped | None:
    number = int(match["n"] or _NICE_BY)
    if not _NICEST <= number <= _LEAST_NICE:
        return None
    return Unwrapped(match["rest"], {"nice": number})


def _timeout(match: re.Match[str]) -> Unwrapped | None:
    duration = _duration(match["duration"])
    options = _timeout_options(match["options"])
    if options is None or duration is None or not _SHORTEST <= duration <= _LONGEST:
        return None
    note = "timeout became a key: a run that it ends has the outcome timeout, not exit status 124"
    if "kill_after" not in options:
        note += "; what ignores the signal is killed after 10s (kill_after)"
    return Unwrapped(
        match["rest"], {"timeout": format_duration(duration), **options}, (note + ".",)
    )


def _timeout_options(text: str) -> dict[str, Value] | None:
    """Return the keys for timeout's own options; None if one of them has no equivalent."""
    keys: dict[str, Value] = {}
    for option in re.finditer(r"(-k|-s|--kill-after=|--signal=)\s*(\S+)", text):
        if option[1] in ("-k", "--kill-after="):
            kill_after = _duration(option[2])
            if kill_after is None or kill_after > LONGEST_KILL_AFTER:
                return None
            keys["kill_after"] = format_duration(kill_after)
        elif _is_signal(option[2]):
            keys["stop_signal"] = int(option[2]) if option[2].isdigit() else option[2]
        else:
            return None
    return keys


def _is_signal(text: str) -> bool:
    try:
        signal_number(int(text) if text.isascii() and text.isdigit() else text)
    except Unfit:
        return False
    return True


def _duration(text: str) -> timedelta | None:
    """Return the duration in timeout(1)'s words, whole seconds; None if it is none."""
    match = re.fullmatch(r"(\d{1,9})([smhd]?)", text)
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2] or "s"]) if match else None


def _flock(match: re.Match[str]) -> Unwrapped:
    return Unwrapped(
        match["rest"],
        {"overlap": "skip"},
        (
            f"flock -n {match['lock']} was left out, a job never runs beside itself;"
            " put it back if something else takes that lock.",
        ),
    )


def _chronic(match: re.Match[str]) -> Unwrapped:
    note = f"{match['name']} was left out: jobd keeps the output of every run and mails none."
    return Unwrapped(match["rest"], {}, (note,))


_READERS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Unwrapped | None]], ...] = (
    (_NICE, _nice),
    (_TIMEOUT, _timeout),
    (_FLOCK, _flock),
    (_CHRONIC, _chronic),
)


def _about_locks(command: str, shared_locks: frozenset[str]) -> tuple[str, ...]:
    locks = sorted(set(locks_in(command)))
    shared = [lock for lock in locks if lock in shared_locks]
    if shared:
        return (
            f"takes the lock {shared[0]}, as other jobs here do; a pool of size 1"
            " lets them wait for each other, and tells of it.",
        )
    if locks:
        return (f"takes the lock {locks[0]}, which jobd does not need: no job overlaps itself.",)
    return ()
