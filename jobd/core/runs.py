"""Runs: from a granted claim, over its attempts, to an outcome in the history."""

from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import blake2b

from jobd.core import tell
from jobd.core.admission import Need
from jobd.core.attempt import EndedAttempt, followed
from jobd.core.claim import ActiveRun, ClaimGranted
from jobd.core.effects import FinishRun, SaveRun, StartRun, StopRun
from jobd.core.events import AttemptEnded, RunSaid
from jobd.core.job import Job, Retries
from jobd.core.learn import learned
from jobd.core.lease import LeaseTerms
from jobd.core.outcome import Exit, Outcome, StopCause, judge
from jobd.core.run import (
    NOT_MEASURED,
    Finish,
    Measured,
    RunEvent,
    RunRecord,
    RunState,
    advance,
    record_of,
)
from jobd.core.state import MICROSECOND, JobTrack, RunTrack, SchedulerState
from jobd.core.timers import TimerKind


def begin(
    state: SchedulerState,
    track: JobTrack,
    job: Job,
    answer: ClaimGranted,
    sent_s: float | None,
    need: Need,
    *,
    is_sent: bool,
) -> RunTrack:
    """Start the first attempt of a run that the store granted, and return its track. What it
    needs of the room is taken already.

    Without a supervisor, or if it is not to be sent, it is only held. ``sent_s``: see
    ClaimsDecided.
    """
    terms = _terms(state, job) if sent_s is not None else None
    run = _granted_run(state.node, answer, terms)
    run_track = RunTrack(run, job, RunState.STARTING, is_sent=is_sent and not state.room.is_closed)
    run_track.need = need
    if terms is not None and sent_s is not None:
        run_track.is_leased = run_track.is_trusted = True
        run_track.until_s = terms.trusted_until_s(sent_s)
    keep(state, track, run_track)
    if run_track.is_sent:
        state.emit(StartRun(run, job, run_track.until_s))
    return run_track


def _terms(state: SchedulerState, job: Job) -> LeaseTerms | None:
    """Return on which terms runs of the job are leased; None where nobody could take them."""
    neighbours = state.neighbours
    return neighbours.terms if neighbours is not None and state.is_shared(job) else None


def _granted_run(node: str, answer: ClaimGranted, terms: LeaseTerms | None) -> ActiveRun:
    request = answer.request
    return ActiveRun(  # by place, as in record_of(): for every run, names would take twice as long
        request.run_id,
        request.job,
        node,
        answer.token,
        request.fire_time,
        request.trigger,
        answer.claimed_at,
        1,  # attempt
        None,  # retry_at
        request.requested_by,
        request.params,
        # Now past, perhaps: it says to a later daemon, who learns of this run from the
        # supervisor, that others may have it by then.
        None if terms is None else answer.claimed_at + terms.ttl,
    )


def send(state: SchedulerState, run_track: RunTrack) -> None:
    """Start what was granted while no supervisor was there; a lease must be renewed first."""
    run_track.is_sent = run_track.is_trusted or not run_track.is_leased
    if not run_track.is_sent:
        return
    if run_track.run.node != state.node:  # as this node was called when the run was granted
        run_track.run = replace(run_track.run, node=state.node)
        state.emit(SaveRun(run_track.run))
    state.emit(StartRun(run_track.run, run_track.job, run_track.until_s))


def keep(state: SchedulerState, track: JobTrack, run_track: RunTrack) -> None:
    """Hold a run in mind until its end."""
    state.runs[run_track.run.run_id] = run_track
    track.runs[run_track.run.run_id] = run_track


def begin_retry(state: SchedulerState, run_track: RunTrack, need: Need) -> None:
    """Start the next attempt; what it needs of the room is taken already."""
    run_track.need = need
    run_track.state = advance(run_track.state, RunEvent.RETRY_DUE)
    run = run_track.run
    # The node too: it may have been called something else when the run began.
    run_track.run = replace(run, attempt=run.attempt + 1, retry_at=None, node=state.node)
    run_track.started_at = None
    state.emit(SaveRun(run_track.run))
    state.emit(StartRun(run_track.run, run_track.job, run_track.until_s))


