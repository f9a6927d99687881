"""What is counted of each job, compactly, and the blocks of jobs that are rendered together.

A job at rest costs one small object: its counters by reason, outcome and duration are
allocated when the first one counts.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from jobd.core.claim import Trigger
from jobd.core.hooks import HookKind, HookResult
from jobd.core.ledger import SkipReason
from jobd.core.outcome import Outcome
from jobd.telemetry.stitch import Piece

TRIGGER_INDEX = {trigger: index for index, trigger in enumerate(Trigger)}
REASON_INDEX = {reason: index for index, reason in enumerate(SkipReason)}
HOOK_INDEX = {
    call: index for index, call in enumerate((k, r) for k in HookKind for r in HookResult)
}
OUTCOME_INDEX = {outcome: index for index, outcome in enumerate(Outcome)}

# Upper bounds in seconds: from a probe to a night's batch, with the usual intervals
# (1, 5, 10, 15, 30 minutes, an hour) among them, because that is what a duration is held
# against. A last bucket without a bound follows.
DURATION_BOUNDS_S = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 21600.0)

# A job has series for so many steps, in the order in which it named them; what it names
# after those is counted together.
MOST_STEPS = 50
OTHER_STEPS = "other"

# How many jobs are rendered and compressed in one go. Larger compresses a little better,
# smaller keeps the event loop free and redoes less when one job changes.
BLOCK_JOBS = 96

# What of a block has changed since it was rendered; families name the ones they depend on.
TICKS = 1
SKIPS = 2
STARTS = 4
ENDS = 8
STATE = 16  # what the scheduler knows of the job: active, next tick, paused, …
DEFINITION = 32  # what the configuration says
HOOKS = 64
EVERYTHING = TICKS | SKIPS | STARTS | ENDS | STATE | DEFINITION | HOOKS


@dataclass(frozen=True, slots=True)
class Lines:
    """A family's lines of a block; the same piece twice where the formats do not differ."""

    text: Piece
    openmetrics: Piece


@dataclass(slots=True, eq=False)
class Block:
    """Jobs that are rendered together, and the lines last rendered, by family."""

    series: Sequence["JobSeries"] = ()
    stale: int = EVERYTHING
    valid_until: datetime | None = None  # from then on STATE changes without an event
    lines: tuple[Lines, ...] = ()


@dataclass(frozen=True, slots=True)
class Exemplar:
    """The run that fell into a bucket last."""

    run_id: str
    duration_s: float
    ended_at: datetime


@dataclass(slots=True, eq=False)
class JobSeries:
    """The counters of one job since the daemon started or the job was configured."""

    name: str
    block: Block
    ticks: int = 0
    retries: int = 0
    cpu_s: float = 0.0
    duration_s: float = 0.0  # sum over the runs in ``durations``
    overlaps: int = 0  # in a row, of the latest ticks, on whichever nodes
    unwanted: int = 0  # skips in a row of the latest ticks, likewise, that nobody asked for
    is_warned: bool = False  # of overlaps in a row, and it has not been well since
    last_tick: datetime | None = None  # the latest that counts in those two
    started: "array[int] | None" = None  # by TRIGGER_INDEX
    skipped: "array[int] | None" = None  # by REASON_INDEX
    ended: "array[int] | None" = None  # by OUTCOME_INDEX
    durations: "array[int] | None" = None  # by DURATION_BOUNDS_S, and one more
    exemplars: dict[int, Exemplar] | None = None  # likewise, of those that have one
    hooks: "array[int] | None" = None  # by HOOK_INDEX
    steps: "dict[str, StepSeries] | None" = None


@dataclass(slots=True, eq=False)
class StepSeries:
    """How long runs of a job were in one of its steps."""

    durations: "array[int]"  # as in JobSeries
    duration_s: float = 0.0


@dataclass(slots=True)
class JobTable:
    """The series of every configured job, in blocks, in the order of the configuration."""

    by_name: dict[str, JobSeries] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()

    def configure(self, names: Iterable[str]) -> None:
        """Hold exactly these jobs: kept ones go on counting, new ones start at 0."""
        old = self.by_name
        unplaced = Block()
        kept = [old.get(name) or JobSeries(name, unplaced) for name in names]
        self.by_name = {series.name: series for series in kept}
        self.blocks = tuple(
            _block(kept[start : start + BLOCK_JOBS]) for start in range(0, len(kept), BLOCK_JOBS)
        )

    def mark_all(self, changed: int) -> None:
        """Say that ``changed`` is stale in every block."""
        for block in self.blocks:
            block.stale |= changed


def observe_step(series: JobSeries, step: str, seconds: float) -> None:
    """Count how long an attempt was in a step."""
    if series.steps is None:
        series.steps = {}
    found = series.steps.get(step)
    if found is None:
        is_full = len(series.steps.keys() - {OTHER_STEPS}) >= MOST_STEPS
        name = OTHER_STEPS if is_full else step
        empty = StepSeries(zeros(len(DURATION_BOUNDS_S) + 1))
        found = series.steps.setdefault(name, empty)
    found.durations[bisect_left(DURATION_BOUNDS_S, seconds)] += 1
    found.duration_s += seconds


def zeros(count: int) -> "array[int]":
    """Return ``count`` counters at zero."""
    return array("Q", bytes(8 * count))


def _block(series: Sequence[JobSeries]) -> Block:
    block = Block(series=tuple(series))
    for one in series:
        one.block = block
    return block
