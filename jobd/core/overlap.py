"""Overlap and duty: what a claim demands, and what a denied tick becomes.

The store calls :func:`obstacle` inside its claim transaction; nothing else decides
whether a run may start beside another one. The core calls the same function on what it
knows itself, only to spare a question whose answer is certain.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from jobd.core.claim import ActiveRun, Demand
from jobd.core.job import Overlap
from jobd.core.ledger import SkipReason


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What stands in a run's way."""

    reason: SkipReason
    blocker: ActiveRun | None = None
    until: datetime | None = None


class Fate(StrEnum):
    """What a tick becomes that meets an overlap obstacle."""

    SKIPPED = "skipped"
    WAITS = "waits"  # for the prior run's end
    REPLACES = "replaces"  # the prior run is stopped first


def obstacle(
    demand: Demand, active: Sequence[ActiveRun], rest_until: datetime | None, now: datetime
) -> Obstacle | None:
    """Return what forbids a run of the job now, or None.

    ``active`` are the runs of the job whose lease is valid, oldest first; a run between
    two attempts is one of them.
    """
    if len(active) >= _places(demand):
        return Obstacle(SkipReason.OVERLAP, blocker=active[0])
    if rest_until is not None and now < rest_until and not demand.ignores_duty:
        return Obstacle(SkipReason.DUTY, until=rest_until)
    return None


def fate(overlap: Overlap, reason: SkipReason) -> Fate:
    """Return what a denied tick becomes. Only an overlap can be waited for or replaced, and a
    place in a pool is waited for."""
    if reason is SkipReason.POOL:
        return Fate.WAITS
    if reason is not SkipReason.OVERLAP:
        return Fate.SKIPPED
    if overlap is Overlap.QUEUE:
        return Fate.WAITS
    return Fate.REPLACES if overlap is Overlap.REPLACE else Fate.SKIPPED


def rest_until(ended: datetime, duration: timedelta, max_duty: float) -> datetime | None:
    """Return until when ``max_duty`` forbids the next run, or None.

    After 14 minutes at 0.5 the job rests 14 minutes: running time over running plus rest
    is then exactly the share allowed.
    """
    if max_duty >= 1.0:
        return None
    return ended + duration * ((1.0 - max_duty) / max_duty)


def _places(demand: Demand) -> int:
    return demand.max_instances if demand.overlap is Overlap.ALLOW else 1
