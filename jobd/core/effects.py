"""Everything the scheduler can ask for. The daemon performs these in the order given."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from jobd.core.claim import ActiveRun, ClaimRequest, Pause
from jobd.core.cluster import Holding, StopAsked, TakeOver
from jobd.core.frequent import frequent
from jobd.core.hooks import Call
from jobd.core.job import Job
from jobd.core.ledger import Skip
from jobd.core.outcome import StopCause
from jobd.core.run import Finish, RunRecord
from jobd.core.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Claim:
    """Ask the store for these runs, all at once. Answer: ClaimsDecided or ClaimsFailed."""

    requests: tuple[ClaimRequest, ...]


@dataclass(frozen=True, slots=True)
class RecordSkips:
    """Settle ticks without a run. Answer: SkipsRecorded."""

    skips: tuple[Skip, ...]


@dataclass(frozen=True, slots=True)
class VoidSkips:
    """Open again the skipped ticks later than ``after``: by the right clock they are to come."""

    after: datetime
    schedules: Mapping[str, Schedule]


@frequent
@dataclass(frozen=True, slots=True)
class StartRun:
    """Execute one attempt. Answer: RunStarted or RunNotStarted, then AttemptEnded.

    ``until_s``: the steady instant by which it must be dead; one that is past already is not
    executed and ends with the cause ``trust``.
    """

    run: ActiveRun
    job: Job
    until_s: float | None = None


@dataclass(frozen=True, slots=True)
class StopRun:
    """Stop an attempt's whole process tree: stop_signal, then SIGKILL after kill_after."""

    run_id: str
    cause: StopCause


@dataclass(frozen=True, slots=True)
class SaveRun:
    """Remember where an active run stands (its attempt, when the next one is due)."""

    run: ActiveRun


@frequent
@dataclass(frozen=True, slots=True)
class FinishRun:
    """Report a run's end to the store and let the supervisor forget it.

    ``will_retry``: only this attempt ended; the record goes to the log, and the lease stays.
    ``is_shared``: the shared store granted it, whatever its job's scope is by now.
    """

    finish: Finish
    will_retry: bool = False
    is_shared: bool = False


@dataclass(frozen=True, slots=True)
class CallHooks:
    """Tell those who want to know that a run has begun, or how it ended.

    ``prior``: how the run before it ended. ``is_doubtful``: only if the store takes the end
    from this node; see :mod:`jobd.core.tell`.
    """

    job: Job
    record: RunRecord
    calls: tuple[Call, ...]
    prior: str | None = None
    is_doubtful: bool = False


@dataclass(frozen=True, slots=True)
class SavePause:
    """Remember a pause of jobs, or its end (None)."""

    jobs: tuple[str, ...]
    pause: Pause | None
    by: str


@dataclass(frozen=True, slots=True)
class SaveSkipNext:
    """Remember that a job's next tick is to be skipped, or no more (None)."""

    job: str
    skip_next: Pause | None
    by: str


@dataclass(frozen=True, slots=True)
class RenewLeases:
    """Renew these leases at the shared store. Answer: LeasesRenewed or RenewalFailed."""

    holdings: tuple[Holding, ...]


@dataclass(frozen=True, slots=True)
class ExtendRun:
    """Let the supervisor trust a run's lease until this steady instant."""

    run_id: str
    until_s: float


@dataclass(frozen=True, slots=True)
class LookAround:
    """Beat soon: which ticks have been decided by others? Answer: ClusterSeen or StoreSilent."""


@dataclass(frozen=True, slots=True)
class TakeRuns:
    """End, or take over, runs whose lease has run out. Answer: TakenOver."""

    wishes: tuple[TakeOver, ...]


@dataclass(frozen=True, slots=True)
class StopElsewhere:
    """Ask the nodes that hold runs to stop them."""

    stops: tuple[StopAsked, ...]


@dataclass(frozen=True, slots=True)
class SaveDrain:
    """Remember that this node is drained, or no more (None)."""

    drain: Pause | None
    by: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """What an operator asked for is done or under way; ``run_ids`` are the runs concerned."""

    request_id: str
    run_ids: tuple[str, ...] = ()
    message: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """What an operator asked for cannot be; ``message`` says why and what to do.

    ``code`` is the reply's kind: ``no_such_job``, ``no_such_run``, ``busy`` (overlap),
    ``bad_request``, ``not_here`` (another node may), ``store_down`` or ``shutting_down``.
    """

    request_id: str
    code: str
    message: str
    blocker: ActiveRun | None = None


Reply = Accepted | Refused

Effect = (
    Claim
    | RecordSkips
    | VoidSkips
    | StartRun
    | StopRun
    | SaveRun
    | FinishRun
    | CallHooks
    | SavePause
    | SaveSkipNext
    | RenewLeases
    | ExtendRun
    | LookAround
    | TakeRuns
    | StopElsewhere
    | SaveDrain
    | Accepted
    | Refused
)
