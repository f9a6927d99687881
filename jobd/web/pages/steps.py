"""Steps: where the time of a job goes, told from its last runs that named any. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from jobd.core.outcome import Outcome
from jobd.core.said import StepTime
from jobd.core.usage import LATELY, RunUse


@dataclass(frozen=True, slots=True)
class Step:
    """A step: how long runs are in it, and the share of all steps that is."""

    name: str
    took_s: float
    longest_s: float
    share: float
    runs: int


def steps_lately(uses: Sequence[RunUse]) -> list[Step]:
    """Return the steps of the newest successful runs, in the order of the last one's."""
    telling = [use for use in uses if use.outcome is Outcome.SUCCESS and use.steps][-LATELY:]
    seen: dict[str, list[float]] = {}
    for use in reversed(telling):
        for time in use.steps:
            seen.setdefault(time.step, []).append(time.duration_s)
    usual = {name: median(times) for name, times in seen.items()}
    total_s = sum(usual.values()) or 1.0
    return [
        Step(name, usual[name], max(times), usual[name] / total_s, len(times))
        for name, times in seen.items()
    ]


def steps_of(times: Sequence[StepTime]) -> list[Step]:
    """Return the steps of one run."""
    total_s = sum(time.duration_s for time in times) or 1.0
    return [
        Step(time.step, time.duration_s, time.duration_s, time.duration_s / total_s, 1)
        for time in times
    ]
