"""Rows: values of the core to SQLite's columns, and back. Instants are integer microseconds."""

import json
from datetime import datetime, timedelta
from sys import intern

from jobd.core.attempt import EndedAttempt, attempts_of, rows_of
from jobd.core.claim import ActiveRun, Pause, Trigger
from jobd.core.ledger import SkipReason, TickRange, TickRecord
from jobd.core.outcome import Outcome
from jobd.core.run import RunRecord
from jobd.core.said import StepTime
from jobd.ports import AuditEntry
from jobd.store.columns import (
    Row,
    instant_of,
    instant_or_none,
    micros,
    micros_or_none,
    params_of,
    steps_of,
    text,
)
from jobd.store.forgotten import Span
from jobd.store.roll import JobState

_MICROSECOND = timedelta(microseconds=1)


def job_row(state: JobState) -> Row:
    """Return the columns of a job."""
    duration = state.last_duration
    return (
        state.number,
        state.name,
        state.schedule,
        int(state.is_on_roll),
        micros(state.settled_until),
        micros_or_none(state.decided_until),
        _spans_text(state.forgotten),
        state.token,
        micros_or_none(state.last_started),
        micros_or_none(state.last_ended),
        state.last_outcome,
        micros_or_none(state.last_success),
        None if duration is None else duration // _MICROSECOND,
        state.smoothed_duration_s,
        state.memory_peak_bytes,
        micros_or_none(state.rest_until),
        _pause_text(state.pause),
        _pause_text(state.skip_next),
        state.expected_memory_bytes,
        micros_or_none(state.last_skipped),
        state.smoothed_lasted_s,
    )


def job_of(row: Row) -> JobState:
    """Return the job of such columns, without its active runs."""
    duration = row[12]
    return JobState(
        row[0],
        row[1],
        intern(row[2]),  # ten thousand jobs have a few schedules
        bool(row[3]),
        instant_of(row[4]),
        instant_or_none(row[5]),
        _spans_of(row[6]),
        row[7],
        instant_or_none(row[8]),
        instant_or_none(row[9]),
        None if row[10] is None else intern(row[10]),
        instant_or_none(row[11]),
        None if duration is None else timedelta(microseconds=duration),
        row[13],
        row[14],
        instant_or_none(row[15]),
        _pause_of(row[16]),
        _pause_of(row[17]),
        row[18],
        instant_or_none(row[19]),
        row[20],
    )


def begin_row(run: ActiveRun, job_number: int) -> Row:
    """Return the columns of a run that begins."""
    return (
        run.run_id,
        job_number,
        run.node,
        run.token,
        run.trigger.value,
        micros_or_none(run.fire_time),
        micros(run.claimed_at),
        text(run.requested_by),
        json.dumps(run.params) if run.params else "[]",
        run.attempt,
        micros_or_none(run.retry_at),
        run.pool,
        run.slots,
        _retried_column(run.retried),
    )


def save_row(run: ActiveRun, started_at: datetime | None) -> Row:
    """Return the parameters of statement ``run_save``."""
    retry_at, began = micros_or_none(run.retry_at), micros_or_none(started_at)
    retried = _retried_column(run.retried)
    return (run.attempt, retry_at, began, run.node, retried, run.run_id)


def active_run_of(row: Row) -> ActiveRun:
    """Return the active run of the columns that statement ``active_runs`` reads."""
    return ActiveRun(
        row[0],
        row[1],
        row[2],
        row[3],
        instant_or_none(row[4]),
        Trigger(row[5]),
        instant_of(row[6]),
        row[7],
        instant_or_none(row[8]),
        row[9],
        _params_of(row[10]),
        pool=row[11],
        slots=row[12],
        retried=_retried_of(row[13]),
    )


def end_row(record: RunRecord) -> Row:
    """Return the parameters of statement ``run_end``."""
    return (
        record.attempt,
        micros_or_none(record.started_at),
        micros_or_none(record.ended_at),
        None if record.outcome is None else record.outcome.value,
        text(record.reason),
        record.exit_code,
        record.signal,
        record.duration_s,
        record.cpu_s,
        record.memory_peak_bytes,
        record.output_bytes,
        record.output_dropped_bytes,
        _steps_column(record.steps),
        _retried_column(record.retried),
        record.run_id,
    )


