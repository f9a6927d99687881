"""Learn: what the end of a run teaches about its job."""

from datetime import datetime, timedelta

from jobd.core import overlap
from jobd.core.claim import JobMemory
from jobd.core.forecast import expected_peak, smoothed
from jobd.core.outcome import Outcome
from jobd.core.run import RunRecord


def learned(memory: JobMemory, record: RunRecord, max_duty: float, now: datetime) -> JobMemory:
    """Return what is remembered of a job once a run of it has ended as recorded."""
    duration, rest_until = memory.last_duration, memory.rest_until
    if record.duration_s is not None:
        # All of it: by its last attempt alone a job that is retried would run for twice its share.
        duration = timedelta(0, record.lasted_s or 0.0)
        rest_until = overlap.rest_until(now, duration, max_duty)
    is_success = record.outcome is Outcome.SUCCESS
    return JobMemory(  # in full: for every end, replace() would take four times as long
        memory.job,
        memory.settled_until,
        max(memory.token, record.token),
        record.started_at or memory.last_started,
        record.ended_at,
        record.outcome,
        record.ended_at if is_success else memory.last_success,
        duration,
        *_smoothed(memory, record),
        record.memory_peak_bytes or memory.memory_peak_bytes,
        rest_until,
        memory.pause,
        memory.skip_next,
        memory.active,
        memory.decided_until,
        _expected_bytes(memory, record),
        memory.last_skipped,
    )


def _smoothed(memory: JobMemory, record: RunRecord) -> tuple[float | None, float | None]:
    """Only successful runs say how long the job usually takes: a start error takes no time,
    and a timeout as long as somebody once wrote down. The timeout is for an attempt, the
    interval for the whole run."""
    known = (memory.smoothed_duration_s, memory.smoothed_lasted_s)
    if record.duration_s is None or record.outcome is not Outcome.SUCCESS:
        return known
    return smoothed(known[0], record.duration_s), smoothed(known[1], record.lasted_s or 0.0)


def _expected_bytes(memory: JobMemory, record: RunRecord) -> int | None:
    """Every run says what the next one may need, however it ended."""
    if record.memory_peak_bytes is None:
        return memory.expected_memory_bytes
    return expected_peak(memory.expected_memory_bytes, record.memory_peak_bytes)
