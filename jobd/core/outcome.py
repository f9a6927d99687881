"""Outcome: how a run ended, judged from an Exit: what the supervisor saw."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from jobd.core.frequent import frequent
from jobd.core.said import StepTime


class Outcome(StrEnum):
    """How a run, or one attempt of it, ended (contract, section 4)."""

    SUCCESS = "success"
    FAILURE = "failure"
    TIMEOUT = "timeout"
    OOM = "oom"
    CANCELED = "canceled"
    LOST = "lost"
    START_ERROR = "start_error"


class StopCause(StrEnum):
    """Why the supervisor ended a process tree that had not ended by itself."""

    TIMEOUT = "timeout"
    WATCHDOG = "watchdog"  # it did not say in time that it is alive
    CANCEL = "cancel"  # an operator
    REPLACE = "replace"  # the next run of an overlap = "replace" job
    SHUTDOWN = "shutdown"  # the daemon's grace is over
    MEMORY = "memory"  # the process tree's watcher, where no cgroup holds the ceiling
    TRUST = "trust"  # the lease could not be renewed in time


@frequent
@dataclass(frozen=True, slots=True)
class Exit:
    """The end of one attempt as the supervisor measured it."""

    exit_code: int | None  # None when a signal ended the main process
    signal: int | None
    stop_cause: StopCause | None  # set when jobd ended it
    oom_killed: bool  # the kernel, or the watcher, killed for memory
    duration_s: float  # exec until the whole tree was gone
    cpu_s: float
    memory_peak_bytes: int | None  # None where nothing measured it
    output_bytes: int = 0  # all that the tree wrote
    output_dropped_bytes: int = 0  # what of it the middle lost
    steps: tuple[StepTime, ...] = ()
    steps_trouble: str = ""  # why they are not known


_BY_CAUSE = {
    StopCause.TIMEOUT: Outcome.TIMEOUT,
    StopCause.WATCHDOG: Outcome.TIMEOUT,
    StopCause.CANCEL: Outcome.CANCELED,
    StopCause.REPLACE: Outcome.CANCELED,
    StopCause.SHUTDOWN: Outcome.CANCELED,
    StopCause.MEMORY: Outcome.OOM,
    StopCause.TRUST: Outcome.LOST,
}


def judge(exit_: Exit, success_exit_codes: Collection[int], matched_failure: bool) -> Outcome:
    """Return the outcome of an attempt.

    What jobd did outranks what the job answered: a job that exits 0 on the SIGTERM of its
    timeout timed out all the same. A memory kill of some child is no failure by itself:
    a job that survives it and exits well has succeeded.
    """
    if exit_.stop_cause is not None:
        return _BY_CAUSE[exit_.stop_cause]
    is_clean = exit_.exit_code in success_exit_codes
    if exit_.oom_killed and not is_clean:
        return Outcome.OOM
    return Outcome.SUCCESS if is_clean and not matched_failure else Outcome.FAILURE
