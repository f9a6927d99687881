"""Columns: what both SQL stores keep alike. Instants are integer microseconds since 1970."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from jobd.core.attempt import attempts_of
from jobd.core.outcome import Outcome
from jobd.core.said import StepTime
from jobd.core.usage import RunUse
from jobd.core.zone import EPOCH

Row = Sequence[Any]

_MICROSECOND = timedelta(microseconds=1)


def micros(instant: datetime) -> int:
    """Return microseconds since 1970; exact, unlike a float timestamp."""
    return (instant - EPOCH) // _MICROSECOND


def micros_or_none(instant: datetime | None) -> int | None:
    """Return microseconds since 1970, or None."""
    return None if instant is None else (instant - EPOCH) // _MICROSECOND


def instant_of(count: int) -> datetime:
    """Return the instant, in UTC."""
    return EPOCH + timedelta(microseconds=count)


def instant_or_none(count: int | None) -> datetime | None:
    """Return the instant, in UTC, or None."""
    return None if count is None else EPOCH + timedelta(microseconds=count)


def text(words: str) -> str:
    """Return words that can be stored: bytes that were never UTF-8 arrive as surrogates."""
    return words if words.isascii() else words.encode("utf-8", "replace").decode("utf-8")


def steps_of(pairs: Iterable[tuple[str, float]]) -> tuple[StepTime, ...]:
    """Return steps from pairs of name and seconds."""
    return tuple(StepTime(name, float(seconds)) for name, seconds in pairs)


def params_of(pairs: Iterable[Sequence[str]]) -> tuple[tuple[str, str], ...]:
    """Return parameters from pairs of name and value."""
    return tuple((name, value) for name, value in pairs)


def use_of(row: Row) -> RunUse:
    """Return what a run took; its steps and what was retried of it are text or lists."""
    ended_at, outcome, duration_s, memory_peak_bytes, steps, earlier_s, retried = row
    took = (float(duration_s), memory_peak_bytes, steps_of(_listed(steps)), float(earlier_s))
    ends = tuple(one.outcome for one in attempts_of(_listed(retried)))
    return RunUse(instant_of(ended_at), Outcome(outcome), *took, ends)


def _listed(column: str | list[Any] | None) -> list[Any]:
    """Return a column of JSON, which SQLite has as text; none is empty."""
    found: list[Any] = json.loads(column) if isinstance(column, str) else column or []
    return found
