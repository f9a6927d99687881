"""Window: what happened in a stretch of time, gathered so that no answer is long.

A week of ten thousand jobs is millions of runs, and a picture of it has a few hundred places
beside one another. So the time is cut into cells, and runs that began in the same cell and
came out alike are told as one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from jobd.core.frequent import frequent
from jobd.core.ledger import SkipReason

WINDOW_SEEN = 50_000  # runs of all nodes, or skips, that one window is told from
WINDOW_SEEN_OF_JOB = 5000  # the newest runs of a job that are looked at, whatever retention keeps

ACTIVE = "active"  # what a run that has not ended came out as


@dataclass(frozen=True, slots=True)
class Window:
    """From ``start`` until before ``end``, cut into ``cells`` of equal length.

    ``jobs``: a lane for each of these; None: one for each node, whatever its jobs.
    """

    start: datetime
    end: datetime
    cells: int
    jobs: tuple[str, ...] | None = None

    def cell_of(self, instant: datetime) -> int:
        """Return in which cell an instant is; -1: before the first one."""
        if instant < self.start:
            return -1
        return (instant - self.start) * self.cells // (self.end - self.start)


@frequent
@dataclass(frozen=True, slots=True)
class RunCell:
    """Runs of one lane that began in one cell and came out alike.

    A run begins with its claim and ends with its last attempt. Where there are several,
    ``run_id`` is that of one of them.
    """

    lane: str  # a job or a node
    cell: int  # -1: before the window
    outcome: str  # an Outcome's value, or ACTIVE
    runs: int
    begun: datetime  # the first
    ended: datetime | None  # the last; None while active
    took_s: float  # all of them together; 0 while active
    longest_s: float  # likewise
    run_id: str


@frequent
@dataclass(frozen=True, slots=True)
class SkipCell:
    """Ticks of one lane that were skipped in one cell, for one reason.

    In a job's lane they are where they were to be, in a node's where it decided them. Where
    there are several rows, ``detail`` and ``blocker`` are those of one of them.
    """

    lane: str
    cell: int
    reason: SkipReason
    ticks: int
    first: datetime
    last: datetime
    detail: str
    blocker: str | None


@dataclass(frozen=True, slots=True)
class Happened:
    """What happened in a window, in no order."""

    runs: Sequence[RunCell] = ()
    skips: Sequence[SkipCell] = ()