def leave_backoff(state: SchedulerState, run_id: str) -> None:
    """Wait for the next attempt no more, neither for its time nor for room."""
    state.timers.cancel(TimerKind.RETRY_DUE, run_id)
    retry = state.waiting.get(run_id)
    if retry is not None:
        state.waiting.leave(retry)


def started(run_track: RunTrack, at: datetime) -> None:
    """Note that the supervisor has executed the attempt."""
    run_track.state = advance(run_track.state, RunEvent.STARTED)
    run_track.started_at = at


def said(state: SchedulerState, event: RunSaid, _: datetime) -> None:
    """Note what a run says of itself, if its attempt has not ended meanwhile."""
    run_track = state.runs.get(event.run_id)
    if run_track is not None and run_track.state is RunState.RUNNING:
        run_track.said = event.said


def not_started(state: SchedulerState, run_track: RunTrack, reason: str, now: datetime) -> None:
    """End an attempt that could not be executed."""
    state.room.release(run_track.need)
    _attempt_over(state, run_track, _record(run_track, Outcome.START_ERROR, now, reason), now)


def attempt_ended(state: SchedulerState, run_track: RunTrack, end: AttemptEnded) -> None:
    """End an attempt whose process tree is gone."""
    state.room.release(run_track.need)
    if end.exit.stop_cause is StopCause.TRUST:
        run_track.is_trusted = False  # whose run it is now, the next renewal says
    outcome = judge(end.exit, run_track.job.success_exit_codes, end.matched_failure)
    record = _record(
        run_track, outcome, end.ended_at, _words(end, outcome, run_track.job), end.exit
    )
    _attempt_over(state, run_track, record, end.ended_at)


def lost(state: SchedulerState, run_track: RunTrack, reason: str, now: datetime) -> None:
    """End a run whose processes are gone without anyone knowing how they ended."""
    state.room.release(run_track.need)
    _attempt_over(state, run_track, _record(run_track, Outcome.LOST, now, reason), now)


def stop(state: SchedulerState, run_track: RunTrack, cause: StopCause, now: datetime) -> None:
    """Stop a run for good: its processes, or its wait for the next attempt."""
    run_track.is_canceled = True
    if run_track.is_sent and run_track.state is not RunState.BACKOFF:
        state.emit(StopRun(run_track.run.run_id, cause))
        return
    if run_track.state is not RunState.BACKOFF:
        state.room.release(run_track.need)
    is_between = run_track.state is RunState.BACKOFF
    when = "between two attempts" if is_between else "before it had a process"
    reason = f"stopped {when} ({cause.value})"
    outcome = Outcome.LOST if cause is StopCause.TRUST else Outcome.CANCELED
    _finish(state, run_track, _record(run_track, outcome, now, reason), now)


def retry_delay(retries: Retries, run_id: str, attempt: int) -> timedelta:
    """Return how long to wait after the given attempt: growing, bounded, and spread.

    The spread is a hash of run and attempt, so a replay computes it again.
    """
    delay = min(retries.delay * _growth(retries, attempt), retries.max_delay)
    digest = blake2b(f"{run_id}#{attempt}".encode(), digest_size=8).digest()
    share = int.from_bytes(digest) / 2**63 - 1.0  # -1 up to 1
    return max(delay * (1.0 + share * retries.jitter), MICROSECOND)


def _growth(retries: Retries, attempt: int) -> float:
    """Return by how much the delay has grown; no more than takes it to its ceiling."""
    most = retries.max_delay / retries.delay if retries.delay else 1.0
    try:
        return min(retries.factor ** (attempt - 1), most)
    except OverflowError:
        return most


