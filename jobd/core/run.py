"""Run: one claimed execution, retries included.

The law, as a table of state and event to state::

                 started    not_started   attempt_ended        retry_due   stopped
    starting     running    ended/backoff ended/backoff        -           starting
    running      -          -             ended/backoff        -           running
    backoff      -          -             -                    starting    ended

An attempt that ends leads to ``backoff`` when the retries of its job say so, else to
``ended``. Every pair that the table does not name is a defect of ours.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from jobd.core.attempt import EndedAttempt
from jobd.core.claim import ActiveRun, Trigger
from jobd.core.frequent import frequent
from jobd.core.outcome import Outcome
from jobd.core.said import StepTime


class RunState(StrEnum):
    """Where a run stands."""

    STARTING = "starting"
    RUNNING = "running"
    BACKOFF = "backoff"
    ENDED = "ended"


class RunEvent(StrEnum):
    """What can happen to a run."""

    STARTED = "started"
    RETRY_LATER = "retry_later"
    RETRY_DUE = "retry_due"
    FINISHED = "finished"


_TABLE = {
    (RunState.STARTING, RunEvent.STARTED): RunState.RUNNING,
    (RunState.STARTING, RunEvent.RETRY_LATER): RunState.BACKOFF,
    (RunState.STARTING, RunEvent.FINISHED): RunState.ENDED,
    (RunState.RUNNING, RunEvent.RETRY_LATER): RunState.BACKOFF,
    (RunState.RUNNING, RunEvent.FINISHED): RunState.ENDED,
    (RunState.BACKOFF, RunEvent.RETRY_DUE): RunState.STARTING,
    (RunState.BACKOFF, RunEvent.FINISHED): RunState.ENDED,
}


def advance(state: RunState, event: RunEvent) -> RunState:
    """Return the state that follows; a pair outside the table is our own defect."""
    following = _TABLE.get((state, event))
    assert following is not None, f"a run that is {state} cannot see {event}"
    return following


def begin_of(claimed_at: datetime, started_at: datetime | None, attempt: int) -> datetime:
    """Return when a run began. Of a retried one ``started_at`` is when its last attempt did, which
    tells neither how long the run has taken nor for how long it has been in the way of ticks."""
    return claimed_at if started_at is None or attempt > 1 else started_at


@frequent
@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as the history keeps it. Times are None until they happened."""

    run_id: str
    job: str
    node: str
    token: int
    trigger: Trigger
    fire_time: datetime | None
    claimed_at: datetime
    requested_by: str = ""
    attempt: int = 1
    started_at: datetime | None = None  # the last attempt's exec
    ended_at: datetime | None = None
    outcome: Outcome | None = None
    reason: str = ""  # why it could not start, or was stopped, in words
    exit_code: int | None = None
    signal: int | None = None
    duration_s: float | None = None  # of the last attempt
    cpu_s: float | None = None
    memory_peak_bytes: int | None = None
    output_bytes: int = 0
    output_dropped_bytes: int = 0
    params: tuple[tuple[str, str], ...] = ()
    steps: tuple[StepTime, ...] = ()  # of the last attempt
    retried: tuple[EndedAttempt, ...] = ()  # those that another followed, or was to

    @property
    def began_at(self) -> datetime:
        """When the first attempt began; ``started_at`` is when the last one did."""
        return begin_of(self.claimed_at, self.started_at, self.attempt)

    @property
    def lasted_s(self) -> float | None:
        """How long all of it took, from the first attempt to the last one's end and with the
        pauses in between; ``duration_s`` is of the last one. None while it goes on."""
        if self.ended_at is None:
            return None
        if self.attempt == 1 and self.duration_s is not None:
            return self.duration_s
        return max((self.ended_at - self.began_at).total_seconds(), 0.0)


# What is measured of an attempt, in the order of the record's fields.
Measured = tuple[int | None, int | None, float | None, float | None, int | None, int, int]
NOT_MEASURED: Measured = (None, None, None, None, None, 0, 0)


def record_of(
    run: ActiveRun,
    started_at: datetime | None = None,
    ended_at: datetime | None = None,
    outcome: Outcome | None = None,
    reason: str = "",
    measured: Measured = NOT_MEASURED,
    steps: tuple[StepTime, ...] = (),
) -> RunRecord:
    """Return a run as the history keeps it: while it is active, or with its end."""
    return RunRecord(  # by place: for every run, names would take twice as long
        run.run_id,
        run.job,
        run.node,
        run.token,
        run.trigger,
        run.fire_time,
        run.claimed_at,
        run.requested_by,
        run.attempt,
        started_at,
        ended_at,
        outcome,
        reason,
        *measured,
        run.params,
        steps,
        run.retried,
    )


@frequent
@dataclass(frozen=True, slots=True)
class Finish:
    """A run's end, as the holder reports it to the store under its fencing token."""

    record: RunRecord
    rest_until: datetime | None  # max_duty: no run of the job before it
    smoothed_duration_s: float | None
    expected_memory_bytes: int | None = None
    smoothed_lasted_s: float | None = None
