"""Claim: ask for the right to run a tick. The store decides it, in one transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from jobd.core.attempt import EndedAttempt
from jobd.core.frequent import frequent
from jobd.core.job import Overlap
from jobd.core.ledger import SkipReason
from jobd.core.outcome import Outcome


class Trigger(StrEnum):
    """What asked for a run."""

    SCHEDULE = "schedule"
    CATCHUP = "catchup"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class PoolDemand:
    """A place in a pool that the cluster's nodes share."""

    name: str
    size: int  # slots that all runs in the pool may take together
    slots: int = 1  # what this run takes of them


@dataclass(frozen=True, slots=True)
class Demand:
    """What must hold for the claim to be granted (see jobd.core.overlap)."""

    overlap: Overlap
    max_instances: int = 1
    ignores_duty: bool = False  # a person asked for it
    pool: PoolDemand | None = None


@frequent
@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """A wish to run. ``run_id`` is made by the claimer: a lost answer is found again by it."""

    run_id: str
    job: str
    fire_time: datetime | None  # None: no tick stands behind a manual run
    trigger: Trigger
    demand: Demand
    requested_by: str = ""  # who triggered it by hand
    params: tuple[tuple[str, str], ...] = ()
    settled_until: datetime | None = None  # see JobMemory.settled_until


@frequent
@dataclass(frozen=True, slots=True)
class ActiveRun:
    """A run that holds its job's lease, as the store knows it."""

    run_id: str
    job: str
    node: str
    token: int
    fire_time: datetime | None
    trigger: Trigger
    claimed_at: datetime
    attempt: int = 1
    retry_at: datetime | None = None  # set between attempts
    requested_by: str = ""
    params: tuple[tuple[str, str], ...] = ()
    lease_until: datetime | None = None  # by the store's clock; None: nobody else could take it
    pool: str | None = None  # the shared pool that it has slots of
    slots: int = 0
    retried: tuple[EndedAttempt, ...] = ()  # those that another follows, or is to


@frequent
@dataclass(frozen=True, slots=True)
class ClaimGranted:
    """The run may start. ``token`` is higher than that of every earlier run of the job."""

    request: ClaimRequest
    token: int
    claimed_at: datetime


@dataclass(frozen=True, slots=True)
class ClaimDenied:
    """The run may not start now.

    ``settled`` is true when the tick is thereby skipped and in the ledger; otherwise it may
    be asked for again (``queue`` and ``replace``, and a pool that is full). ``reason`` None
    means that the tick had been decided before: nothing is left to do or to count.
    """

    request: ClaimRequest
    reason: SkipReason | None
    settled: bool
    blocker: ActiveRun | None = None
    until: datetime | None = None  # for duty: when the job may run again


ClaimAnswer = ClaimGranted | ClaimDenied


@dataclass(frozen=True, slots=True)
class Pause:
    """A job whose ticks are skipped until an operator, or the clock, resumes it."""

    by: str
    since: datetime
    reason: str = ""
    until: datetime | None = None


@frequent
@dataclass(frozen=True, slots=True)
class JobMemory:
    """What the store remembers of a job from one start of the daemon to the next.

    ``settled_until``: every fire time up to and including it is in the ledger. Later ones
    may be too: a tick that still waits holds it back, and a claim for a decided tick is
    denied, so looking at one twice does no harm and losing one is impossible.
    """

    job: str
    settled_until: datetime
    token: int = 0
    last_started: datetime | None = None
    last_ended: datetime | None = None
    last_outcome: str | None = None
    last_success: datetime | None = None
    last_duration: timedelta | None = None  # of a run that was measured, with all its attempts
    # Of successful runs, see jobd.core.forecast: the last attempt, and the run with all of them.
    smoothed_duration_s: float | None = None
    smoothed_lasted_s: float | None = None
    memory_peak_bytes: int | None = None  # of the last run
    rest_until: datetime | None = None  # max_duty forbids runs before it
    pause: Pause | None = None
    skip_next: Pause | None = None
    active: tuple[ActiveRun, ...] = ()
    decided_until: datetime | None = None  # the latest tick in the ledger
    expected_memory_bytes: int | None = None  # see jobd.core.forecast
    last_skipped: datetime | None = None  # when it was decided that a tick is skipped

    @property
    def last_took(self) -> timedelta | None:
        """How long the last run took; None where nothing measured it, and ``last_duration`` is
        still that of a run before it."""
        is_measured = self.last_outcome not in (Outcome.START_ERROR, Outcome.LOST)
        return self.last_duration if is_measured else None

    def is_ahead_of(self, now: datetime) -> bool:
        """Whether ticks later than ``now`` are decided: the clock was ahead once."""
        latest = self.decided_until
        return self.settled_until > now or (latest is not None and latest > now)