def _attempt_over(
    state: SchedulerState, run_track: RunTrack, record: RunRecord, now: datetime
) -> None:
    if not _gets_another(run_track, record):
        _finish(state, run_track, record, now)
        return
    run_track.state = advance(run_track.state, RunEvent.RETRY_LATER)
    run = run_track.run
    delay = retry_delay(run_track.job.retries, run.run_id, run.attempt)
    run_track.run = replace(
        run, retry_at=now + delay, retried=followed(run.retried, _ended(record))
    )
    run_track.said = None
    state.emit(FinishRun(Finish(record, None, None), will_retry=True))
    state.emit(SaveRun(run_track.run))
    state.timers.set(TimerKind.RETRY_DUE, run.run_id, now + delay)


def _ended(record: RunRecord) -> EndedAttempt:
    assert record.ended_at is not None, f"attempt {record.attempt} of {record.run_id} goes on"
    assert record.outcome is not None, f"attempt {record.attempt} of {record.run_id} goes on"
    return EndedAttempt(
        record.attempt,
        record.node,
        record.started_at,
        record.ended_at,
        record.outcome,
        record.reason,
        record.exit_code,
        record.signal,
        record.memory_peak_bytes,
    )


def _gets_another(run_track: RunTrack, record: RunRecord) -> bool:
    retries = run_track.job.retries
    if run_track.is_canceled or record.outcome is None:
        return False
    return record.attempt <= retries.max and record.outcome in retries.on


def _finish(state: SchedulerState, run_track: RunTrack, record: RunRecord, now: datetime) -> None:
    run = run_track.run
    if run_track.state is RunState.BACKOFF:
        leave_backoff(state, run.run_id)
    run_track.state = advance(run_track.state, RunEvent.FINISHED)
    del state.runs[run.run_id]
    track = state.tracks[run.job]
    del track.runs[run.run_id]
    if record.ended_at is not None:
        track.count_from(record.ended_at)
    track.ended_run = run.run_id
    state.touched.append(track)
    prior = track.memory.last_outcome
    known = track.memory = learned(track.memory, record, track.job.max_duty, now)
    finish = Finish(
        record,
        known.rest_until,
        known.smoothed_duration_s,
        known.expected_memory_bytes,
        known.smoothed_lasted_s,
    )
    state.emit(FinishRun(finish, is_shared=run.lease_until is not None))
    tell.ended(state, run_track, record, prior)


def _record(
    run_track: RunTrack, outcome: Outcome, at: datetime, reason: str, seen: Exit | None = None
) -> RunRecord:
    measured = NOT_MEASURED if seen is None else _measured(seen)
    steps = () if seen is None else seen.steps
    return record_of(run_track.run, run_track.started_at, at, outcome, reason, measured, steps)


def _measured(seen: Exit) -> Measured:
    """Return what a record takes over from an exit, in the record's order."""
    return (
        seen.exit_code,
        seen.signal,
        seen.duration_s,
        seen.cpu_s,
        seen.memory_peak_bytes,
        seen.output_bytes,
        seen.output_dropped_bytes,
    )


def _words(end: AttemptEnded, outcome: Outcome, job: Job) -> str:
    """Return what to tell people beside the outcome; most ends need no words."""
    if end.exit.stop_cause is StopCause.WATCHDOG and job.watchdog is not None:
        silence_s = job.watchdog.total_seconds()
        return f"stopped by jobd: watchdog, it did not send WATCHDOG=1 for {silence_s:g} s"
    if end.exit.stop_cause is not None:
        return f"stopped by jobd: {end.exit.stop_cause.value}"
    if end.matched_failure and outcome is Outcome.FAILURE:
        return "a line of its output matches failure_pattern"
    if end.search_trouble and outcome is Outcome.SUCCESS:
        return f"judged without failure_pattern: {end.search_trouble}"
    if end.exit.oom_killed and outcome is Outcome.SUCCESS:
        return "a process of it was killed at the memory ceiling; the job went on and succeeded"
    if end.exit.steps_trouble and outcome is Outcome.SUCCESS:
        return f"its steps are not known: {end.exit.steps_trouble}"
    return ""
