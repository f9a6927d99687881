"""The JSON that jobd shows: stable keys; instants in UTC with Z, ``_s`` seconds, ``_bytes``."""

from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from jobd.core.attempt import EndedAttempt
from jobd.core.claim import ActiveRun, Pause
from jobd.core.effects import Accepted
from jobd.core.run import RunRecord
from jobd.core.said import Said
from jobd.core.view import JobView, RunView, WaitingView
from jobd.ports import AuditEntry, Enforcement
from jobd.web.node import Identity, ReloadResult, StoreHealth

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = "dict[str, Json]"


def iso(instant: datetime | None) -> str | None:
    """Return an instant as ``2026-03-29T01:00:00Z``."""
    if instant is None:
        return None
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def seconds(duration: timedelta | None) -> float | None:
    """Return a duration in seconds."""
    return None if duration is None else duration.total_seconds()


def pause_shape(pause: Pause | None) -> Json:
    """Return who paused it, since when, why and until when."""
    if pause is None:
        return None
    return {
        "by": pause.by,
        "since": iso(pause.since),
        "reason": pause.reason,
        "until": iso(pause.until),
    }


def active_run_shape(run: ActiveRun, view: RunView | None = None) -> JsonObject:
    """Return an active run, with its state and start where the scheduler knows them."""
    return {
        "run_id": run.run_id,
        "job": run.job,
        "node": run.node,
        "token": run.token,
        "trigger": run.trigger.value,
        "fire_time": iso(run.fire_time),
        "claimed_at": iso(run.claimed_at),
        "started_at": iso(view.started_at) if view else None,
        "began_at": iso(view.began_at if view else run.claimed_at),
        "state": view.state.value if view else "active",
        "attempt": run.attempt,
        "retry_at": iso(run.retry_at),
        "requested_by": run.requested_by,
        "said": _said_shape(view.said) if view and view.said else None,
    }


def _said_shape(said: Said) -> JsonObject:
    """Return what a run says of itself."""
    return {
        "status": said.status,
        "progress": said.progress,
        "step": said.step,
        "step_since": iso(said.step_since),
    }


def waiting_shape(waiting: WaitingView) -> JsonObject:
    """Return a tick, a manual wish or a further attempt that may not start yet."""
    return {
        "job": waiting.job,
        "run_id": waiting.run_id,
        "fire_time": iso(waiting.fire_time),
        "since": iso(waiting.since),
        "priority": waiting.priority,
        "held_by": waiting.held_by,
        "memory_bytes": waiting.memory_bytes,
        "is_retry": waiting.is_retry,
    }


def run_shape(record: RunRecord, *, with_params: bool) -> JsonObject:
    """Return a run as the history has it.

    Parameters reach the job through its environment, which is shown to nobody who may
    not control it: without ``with_params`` they are null.
    """
    params: JsonObject = dict(record.params)
    return {
        "run_id": record.run_id,
        "job": record.job,
        "node": record.node,
        "token": record.token,
        "trigger": record.trigger.value,
        "fire_time": iso(record.fire_time),
        "claimed_at": iso(record.claimed_at),
        "requested_by": record.requested_by,
        "state": "active" if record.ended_at is None else "ended",
        "attempt": record.attempt,
        "began_at": iso(record.began_at),
        "started_at": iso(record.started_at),
        "ended_at": iso(record.ended_at),
        "outcome": record.outcome.value if record.outcome else None,
        "reason": record.reason,
        "exit_code": record.exit_code,
        "signal": record.signal,
        "duration_s": record.duration_s,
        "lasted_s": record.lasted_s,
        "cpu_s": record.cpu_s,
        "memory_peak_bytes": record.memory_peak_bytes,
        "output_bytes": record.output_bytes,
        "output_dropped_bytes": record.output_dropped_bytes,
        "params": params if with_params else None,
        "steps": [{"step": s.step, "duration_s": s.duration_s} for s in record.steps],
        "retried_attempts": [_attempt_shape(attempt) for attempt in record.retried],
    }


def _attempt_shape(attempt: EndedAttempt) -> JsonObject:
    return {
        "attempt": attempt.number,
        "node": attempt.node,
        "started_at": iso(attempt.started_at),
        "ended_at": iso(attempt.ended_at),
        "lasted_s": attempt.lasted_s,
        "outcome": attempt.outcome.value,
        "reason": attempt.reason,
        "exit_code": attempt.exit_code,
        "signal": attempt.signal,
        "memory_peak_bytes": attempt.memory_peak_bytes,
    }


