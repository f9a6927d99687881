"""What a scheduler shows of itself: frozen pictures for people, pages and metrics."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from jobd.core.claim import ActiveRun, JobMemory, Pause
from jobd.core.cluster import NodeSeen
from jobd.core.frequent import frequent
from jobd.core.job import Job, Scope
from jobd.core.ledger import SkipReason
from jobd.core.run import RunState, begin_of
from jobd.core.said import Said


class JobState(StrEnum):
    """A job in one word, the most telling first."""

    RUNNING = "running"
    RETRYING = "retrying"  # between attempts
    ELSEWHERE = "elsewhere"  # every node that may runs its own, and this one may not
    WAITING = "waiting"  # a tick waits for room or for the prior run
    PAUSED = "paused"
    STORE_DOWN = "store_down"  # the store that decides it has not been reached since the start
    DISABLED = "disabled"
    MANUAL = "manual"  # no schedule
    SCHEDULED = "scheduled"


@dataclass(frozen=True, slots=True)
class RunView:
    """An active run."""

    run: ActiveRun
    state: RunState
    started_at: datetime | None
    said: Said | None = None  # None: nothing yet

    @property
    def began_at(self) -> datetime:
        """When its first attempt began; ``started_at`` is when the present one did."""
        return begin_of(self.run.claimed_at, self.started_at, self.run.attempt)


@dataclass(frozen=True, slots=True)
class WaitingView:
    """A tick, a manual run or a further attempt that wants to start and may not yet."""

    job: str
    run_id: str
    fire_time: datetime | None
    since: datetime
    priority: int
    held_by: str  # a SkipReason's value
    memory_bytes: int = 0  # what it would reserve; 0 while it has not asked for room
    is_retry: bool = False  # an attempt of a run that is active


@frequent
@dataclass(frozen=True, slots=True)
class JobView:
    """A job and where it stands."""

    job: Job
    state: JobState
    memory: JobMemory  # kept up to date by the scheduler while it runs
    next_fire: datetime | None
    next_due: datetime | None  # with jitter
    interval: timedelta | None
    start_deadline: timedelta | None
    runs: tuple[RunView, ...]
    waiting: tuple[WaitingView, ...]
    pause: Pause | None
    utilization: float | None  # what a whole run takes, smoothed, over the interval
    elsewhere: tuple[ActiveRun, ...] = ()  # active on other nodes
    claiming: tuple[str, ...] = ()  # ids of runs that the store is being asked for


@dataclass(frozen=True, slots=True)
class PoolView:
    """A bottleneck that jobs share: ``running`` slots of ``size`` are taken."""

    name: str
    size: int
    running: int  # of the whole cluster where the scope is the cluster
    scope: Scope


@dataclass(frozen=True, slots=True)
class SharedView:
    """What this node knows of the others, as the shared store last told it.

    ``since``: from when on the store has been silent, or has answered without a gap; None:
    it has not been reached yet. ``at``: when, by the store's clock, ``nodes`` was so.
    """

    is_silent: bool
    since: datetime | None
    nodes: tuple[NodeSeen, ...]  # this one included
    at: datetime | None


@dataclass(frozen=True, slots=True)
class RoomView:
    """What is taken of the node, and what keeps anything new from starting.

    ``pressure``: what is above its limit, in words, "" when nothing is; ``measured``: all that
    has a limit and can be measured.
    """

    memory_reserved_bytes: int = 0
    memory_budget_bytes: int | None = None  # None: no bound
    pressure: str = ""
    measured: str = ""
    holding: frozenset[SkipReason] = frozenset()  # of max_running, memory_budget and pressure


@dataclass(frozen=True, slots=True)
class NodeView:
    """The node as a whole."""

    jobs: int
    paused: int
    running: int  # attempts that hold a place under max_running
    waiting: int
    max_running: int
    max_waiting: int
    is_stopping: bool
    is_draining: bool = False  # by an operator: it starts nothing new
    drain: Pause | None = None  # who drains it, since when and why
    shared: SharedView | None = None  # None: a cluster of one
    pools: tuple[PoolView, ...] = ()
    load: float = 0.0  # share of the room that is taken, 0 to 1
    room: RoomView = RoomView()
