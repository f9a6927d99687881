"""Rows: values of the core to the JSON of PostgreSQL's functions, and back.

Instants are integer microseconds, as in SQLite; objects have the names of the columns.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from sys import intern
from typing import Any

from jobd.core.attempt import attempts_of, rows_of
from jobd.core.claim import ActiveRun, ClaimRequest, JobMemory, Pause, Trigger
from jobd.core.job import Overlap
from jobd.core.ledger import Skip, SkipReason, TickRange, TickRecord
from jobd.core.outcome import Outcome
from jobd.core.run import Finish, RunRecord
from jobd.ports import AuditEntry
from jobd.store import columns
from jobd.store.columns import (
    instant_of,
    instant_or_none,
    micros,
    micros_or_none,
    params_of,
    steps_of,
)

Json = Mapping[str, Any]

WISH = ("pos", "run_id", "job", "fire_time", "trigger", "settled_until", "more")
END = (
    *("pos", "run_id", "job", "token", "attempt", "started_at", "ended_at", "outcome", "reason"),
    *("exit_code", "signal", "duration_s", "cpu_s", "memory_peak_bytes", "output_bytes"),
    *("output_dropped_bytes", "duration", "rest_until", "smoothed_duration_s"),
    *("expected_memory_bytes", "smoothed_lasted_s", "steps", "retried"),
)

_MICROSECOND = timedelta(microseconds=1)


def text(words: str) -> str:
    """Return words that can be stored: neither surrogates nor the one character that PostgreSQL
    has no place for."""
    return columns.text(words).replace("\0", "\ufffd")


def pause_json(pause: Pause | None) -> Json | None:
    """Return an operator's wish."""
    if pause is None:
        return None
    return {
        "by": text(pause.by),
        "since": micros(pause.since),
        "reason": text(pause.reason),
        "until": micros_or_none(pause.until),
    }


def pause_of(found: Json | None) -> Pause | None:
    """Return an operator's wish."""
    if found is None:
        return None
    until = instant_or_none(found["until"])
    return Pause(found["by"], instant_of(found["since"]), found["reason"], until)


def wave_json(names: Sequence[str], items: Iterable[Sequence[Any]]) -> Json:
    """Return items of a wave column by column: read in half the time that objects take. A column
    that is empty throughout is left out."""
    columns = zip(names, zip(*items, strict=True), strict=True)
    return {name: column for name, column in columns if column.count(None) < len(column)}


def claim_row(pos: int, request: ClaimRequest) -> Sequence[Any]:
    """Return the ``WISH`` columns of a wish to run. What most have alike is left out, and of two
    instants that are mostly the same the second is not reckoned again."""
    at, until = request.fire_time, request.settled_until
    instant = micros_or_none(at)
    return (
        pos,
        request.run_id,
        request.job,
        instant,
        None if request.trigger is Trigger.SCHEDULE else request.trigger,
        instant if until == at else micros_or_none(until),
        _more_of(request),
    )


def _more_of(request: ClaimRequest) -> Json | None:
    """Return in what a wish differs from most, if in anything; of its overlap policy, what that
    comes down to."""
    demand, pool = request.demand, request.demand.pool
    found: dict[str, Any] = {}
    if demand.overlap is not Overlap.SKIP:
        found["places"] = demand.max_instances if demand.overlap is Overlap.ALLOW else 1
        found["settles"] = demand.overlap is Overlap.ALLOW
    if demand.ignores_duty:
        found["ignores_duty"] = True
    if request.requested_by:
        found["requested_by"] = text(request.requested_by)
    if request.params:
        found["params"] = [[text(name), text(value)] for name, value in request.params]
    if pool is not None:
        found |= {"pool": pool.name, "size": pool.size, "slots": pool.slots}
    return found or None


def finish_row(pos: int, end: Finish) -> Sequence[Any]:
    """Return the ``END`` columns of a run's end."""
    record = end.record
    assert record.ended_at is not None, f"run {record.run_id} is finished without an end"
    lasted = None if record.duration_s is None else timedelta(seconds=record.lasted_s or 0.0)
    return (
        pos,
        record.run_id,
        record.job,
        record.token,
        record.attempt,
        micros_or_none(record.started_at),
        micros(record.ended_at),
        None if record.outcome is None else record.outcome.value,
        text(record.reason),
        record.exit_code,
        record.signal,
        record.duration_s,
        record.cpu_s,
        record.memory_peak_bytes,
        record.output_bytes,
        record.output_dropped_bytes,
        None if lasted is None else lasted // _MICROSECOND,
        micros_or_none(end.rest_until),
        end.smoothed_duration_s,
        end.expected_memory_bytes,
        end.smoothed_lasted_s,
        [[text(time.step), time.duration_s] for time in record.steps] or None,
        rows_of(record.retried, text) or None,
    )