def waiting_run_shape(waiting: WaitingView) -> JsonObject:
    """Return a run that has an id but no history yet, under the keys of :func:`run_shape`."""
    keys = (
        "node",
        "token",
        "trigger",
        "claimed_at",
        "began_at",
        "started_at",
        "ended_at",
        "outcome",
    )
    ended = ("exit_code", "signal", "duration_s", "lasted_s", "cpu_s", "memory_peak_bytes")
    nothing: JsonObject = dict.fromkeys((*keys, *ended, "params"))
    return {
        **nothing,
        "run_id": waiting.run_id,
        "job": waiting.job,
        "fire_time": iso(waiting.fire_time),
        "requested_by": "",
        "state": "waiting",
        "attempt": 0,
        "reason": f"waits: {waiting.held_by}",
        "output_bytes": 0,
        "output_dropped_bytes": 0,
        "steps": [],
        "retried_attempts": [],
    }


def job_shape(view: JobView) -> JsonObject:
    """Return a job and where it stands, in a row."""
    memory, schedule = view.memory, view.job.schedule
    return {
        "job": view.job.name,
        "state": view.state.value,
        "schedule": schedule.text if schedule else None,
        "timezone": view.job.timezone,
        "enabled": view.job.enabled,
        "scope": view.job.scope.value,
        "nodes": list(view.job.nodes),
        "pool": view.job.pool.name if view.job.pool else None,
        "description": view.job.about.description,
        "owner": view.job.about.owner,
        "runbook": view.job.about.runbook,
        "tags": list(view.job.about.tags),
        "next_fire": iso(view.next_fire),
        "next_due": iso(view.next_due),
        "interval_s": seconds(view.interval),
        "last_started": iso(memory.last_started),
        "last_ended": iso(memory.last_ended),
        "last_outcome": memory.last_outcome,
        "last_success": iso(memory.last_success),
        "last_duration_s": seconds(memory.last_took),
        "smoothed_duration_s": memory.smoothed_duration_s,
        "smoothed_lasted_s": memory.smoothed_lasted_s,
        "memory_peak_bytes": memory.memory_peak_bytes,
        "utilization": view.utilization,
        "rest_until": iso(memory.rest_until),
        "pause": pause_shape(view.pause),
        "skip_next": pause_shape(memory.skip_next),
        "active": [active_run_shape(shown.run, shown) for shown in view.runs],
        "elsewhere": [active_run_shape(run) for run in view.elsewhere],
        "waiting": [waiting_shape(waiting) for waiting in view.waiting],
    }


def identity_shape(identity: Identity) -> JsonObject:
    """Return the constant facts about the daemon."""
    return {
        "node": identity.node,
        "version": identity.version,
        "pid": identity.pid,
        "started_at": iso(identity.started_at),
        "config_path": identity.config_path,
        "http": identity.http,
        "socket": identity.socket,
        "labels": list(identity.labels),
    }


def enforcement_shape(enforcement: Enforcement) -> JsonObject:
    """Return by what limits are held here."""
    return {
        "tree": enforcement.tree,
        "memory": enforcement.memory,
        "cpu": enforcement.cpu,
        "pids": enforcement.pids,
        "io": enforcement.io,
        "detail": enforcement.detail,
    }


def store_shape(kind: str, health: StoreHealth) -> JsonObject:
    """Return which store it is and how it is doing."""
    return {
        "kind": kind,
        "up": health.is_up,
        "trouble": health.trouble,
        "since": iso(health.since),
        "latency_s": health.latency_s,
    }


def audit_shape(entry: AuditEntry) -> JsonObject:
    """Return who did what."""
    return {
        "at": iso(entry.at),
        "by": entry.by,
        "action": entry.action,
        "target": entry.target,
        "detail": entry.detail,
    }


def accepted_shape(accepted: Accepted, node: str) -> JsonObject:
    """Return what an operator's wish led to, and on which node."""
    return {
        "accepted": True,
        "node": node,
        "run_ids": list(accepted.run_ids),
        "message": accepted.message,
    }


def reload_shape(result: ReloadResult) -> JsonObject:
    """Return what a reload changed."""
    return {
        "reloaded": not result.errors,
        "added": list(result.added),
        "changed": list(result.changed),
        "removed": list(result.removed),
        "errors": list(result.errors),
        "warnings": list(result.warnings),
    }