def record_of(row: Row) -> RunRecord:
    """Return the run of a row of the view ``run_record``."""
    return RunRecord(
        run_id=row[0],
        job=row[1],
        node=row[2],
        token=row[3],
        trigger=Trigger(row[4]),
        fire_time=instant_or_none(row[5]),
        claimed_at=instant_of(row[6]),
        requested_by=row[7],
        attempt=row[8],
        started_at=instant_or_none(row[9]),
        ended_at=instant_or_none(row[10]),
        outcome=None if row[11] is None else Outcome(row[11]),
        reason=row[12],
        exit_code=row[13],
        signal=row[14],
        duration_s=row[15],
        cpu_s=row[16],
        memory_peak_bytes=row[17],
        output_bytes=row[18],
        output_dropped_bytes=row[19],
        params=_params_of(row[20]),
        steps=() if row[22] is None else steps_of(json.loads(row[22])),
        retried=_retried_of(row[23]),
    )


def tick_row(record: TickRecord, job_number: int) -> Row:
    """Return the columns of a ledger row."""
    ticks = record.ticks
    first = micros(ticks.first)
    return (
        job_number,
        first,
        first if ticks.last == ticks.first else micros(ticks.last),
        ticks.count,
        None if record.reason is None else record.reason.value,
        record.run_id,
        text(record.detail),
        record.blocker,
        micros(record.decided_at),
        record.node,
    )


def tick_key(ticks: TickRange, job_number: int) -> Row:
    """Return the columns by which a ledger row is found: job, last, first."""
    return (job_number, micros(ticks.last), micros(ticks.first))


def tick_of(row: Row) -> TickRecord:
    """Return the ledger row of a row of the view ``tick_record``."""
    reason = None if row[4] is None else SkipReason(row[4])
    ticks = range_of(row[0], row[1:4])
    return TickRecord(ticks, reason, row[5], row[6], row[7], instant_of(row[8]), row[9])


def range_of(job: str, row: Row) -> TickRange:
    """Return a job's ticks of the columns first, last, count."""
    return TickRange(job, instant_of(row[0]), instant_of(row[1]), row[2])


def audit_row(entry: AuditEntry) -> Row:
    """Return the columns of who did what."""
    words = (entry.by, entry.action, entry.target, entry.detail)
    return (micros(entry.at), *map(text, words))


def audit_of(row: Row) -> AuditEntry:
    """Return who did what, of such columns."""
    return AuditEntry(instant_of(row[0]), row[1], row[2], row[3], row[4])


def _spans_text(spans: tuple[Span, ...]) -> str:
    pairs = [[micros(first), micros(last)] for first, last in spans]
    return json.dumps(pairs) if pairs else "[]"


def _spans_of(column: str) -> tuple[Span, ...]:
    if column == "[]":
        return ()
    return tuple((instant_of(first), instant_of(last)) for first, last in json.loads(column))


def _pause_text(pause: Pause | None) -> str | None:
    if pause is None:
        return None
    until = micros_or_none(pause.until)
    fields = {"by": pause.by, "since": micros(pause.since), "reason": pause.reason, "until": until}
    return json.dumps(fields)


def _pause_of(column: str | None) -> Pause | None:
    if column is None:
        return None
    fields = json.loads(column)
    until = instant_or_none(fields["until"])
    return Pause(fields["by"], instant_of(fields["since"]), fields["reason"], until)


def _steps_column(steps: tuple[StepTime, ...]) -> str | None:
    return json.dumps([(time.step, time.duration_s) for time in steps]) if steps else None


def _retried_column(attempts: tuple[EndedAttempt, ...]) -> str | None:
    return json.dumps(rows_of(attempts, text)) if attempts else None


def _retried_of(column: str | None) -> tuple[EndedAttempt, ...]:
    return () if column is None else attempts_of(json.loads(column))


def _params_of(column: str) -> tuple[tuple[str, str], ...]:
    return params_of(json.loads(column)) if column != "[]" else ()
