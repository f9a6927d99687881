"""Runs: from a granted claim, over its attempts, to an outcome in the history."""

from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import blake2b
from operator import attrgetter

from jobd.core import overlap
from jobd.core.claim import ActiveRun, ClaimGranted, JobMemory
from jobd.core.effects import FinishRun, SaveRun, StartRun, StopRun
from jobd.core.forecast import smoothed
from jobd.core.job import Job, Retries
from jobd.core.outcome import Exit, Outcome, StopCause, judge
from jobd.core.run import Finish, RunEvent, RunRecord, RunState, advance
from jobd.core.state import MICROSECOND, JobTrack, RunTrack, SchedulerState
from jobd.core.timers import TimerKind


def begin(
    state: SchedulerState,
    track: JobTrack,
    job: Job,
    answer: ClaimGranted,
    sent_s: float | None,
    *,
    is_sent: bool,
) -> RunTrack:
    """Start the first attempt of a run that the store granted, and return its track.

    Without a supervisor, or if it is not to be sent, it is only held. ``sent_s``: see
    ClaimsDecided.
    """
    request = answer.request
    run = ActiveRun(
        run_id=request.run_id,
        job=request.job,
        node=state.node,
        token=answer.token,
        fire_time=request.fire_time,
        trigger=request.trigger,
        claimed_at=answer.claimed_at,
        requested_by=request.requested_by,
        params=request.params,
    )
    run_track = RunTrack(run, job, RunState.STARTING, is_sent=is_sent and not state.room.is_closed)
    if state.neighbours is not None and state.is_shared(job) and sent_s is not None:
        run_track.is_leased = run_track.is_trusted = True
        run_track.until_s = state.neighbours.terms.trusted_until_s(sent_s)
    keep(state, track, run_track)
    if run_track.is_sent:
        state.emit(StartRun(run, job, run_track.until_s))
    return run_track


def send(state: SchedulerState, run_track: RunTrack) -> None:
    """Start what was granted while no supervisor was there; a lease must be renewed first."""
    run_track.is_sent = run_track.is_trusted or not run_track.is_leased
    if run_track.is_sent:
        state.emit(StartRun(run_track.run, run_track.job, run_track.until_s))


def keep(state: SchedulerState, track: JobTrack, run_track: RunTrack) -> None:
    """Hold a run in mind until its end."""
    state.runs[run_track.run.run_id] = run_track
    track.runs[run_track.run.run_id] = run_track


def begin_retry(state: SchedulerState, run_track: RunTrack) -> None:
    """Start the next attempt; its place under max_running is taken already."""
    run_track.state = advance(run_track.state, RunEvent.RETRY_DUE)
    run = run_track.run
    run_track.run = replace(run, attempt=run.attempt + 1, retry_at=None)
    run_track.started_at = None
    state.emit(SaveRun(run_track.run))
    state.emit(StartRun(run_track.run, run_track.job, run_track.until_s))


def started(run_track: RunTrack, at: datetime) -> None:
    """Note that the supervisor has executed the attempt."""
    run_track.state = advance(run_track.state, RunEvent.STARTED)
    run_track.started_at = at


def not_started(state: SchedulerState, run_track: RunTrack, reason: str, now: datetime) -> None:
    """End an attempt that could not be executed."""
    state.room.release()
    _attempt_over(state, run_track, _record(run_track, Outcome.START_ERROR, now, reason), now)


def attempt_ended(
    state: SchedulerState, run_track: RunTrack, exit_: Exit, at: datetime, matched_failure: bool
) -> None:
    """End an attempt whose process tree is gone."""
    state.room.release()
    if exit_.stop_cause is StopCause.TRUST:
        run_track.is_trusted = False  # whose run it is now, the next renewal says
    outcome = judge(exit_, run_track.job.success_exit_codes, matched_failure)
    reason = _words(exit_, outcome, matched_failure)
    _attempt_over(state, run_track, _record(run_track, outcome, at, reason, exit_), at)


def lost(state: SchedulerState, run_track: RunTrack, reason: str, now: datetime) -> None:
    """End a run whose processes are gone without anyone knowing how they ended."""
    state.room.release()
    _attempt_over(state, run_track, _record(run_track, Outcome.LOST, now, reason), now)