def skip_json(pos: int, skip: Skip, count: int, seen: Sequence[TickRange]) -> Json:
    """Return ticks settled without a run. ``seen``: the ledger rows that ``count`` reckons with."""
    return {
        "pos": pos,
        "job": skip.ticks.job,
        "first": micros(skip.ticks.first),
        "last": micros(skip.ticks.last),
        "count": count,
        "reason": skip.reason.value,
        "detail": text(skip.detail),
        "blocker": skip.blocker,
        "settled_until": micros_or_none(skip.settled_until),
        "seen": [[micros(row.first), micros(row.last), row.count] for row in seen],
    }


def range_of(job: str, row: Sequence[int]) -> TickRange:
    """Return a job's ticks of first, last, count."""
    return TickRange(job, instant_of(row[0]), instant_of(row[1]), row[2])


def active_run_of(found: Json) -> ActiveRun:
    """Return the run of a row of the view ``active_run``."""
    return ActiveRun(
        run_id=found["run_id"],
        job=found["job"],
        node=found["node"],
        token=found["token"],
        fire_time=instant_or_none(found["fire_time"]),
        trigger=Trigger(found["trigger"]),
        claimed_at=instant_of(found["claimed_at"]),
        attempt=found["attempt"],
        retry_at=instant_or_none(found["retry_at"]),
        requested_by=found["requested_by"],
        params=params_of(found["params"]),
        lease_until=instant_of(found["lease_until"]),
        pool=found["pool"],
        slots=found["slots"],
        retried=attempts_of(found["retried"] or ()),
    )


def memory_of(found: Json) -> JobMemory:
    """Return what is remembered of a job, of its row with its active runs."""
    duration, outcome = found["last_duration"], found["last_outcome"]
    return JobMemory(
        job=found["name"],
        settled_until=instant_of(found["settled_until"]),
        token=found["token"],
        last_started=instant_or_none(found["last_started"]),
        last_ended=instant_or_none(found["last_ended"]),
        last_outcome=None if outcome is None else intern(outcome),
        last_success=instant_or_none(found["last_success"]),
        last_duration=None if duration is None else duration * _MICROSECOND,
        smoothed_duration_s=_float_or_none(found["smoothed_duration_s"]),
        smoothed_lasted_s=_float_or_none(found["smoothed_lasted_s"]),
        memory_peak_bytes=found["memory_peak_bytes"],
        rest_until=instant_or_none(found["rest_until"]),
        pause=pause_of(found["pause"]),
        skip_next=pause_of(found["skip_next"]),
        active=tuple(map(active_run_of, found["active"] or ())),
        decided_until=instant_or_none(found["decided_until"]),
        expected_memory_bytes=found["expected_memory_bytes"],
        last_skipped=instant_or_none(found["last_skipped"]),
    )


def record_of(found: Json) -> RunRecord:
    """Return the run of a row of the view ``run_record``."""
    outcome = found["outcome"]
    return RunRecord(
        run_id=found["run_id"],
        job=found["job"],
        node=found["node"],
        token=found["token"],
        trigger=Trigger(found["trigger"]),
        fire_time=instant_or_none(found["fire_time"]),
        claimed_at=instant_of(found["claimed_at"]),
        requested_by=found["requested_by"],
        attempt=found["attempt"],
        started_at=instant_or_none(found["started_at"]),
        ended_at=instant_or_none(found["ended_at"]),
        outcome=None if outcome is None else Outcome(outcome),
        reason=found["reason"],
        exit_code=found["exit_code"],
        signal=found["signal"],
        duration_s=_float_or_none(found["duration_s"]),
        cpu_s=_float_or_none(found["cpu_s"]),
        memory_peak_bytes=found["memory_peak_bytes"],
        output_bytes=found["output_bytes"],
        output_dropped_bytes=found["output_dropped_bytes"],
        params=params_of(found["params"]),
        steps=steps_of(found["steps"] or ()),
        retried=attempts_of(found["retried"] or ()),
    )


def tick_of(found: Json) -> TickRecord:
    """Return the ledger row of a row of the view ``tick_record``."""
    reason = found["reason"]
    return TickRecord(
        range_of(found["job"], (found["first"], found["last"], found["count"])),
        None if reason is None else SkipReason(reason),
        found["run_id"],
        found["detail"],
        found["blocker"],
        instant_of(found["decided_at"]),
        found["node"],
    )


def audit_json(entry: AuditEntry) -> Json:
    """Return who did what."""
    words = {"by": entry.by, "action": entry.action, "target": entry.target, "detail": entry.detail}
    return {"at": micros(entry.at), **{name: text(value) for name, value in words.items()}}


def audit_of(found: Json) -> AuditEntry:
    """Return who did what."""
    words = (found["by"], found["action"], found["target"], found["detail"])
    return AuditEntry(instant_of(found["at"]), *words)


def _float_or_none(number: float | None) -> float | None:
    return None if number is None else float(number)  # JSON's 30 is an int
