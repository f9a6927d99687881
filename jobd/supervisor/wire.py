"""What the daemon means and what goes over the wire: records of the core as JSON, and back.

Used by the client only; the supervisor's process hands ``ActiveRun`` back as it came.
"""

from datetime import UTC, datetime
from typing import Any

from jobd.core.attempt import attempts_of, rows_of
from jobd.core.claim import ActiveRun, Trigger
from jobd.core.events import AttemptEnded, HeldRun, RunNotStarted, RunSaid, RunStarted
from jobd.core.outcome import Exit, StopCause
from jobd.core.said import Said, StepTime
from jobd.ports import Enforcement, Launch, Report

Frame = dict[str, Any]

_OPTIONAL = (
    "uid", "gid", "stdin", "timeout_s", "watchdog_s", "until_steady_s", "memory_max_bytes",
    "memory_high_bytes", "cpu_max", "cpu_weight", "io_weight", "pids_max", "nice", "oom_score_adj",
    "steps",
)  # fmt: skip


def launch_frame(launch: Launch) -> Frame:
    """Return the order to execute an attempt; what is not asked for is left out."""
    frame: Frame = {
        "run": encode_run(launch.run),
        "argv": launch.argv,
        "env": dict(launch.env),
        "cwd": launch.cwd,
        "output": launch.output,
        "output_max_bytes": launch.output_max_bytes,
        "stop_signal": launch.stop_signal,
        "kill_after_s": launch.kill_after_s,
        "umask": launch.umask,
    }
    if launch.groups:
        frame["groups"] = launch.groups
    if launch.secrets:
        frame["secrets"] = launch.secrets
    for name in _OPTIONAL:
        value = getattr(launch, name)
        if value is not None:
            frame[name] = value
    return {"op": "start", "launch": frame}


def encode_run(run: ActiveRun) -> Frame:
    """Return an active run as JSON."""
    frame: Frame = {
        "run_id": run.run_id,
        "job": run.job,
        "node": run.node,
        "token": run.token,
        "fire_time": _iso(run.fire_time),
        "trigger": run.trigger.value,
        "claimed_at": _iso(run.claimed_at),
        "attempt": run.attempt,
        "retry_at": _iso(run.retry_at),
        "requested_by": run.requested_by,
        "params": run.params,
        "lease_until": _iso(run.lease_until),
        "pool": run.pool,
        "slots": run.slots,
    }
    if run.retried:
        frame["retried"] = rows_of(run.retried)
    return frame


def decode_run(frame: Frame) -> ActiveRun:
    """Return the active run; KeyError, TypeError or ValueError if the frame is none.

    What an older daemon did not know is not there: the supervisor may hold its runs still.
    """
    claimed_at = _instant(frame["claimed_at"])
    if claimed_at is None:
        raise ValueError("claimed_at is missing")
    return ActiveRun(
        run_id=frame["run_id"],
        job=frame["job"],
        node=frame["node"],
        token=frame["token"],
        fire_time=_instant(frame["fire_time"]),
        trigger=Trigger(frame["trigger"]),
        claimed_at=claimed_at,
        attempt=frame["attempt"],
        retry_at=_instant(frame["retry_at"]),
        requested_by=frame["requested_by"],
        params=tuple((name, value) for name, value in frame["params"]),
        lease_until=_instant(frame.get("lease_until")),
        pool=frame.get("pool"),
        slots=frame.get("slots", 0),
        retried=attempts_of(frame.get("retried", ())),
    )


def decode_held(frame: Frame) -> HeldRun:
    """Return a run that the supervisor holds, or held to its end."""
    started_at, exit_ = frame["started_at"], frame["exit"]
    return HeldRun(
        run=decode_run(frame["run"]),
        started_at=None if started_at is None else _wall(started_at),
        exit=None if exit_ is None else decode_exit(exit_, frame),
        start_error=frame.get("start_error", ""),
    )


def decode_exit(frame: Frame, beside: Frame) -> Exit:
    """Return the end of an attempt. Its steps stand ``beside`` it, where daemons that know of
    none pass them over."""
    cause = None if frame["stop_cause"] is None else StopCause(frame["stop_cause"])
    steps = tuple(StepTime(step, duration_s) for step, duration_s in beside.get("steps", ()))
    trouble = beside.get("steps_trouble", "")
    return Exit(**{**frame, "stop_cause": cause, "steps": steps, "steps_trouble": trouble})


def decode_said(frame: Frame) -> Said:
    """Return what a run says of itself."""
    since = frame["step_since"]
    step_since = None if since is None else _wall(since)
    return Said(frame["status"], frame["progress"], frame["step"] or "", step_since)


def decode_report(frame: Frame) -> Report:
    """Return a report; KeyError, TypeError or ValueError if the frame is none."""
    kind, run_id = frame["ev"], frame["run"]
    if kind == "started":
        return RunStarted(run_id, _wall(frame["at"]))
    if kind == "not_started":
        return RunNotStarted(run_id, frame["reason"])
    if kind == "ended":
        return AttemptEnded(run_id, decode_exit(frame["exit"], frame), _wall(frame["at"]))
    if kind == "said":
        return RunSaid(run_id, decode_said(frame))
    raise ValueError(f"{kind!r} is no report")


def decode_enforcement(frame: Frame) -> Enforcement:
    """Return by what the supervisor holds limits."""
    return Enforcement(**frame)


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _wall(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