def stop(state: SchedulerState, run_track: RunTrack, cause: StopCause, now: datetime) -> None:
    """Stop a run for good: its processes, or its wait for the next attempt."""
    run_track.is_canceled = True
    if run_track.is_sent and run_track.state is not RunState.BACKOFF:
        state.emit(StopRun(run_track.run.run_id, cause))
        return
    if run_track.state is not RunState.BACKOFF:
        state.room.release()
    reason = f"stopped while it had no process ({cause.value})"
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
    run_track.run = replace(run, retry_at=now + delay)
    state.emit(FinishRun(Finish(record, None, None), will_retry=True))
    state.emit(SaveRun(run_track.run))
    state.timers.set(TimerKind.RETRY_DUE, run.run_id, now + delay)


def _gets_another(run_track: RunTrack, record: RunRecord) -> bool:
    retries = run_track.job.retries
    if run_track.is_canceled or record.outcome is None:
        return False
    return record.attempt <= retries.max and record.outcome in retries.on


def _finish(state: SchedulerState, run_track: RunTrack, record: RunRecord, now: datetime) -> None:
    run_track.state = advance(run_track.state, RunEvent.FINISHED)
    run = run_track.run
    del state.runs[run.run_id]
    state.timers.cancel(TimerKind.RETRY_DUE, run.run_id)
    retry = state.waiting.get(run.run_id)
    if retry is not None:
        state.waiting.leave(retry)
    track = state.tracks[run.job]
    del track.runs[run.run_id]
    if record.ended_at is not None:
        track.count_from(record.ended_at)
    track.ended_run = run.run_id
    state.touched.append(track)
    rest_until, smooth = _learn(track, record, now)
    state.emit(FinishRun(Finish(record, rest_until, smooth)))


def _learn(
    track: JobTrack, record: RunRecord, now: datetime
) -> tuple[datetime | None, float | None]:
    """Bring the job's memory up to date; return until when it rests, and its usual duration.

    Only successful runs say how long the job usually takes: a start error takes no time,
    and a timeout as long as somebody once wrote down.
    """
    memory = track.memory
    rest_until, smooth = memory.rest_until, memory.smoothed_duration_s
    duration = None
    if record.duration_s is not None:
        duration = timedelta(seconds=record.duration_s)
        rest_until = overlap.rest_until(now, duration, track.job.max_duty)
        if record.outcome is Outcome.SUCCESS:
            smooth = smoothed(smooth, record.duration_s)
    is_success = record.outcome is Outcome.SUCCESS
    track.memory = JobMemory(  # in full: for every end, replace() would take twice as long
        job=memory.job,
        settled_until=memory.settled_until,
        token=max(memory.token, record.token),
        last_started=record.started_at or memory.last_started,
        last_ended=record.ended_at,
        last_outcome=record.outcome,
        last_success=record.ended_at if is_success else memory.last_success,
        last_duration=duration or memory.last_duration,
        smoothed_duration_s=smooth,
        memory_peak_bytes=record.memory_peak_bytes or memory.memory_peak_bytes,
        rest_until=rest_until,
        pause=memory.pause,
        skip_next=memory.skip_next,
        active=memory.active,
    )
    return rest_until, smooth


def _record(
    run_track: RunTrack, outcome: Outcome, at: datetime, reason: str, seen: Exit | None = None
) -> RunRecord:
    run = run_track.run
    measured = _NOTHING if seen is None else _MEASURED(seen)
    began = run_track.started_at
    values = [*_CLAIMED(run), began, at, outcome, reason, *measured, run.params]
    return RunRecord(*values)


# What a record takes over, in the record's order: field by field takes twice as long.
_CLAIMED = attrgetter(
    "run_id", "job", "node", "token", "trigger", "fire_time", "claimed_at", "requested_by",
    "attempt",
)  # fmt: skip
_MEASURED = attrgetter(
    "exit_code", "signal", "duration_s", "cpu_s", "memory_peak_bytes", "output_bytes",
    "output_dropped_bytes",
)  # fmt: skip
_NOTHING = (None, None, None, None, None, 0, 0)


def _words(exit_: Exit, outcome: Outcome, matched_failure: bool) -> str:
    """Return what to tell people beside the outcome; most ends need no words."""
    if exit_.stop_cause is not None:
        return f"stopped by jobd: {exit_.stop_cause.value}"
    if matched_failure and outcome is Outcome.FAILURE:
        return "a line of its output matches failure_pattern"
    if exit_.oom_killed and outcome is Outcome.SUCCESS:
        return "a process of it was killed at the memory ceiling; the job went on and succeeded"
    return ""
