"""Everything that can happen to a scheduler. Shells make these; the scheduler only reads them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from jobd.core.claim import ActiveRun, ClaimAnswer, ClaimRequest, JobMemory, Pause
from jobd.core.cluster import ClusterView, Holding
from jobd.core.frequent import frequent
from jobd.core.job import Job, Pool
from jobd.core.ledger import Skip
from jobd.core.outcome import Exit
from jobd.core.pressure import Strain
from jobd.core.run import RunRecord
from jobd.core.said import Said


@dataclass(frozen=True, slots=True)
class Woke:
    """Time has passed; due ticks and timers are looked at."""


@dataclass(frozen=True, slots=True)
class Configured:
    """A configuration is in force: at start-up, and after each good reload.

    ``memories`` holds what the store remembers of every job in ``jobs`` that is new to
    the scheduler, those whose schedule changed included.
    """

    jobs: Mapping[str, Job]
    memories: Mapping[str, JobMemory]
    max_running: int
    max_waiting: int
    orphans: tuple[ActiveRun, ...] = ()  # active runs of jobs that are configured no more
    labels: tuple[str, ...] = ()  # of this node
    pools: Mapping[str, Pool] = field(default_factory=dict)
    drain: Pause | None = None  # this node was drained before the daemon's restart
    memory_budget_bytes: int | None = None  # None: no bound
    pressure: Mapping[Strain, float] = field(default_factory=dict)  # above it nothing new starts
    # Of the cluster, whose store has not been reached yet: nothing is known of their past.
    unreached: Mapping[str, Job] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NodeMeasured:
    """How much this node, and the store, are under pressure; what cannot be told is left out."""

    strains: Mapping[Strain, float]


@dataclass(frozen=True, slots=True)
class HeldRun:
    """A run that the supervisor holds, or held until its end, from before this daemon."""

    run: ActiveRun
    started_at: datetime | None
    exit: Exit | None  # None: still running
    start_error: str = ""
    ended_at: datetime | None = None
    matched_failure: bool = False
    search_trouble: str = ""

    @property
    def has_ended(self) -> bool:
        """Whether it runs no more, or never began."""
        return self.exit is not None or bool(self.start_error)


@dataclass(frozen=True, slots=True)
class Recovered:
    """The supervisor's word after a (re)connection: these runs, and no others, it knows.

    ``since``: when this supervisor began; what was granted since then and is not held was
    never executed. None: it is a new one, and whatever there was is gone.
    """

    held: tuple[HeldRun, ...]
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class ClaimsDecided:
    """The store's answers, one for each request of a claim.

    ``sent_s``: the steady instant before the claim was sent, from which its leases count;
    None: the store gives no leases that end. ``lost``: runs of silent nodes that it ended.
    """

    answers: tuple[ClaimAnswer, ...]
    sent_s: float | None = None
    lost: tuple[RunRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class ClaimsFailed:
    """The store did not answer; nothing is known to be decided."""

    requests: tuple[ClaimRequest, ...]
    error: str


@dataclass(frozen=True, slots=True)
class SkipsRecorded:
    """The ledger has these skips; each count is what was not settled before."""

    skips: tuple[Skip, ...]


@frequent
@dataclass(frozen=True, slots=True)
class RunStarted:
    """The supervisor has executed an attempt's command."""

    run_id: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class RunSaid:
    """A run has something new to say of itself."""

    run_id: str
    said: Said


@dataclass(frozen=True, slots=True)
class RunNotStarted:
    """An attempt could not be executed; ``reason`` is for people."""

    run_id: str
    reason: str


@frequent
@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """An attempt's process tree is gone. ``search_trouble``: why no pattern judged its output."""

    run_id: str
    exit: Exit
    ended_at: datetime
    matched_failure: bool = False
    search_trouble: str = ""


@dataclass(frozen=True, slots=True)
class SupervisorLost:
    """The supervisor died, and with it every process that it held."""


@dataclass(frozen=True, slots=True)
class ClockJumped:
    """The wall clock was set: by this much against the steady one."""

    by: timedelta


@dataclass(frozen=True, slots=True)
class ClusterSeen:
    """The shared store answered a beat that was sent at ``sent_s`` on the steady clock.

    ``has_stepped``: its clock has jumped against the steady one since the beat before.
    """

    view: ClusterView
    sent_s: float
    has_stepped: bool = False


@dataclass(frozen=True, slots=True)
class StoreSilent:
    """The shared store has not answered; nothing can be decided for the cluster's jobs."""


@dataclass(frozen=True, slots=True)
class RenewalDue:
    """A third of a lease has passed on the steady clock."""


@dataclass(frozen=True, slots=True)
class LeasesRenewed:
    """The store's answer to a renewal that was sent at ``sent_s`` on the steady clock."""

    kept: tuple[Holding, ...]
    lost: tuple[Holding, ...]  # taken over by another node, or ended
    sent_s: float


@dataclass(frozen=True, slots=True)
class RenewalFailed:
    """The store did not answer a renewal; the leases stay trusted for as long as they were."""


@dataclass(frozen=True, slots=True)
class TakenOver:
    """These runs are this node's now, between two attempts, and it has ``ended`` those as lost;
    ``sent_s`` as in ClaimsDecided."""

    runs: tuple[ActiveRun, ...]
    sent_s: float
    ended: tuple[RunRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class DrainAsked:
    """An operator wants this node to start nothing new, or (``is_on`` False) to go on."""

    request_id: str
    by: str
    is_on: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TriggerAsked:
    """An operator wants a run now."""

    request_id: str
    run_id: str
    job: str
    by: str
    params: tuple[tuple[str, str], ...] = ()
    force: bool = False
    queue: bool = False


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """An operator wants a run, or every active run of a job, stopped."""

    request_id: str
    by: str
    job: str | None = None
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class PauseAsked:
    """An operator wants a job's ticks skipped; ``job`` None is every job."""

    request_id: str
    job: str | None
    by: str
    reason: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ResumeAsked:
    """An operator ends a pause; ``job`` None is every job."""

    request_id: str
    job: str | None
    by: str


@dataclass(frozen=True, slots=True)
class SkipNextAsked:
    """An operator wants just the next tick of a job skipped."""

    request_id: str
    job: str
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ShutdownAsked:
    """Start nothing more. ``stop_runs``: the grace is over, stop what still runs."""

    stop_runs: bool = False


OperatorEvent = TriggerAsked | CancelAsked | PauseAsked | ResumeAsked | SkipNextAsked | DrainAsked

Event = (
    Woke
    | Configured
    | Recovered
    | NodeMeasured
    | ClaimsDecided
    | ClaimsFailed
    | SkipsRecorded
    | RunStarted
    | RunSaid
    | RunNotStarted
    | AttemptEnded
    | SupervisorLost
    | ClockJumped
    | ClusterSeen
    | StoreSilent
    | RenewalDue
    | LeasesRenewed
    | RenewalFailed
    | TakenOver
    | OperatorEvent
    | ShutdownAsked
)
