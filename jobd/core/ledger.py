"""The ledger's words: what became of each tick, and why.

Every tick ends as exactly one of: started, or skipped with one reason. Ticks that nobody
could decide in time are settled as one range, so that ten thousand of them cost one row.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from jobd.core.frequent import frequent
from jobd.core.schedule import Schedule


class SkipReason(StrEnum):
    """Why a tick did not become a run (contract, section 4)."""

    OVERLAP = "overlap"
    DUTY = "duty"
    POOL = "pool"
    MEMORY_BUDGET = "memory_budget"
    MAX_RUNNING = "max_running"
    PRESSURE = "pressure"
    BACKLOG = "backlog"
    DEADLINE = "deadline"
    MISFIRE = "misfire"
    PAUSED = "paused"
    DRAINING = "draining"
    STORE_DOWN = "store_down"
    NO_NODE = "no_node"


@frequent
@dataclass(frozen=True, slots=True)
class TickRange:
    """Fire times of one job from ``first`` to ``last``, both included, ``count`` of them."""

    job: str
    first: datetime
    last: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Skip:
    """Ticks settled without a run."""

    ticks: TickRange
    reason: SkipReason
    detail: str = ""  # for people: who paused it, how long it waited
    blocker: str | None = None  # the run that was in its way
    settled_until: datetime | None = None  # see JobMemory.settled_until
    schedule: Schedule | None = None  # counts ticks between two instants; a range needs it


@frequent
@dataclass(frozen=True, slots=True)
class TickRecord:
    """One row of the ledger. ``reason`` is None when the tick was started."""

    ticks: TickRange
    reason: SkipReason | None
    run_id: str | None  # the run it became
    detail: str
    blocker: str | None
    decided_at: datetime
    node: str
