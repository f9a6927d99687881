"""A forecast in a sentence: what reaches which limit, when, and how sure that is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

from jobd.web.brief import duration, roughly, size

# The limits of a job by their names in the JSON, and the heads of their columns.
KINDS = {"interval": "INTERVAL", "timeout": "TIMEOUT", "memory_max": "MEMORY"}

_HITS = {
    "interval": "took longer than",
    "timeout": "ran into",
    "memory_max": "ran into",
}
_SPANS = ((86400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds"))


@dataclass(frozen=True, slots=True)
class Case:
    """One limit of a job, what was measured beside it, and the present."""

    kind: str
    ceiling: Mapping[str, Any]
    measured: Mapping[str, Any]  # empty while nothing is known
    now: datetime

    @property
    def limit(self) -> str:
        """The limit by its name in the configuration."""
        if self.kind == "memory_max":
            return f"its memory_max of {size(self.ceiling['limit_bytes'])}"
        return f"its {self.kind} of {duration(self.ceiling['limit_s'])}"

    @property
    def use(self) -> str:
        """What of the limit is usual lately."""
        return f"{self.ceiling['use_lately']:.0%} of {self.limit}"


def sentence(kind: str, job: Mapping[str, Any], now: datetime) -> str:
    """Return what is foretold of one limit of a job of the report."""
    ceiling = job[kind]
    measured = job["memory_peak" if kind == "memory_max" else "duration"] or {}
    case = Case(kind, ceiling, measured, now)
    words = _PROSPECTS[ceiling["prospect"]](case)
    if not ceiling["hits"]:
        return words
    runs = f"{ceiling['hits']} of {ceiling['recent_runs']} recent runs"
    if ceiling["prospect"] == "over":
        return f"{words}; so in {runs}"
    if ceiling["prospect"] == "reaches":
        return f"{words}; {runs} did already"
    met = f"{runs} {_HITS[kind]} {case.limit}"
    return met if not measured else f"{met}; usual is {ceiling['use_lately']:.0%} of it"


def step_sentence(grown: Mapping[str, Any]) -> str:
    """Return which step of a job's runs has grown most, and by how much: two trends beside one
    another, so no more than about."""
    share, longer = f"about {grown['share']:.0%}", duration(grown["by_s"])
    return f"{share} of the growth in time is its step {grown['step']}: about {longer} longer"


def _over(case: Case) -> str:
    if case.kind == "memory_max":
        return f"is killed at {case.limit}, lately more often than not"
    verb = "runs into" if case.kind == "timeout" else "takes longer than"
    return f"{verb} {case.limit}: {duration(case.measured['lately_s'])} lately"


def _reaches(case: Case) -> str:
    keys = ("reached_at", "reached_earliest", "reached_latest")
    at_s, earliest_s, latest_s = (_seconds(case.ceiling[key], case.now) for key in keys)
    assert at_s is not None, "what is reached is reached at some time"
    sure = case.ceiling["confidence"]
    if sure == "a guess":
        since = datetime.fromisoformat(case.measured["oldest"])
        sure = f"{sure} from {roughly((case.now - since).total_seconds())} of history"
    return f"reaches {case.limit} {when_words(at_s, earliest_s or 0.0, latest_s)}, {sure}"


def _grows(case: Case) -> str:
    size_s, unit = _unit(case.measured["foresight_s"])
    horizon = f"{case.measured['foresight_s'] / size_s:.0f} {unit}"
    return f"grows, {case.use} lately, and is not there within {horizon}"


def _steady(case: Case) -> str:
    return f"is steady at {case.use}"


def _shrinks(case: Case) -> str:
    return f"shrinks, {case.use} lately"


def _unknown(case: Case) -> str:
    return f"has too few runs to say when it reaches {case.limit}"


_PROSPECTS: Mapping[str, Callable[[Case], str]] = {
    "over": _over,
    "reaches": _reaches,
    "grows": _grows,
    "steady": _steady,
    "shrinks": _shrinks,
    "unknown": _unknown,
}


def _seconds(instant: str | None, since: datetime) -> float | None:
    if instant is None:
        return None
    return (datetime.fromisoformat(instant) - since).total_seconds()


def when_words(at_s: float, earliest_s: float, latest_s: float | None) -> str:
    """Return how far off it is, and between what: ``in about 12 days (9 to 20)``."""
    if at_s < 60:
        return "any time now"
    size_s, unit = _unit(at_s)
    middle, first = round(at_s / size_s), int(earliest_s / size_s)
    if latest_s is None:
        return f"in about {middle} {unit} ({first} at least)"
    last = ceil(latest_s / size_s)
    spread = f" ({first} to {last})" if last > first + 1 else ""
    return f"in about {middle} {unit}{spread}"


def _unit(total_s: float) -> tuple[int, str]:
    """Return the largest unit of which there are two at least."""
    return next(((s, unit) for s, unit in _SPANS if total_s >= 2 * s), _SPANS[-1])
