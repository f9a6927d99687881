"""Findings: what is wrong, gathered over all files, with the line of each key."""

import json
from datetime import date, time

from jobd.config.locate import KeyPath
from jobd.config.problem import Problem
from jobd.config.source import Source

# Values of these keys may hold secrets: they are never repeated.
_SECRET = {"command", "env", "params", "url", "ping_url"}
_SECRET |= {"on_failure", "on_recovery", "on_success"}
_LONGEST_SHOWN = 60
_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


class Findings:
    """Errors and warnings in the order in which they were found."""

    def __init__(self) -> None:
        self.errors: list[Problem] = []
        self.warnings: list[Problem] = []

    def error(
        self, source: Source, path: KeyPath, message: str, mend: str, given: object = None
    ) -> None:
        """Note what forbids to go on. ``given`` None: there is no value to show."""
        self.errors.append(_problem(source, path, message, mend, given))

    def warning(self, source: Source, path: KeyPath, message: str, mend: str) -> None:
        """Note what a person should look at."""
        self.warnings.append(_problem(source, path, message, mend, None))


def dotted(path: KeyPath) -> str:
    """Return a key path as TOML writes it: ``jobs."a.b".tags[0]``."""
    written = ""
    for part in path:
        if isinstance(part, int):
            written += f"[{part}]"
        else:
            written += ("." if written else "") + (part if _is_bare(part) else _literal(part))
    return written


def _is_bare(key: str) -> bool:
    return bool(key) and _BARE.issuperset(key)


def _problem(source: Source, path: KeyPath, message: str, mend: str, given: object) -> Problem:
    shown = "" if _SECRET.intersection(path) else _literal(given)
    return Problem(source.shown, source.line(path), dotted(path), shown, message, mend)


def _literal(value: object) -> str:
    """Return a value as TOML writes it, tables and lists only where they are short."""
    if value is None or isinstance(value, dict):
        return ""
    if isinstance(value, (date, time)):  # a datetime is a date
        return value.isoformat()
    written = json.dumps(value, ensure_ascii=False, default=str)
    if len(written) <= _LONGEST_SHOWN:
        return written
    return f"{written[:_LONGEST_SHOWN]}…" if isinstance(value, str) else ""
