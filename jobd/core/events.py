"""Everything that can happen to a scheduler. Shells make these; the scheduler only reads them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobd.core.claim import ActiveRun, ClaimAnswer, ClaimRequest, JobMemory
from jobd.core.frequent import frequent
from jobd.core.job import Job
from jobd.core.ledger import Skip
from jobd.core.outcome import Exit


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
    """The store's answers, one for each request of a claim."""

    answers: tuple[ClaimAnswer, ...]


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
class RunNotStarted:
    """An attempt could not be executed; ``reason`` is for people."""

    run_id: str
    reason: str


@frequent
@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """An attempt's process tree is gone. ``matched_failure``: its output met failure_pattern;
    ``search_trouble``: why that could not be told."""

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


OperatorEvent = TriggerAsked | CancelAsked | PauseAsked | ResumeAsked | SkipNextAsked

Event = (
    Woke
    | Configured
    | Recovered
    | ClaimsDecided
    | ClaimsFailed
    | SkipsRecorded
    | RunStarted
    | RunNotStarted
    | AttemptEnded
    | SupervisorLost
    | ClockJumped
    | OperatorEvent
    | ShutdownAsked
)
