"""What of runs, skips and requests goes into a log record, named field by field.

Chosen one by one and never copied whole: argv, environment and the values of parameters
can hold secrets.
"""

from collections.abc import Sequence
from datetime import datetime

from jobd.core import events as ev
from jobd.core.claim import ActiveRun, ClaimDenied
from jobd.core.ledger import Skip
from jobd.core.run import RunRecord

Fields = dict[str, object]

_NAMES_SHOWN = 20


def of_run(run: ActiveRun) -> Fields:
    """Return what identifies a run and says why it is there."""
    tick = utc(run.fire_time) if run.fire_time is not None else None
    return given(
        job=run.job,
        run=run.run_id,
        tick=tick,
        trigger=run.trigger.value,
        attempt=run.attempt,
        token=run.token,
        by=run.requested_by,
    )


def of_end(record: RunRecord) -> Fields:
    """Return how a run, or an attempt of it, ended and what it used."""
    return given(
        job=record.job,
        run=record.run_id,
        outcome=record.outcome.value if record.outcome is not None else None,
        reason=record.reason,
        exit_code=record.exit_code,
        signal=record.signal,
        attempt=record.attempt,
        duration_s=_rounded(record.duration_s),
        lasted_s=_rounded(record.lasted_s) if record.attempt > 1 else None,
        cpu_s=_rounded(record.cpu_s),
        memory_peak_bytes=record.memory_peak_bytes,
        output_bytes=record.output_bytes,
        output_dropped_bytes=record.output_dropped_bytes or None,
    )


def of_skip(skip: Skip) -> Fields:
    """Return which ticks were skipped, why, and what was in their way."""
    ticks = skip.ticks
    if ticks.count == 1:
        when: Fields = {"tick": utc(ticks.first)}
    else:
        when = {"first": utc(ticks.first), "last": utc(ticks.last), "count": ticks.count}
    why = given(reason=skip.reason.value, detail=skip.detail, blocker=skip.blocker)
    return {"job": ticks.job, **when, **why}


def of_denial(answer: ClaimDenied) -> Fields:
    """Return which tick the store refused to start, why, and what was in its way."""
    request, blocker = answer.request, answer.blocker
    return given(
        job=request.job,
        tick=utc(request.fire_time) if request.fire_time is not None else None,
        reason=answer.reason.value if answer.reason is not None else None,
        blocker=blocker.run_id if blocker is not None else None,
        blocker_since=utc(blocker.claimed_at) if blocker is not None else None,
        until=utc(answer.until) if answer.until is not None else None,
    )


def of_request(event: ev.OperatorEvent) -> Fields:
    """Return who asked, and for what."""
    if isinstance(event, ev.CancelAsked):
        return given(job=event.job, run=event.run_id, by=event.by)
    if isinstance(event, ev.DrainAsked):
        return given(by=event.by, is_on=event.is_on, reason=event.reason)
    fields: Fields = {"job": event.job or "all jobs", "by": event.by}
    if isinstance(event, ev.TriggerAsked):
        return fields | given(force=event.force or None, queue=event.queue or None)
    if isinstance(event, ev.ResumeAsked):
        return fields
    until = event.until if isinstance(event, ev.PauseAsked) else None
    return fields | given(reason=event.reason, until=utc(until) if until is not None else None)


def given(**fields: object) -> Fields:
    """Return the fields that say something."""
    return {key: value for key, value in fields.items() if value is not None and value != ""}


def shortened(names: Sequence[str]) -> list[str]:
    """Return the names, or the first of very many and how many more there are."""
    shown = list(names[:_NAMES_SHOWN])
    more = len(names) - len(shown)
    return [*shown, f"and {more} more"] if more else shown


def utc(instant: datetime) -> str:
    """Return an aware UTC instant as in ``2026-03-29T01:00:00Z``."""
    return instant.isoformat().replace("+00:00", "Z")


def _rounded(seconds: float | None) -> float | None:
    return round(seconds, 3) if seconds is not None else None
