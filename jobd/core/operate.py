"""Operate: what operators ask for. Everything is answered, with Accepted or Refused."""

from collections.abc import Sequence
from datetime import datetime

from jobd.core.candidates import consider
from jobd.core.claim import ClaimRequest, Demand, Pause, Trigger
from jobd.core.dismissal import drop
from jobd.core.effects import Accepted, Refused, SavePause, SaveSkipNext
from jobd.core.events import CancelAsked, PauseAsked, ResumeAsked, SkipNextAsked, TriggerAsked
from jobd.core.job import Overlap
from jobd.core.ledger import SkipReason
from jobd.core.outcome import StopCause
from jobd.core.placement import may_run
from jobd.core.pools import demand as pool_demand
from jobd.core.runs import stop
from jobd.core.state import Candidate, JobTrack, RunTrack, SchedulerState
from jobd.core.timers import TimerKind
from jobd.core.wishes import drain_words

ANY_NUMBER = 1 << 30


def trigger(state: SchedulerState, asked: TriggerAsked, now: datetime) -> None:
    """Start a run by hand, under the same overlap rules as a tick."""
    track = _known(state, asked.request_id, asked.job)
    if track is None:
        return
    job = track.job
    refusal = _refusal(state, track, asked)
    if refusal is not None:
        _refuse(state, asked.request_id, *refusal)
        return
    places = ANY_NUMBER if asked.force else job.max_instances
    demand = Demand(job.overlap, places, ignores_duty=True, pool=pool_demand(state, job))
    request = ClaimRequest(
        asked.run_id, job.name, None, Trigger.MANUAL, demand, asked.by, asked.params
    )
    candidate = Candidate(job, request, due=now, request_id=asked.request_id, may_queue=asked.queue)
    track.open[candidate.key] = candidate
    consider(state, track, candidate, now)


def cancel(state: SchedulerState, asked: CancelAsked, now: datetime) -> None:
    """Stop one run, or all of a job's: those that are active, and what was triggered by hand
    and is not yet. A claim under way cannot be called back; its run is not started then."""
    if asked.job is not None and asked.job not in state.tracks:
        _known(state, asked.request_id, asked.job)
        return
    active, to_come = _meant(state, asked)
    if not active and not to_come:
        _refuse(state, asked.request_id, "no_such_run", _nothing_to_cancel(asked))
        return
    run_ids = (*(t.run.run_id for t in active), *(c.key for c in to_come))
    for run_track in active:
        stop(state, run_track, StopCause.CANCEL, now)
    for candidate in to_come:
        _cancel_candidate(state, candidate, asked.by)
    state.emit(Accepted(asked.request_id, run_ids, "stopping"))


def pause(state: SchedulerState, asked: PauseAsked, now: datetime) -> None:
    """Let a job, or every job, skip its ticks from now on."""
    if asked.until is not None and asked.until <= now:
        words = f"until {asked.until:%Y-%m-%dT%H:%M:%SZ} is past; write an instant to come"
        _refuse(state, asked.request_id, "bad_request", words)
        return
    tracks = _concerned(state, asked.request_id, asked.job)
    if tracks is None:
        return
    in_force = Pause(asked.by, now, asked.reason, asked.until)
    for track in tracks:
        track.remember(pause=in_force)
        track.wished_at = now
        if asked.until is not None:
            state.timers.set(TimerKind.PAUSE_ENDS, track.job.name, asked.until)
        else:
            state.timers.cancel(TimerKind.PAUSE_ENDS, track.job.name)
    state.emit(SavePause(_names(tracks), in_force, asked.by))
    words = f"{len(tracks)} paused{_reach(state, asked.job, tracks)}"
    state.emit(Accepted(asked.request_id, message=words))


def resume(state: SchedulerState, asked: ResumeAsked, now: datetime) -> None:
    """End a pause, or all."""
    tracks = _concerned(state, asked.request_id, asked.job)
    if tracks is None:
        return
    paused = [track for track in tracks if track.pause(now) is not None]
    if paused:
        end_pause(state, paused, asked.by)
        for track in paused:
            track.wished_at = now
    words = f"{len(paused)} resumed" if paused else "nothing was paused"
    words += _reach(state, asked.job, paused)
    state.emit(Accepted(asked.request_id, message=words))


def time_pause(state: SchedulerState, track: JobTrack) -> None:
    """Forget a pause whose time is over. For all nodes nothing is ended: somebody may have asked
    for another pause meanwhile, on a node that this one has not heard of yet."""
    if state.is_shared(track.job):
        track.remember(pause=None)
    else:
        end_pause(state, [track], "the clock")


def end_pause(state: SchedulerState, tracks: Sequence[JobTrack], by: str) -> None:
    """Forget jobs' pauses."""
    for track in tracks:
        track.remember(pause=None)
        state.timers.cancel(TimerKind.PAUSE_ENDS, track.job.name)
    state.emit(SavePause(_names(tracks), None, by))


def skip_next(state: SchedulerState, asked: SkipNextAsked, now: datetime) -> None:
    """Let a job skip just its next tick."""
    track = _known(state, asked.request_id, asked.job)
    if track is None:
        return
    if track.job.schedule is None or not track.job.enabled:
        words = f"{asked.job} has no schedule in force, so no next tick"
        _refuse(state, asked.request_id, "bad_request", words)
        return
    # ``until`` names the tick that is meant; after a run's end nobody knows it before.
    wish = Pause(asked.by, now, asked.reason, until=track.next_fire)
    track.remember(skip_next=wish)
    track.wished_at = now
    state.emit(SaveSkipNext(asked.job, wish, asked.by))
    fire = track.next_fire
    what = f"the tick of {fire:%Y-%m-%dT%H:%M:%SZ}" if fire is not None else "the next tick"
    words = f"{what} will be skipped{_told_later(state, [track])}"
    state.emit(Accepted(asked.request_id, message=words))


def _refusal(state: SchedulerState, track: JobTrack, asked: TriggerAsked) -> tuple[str, str] | None:
    """Return the code and the words for what keeps a run by hand from being asked for here."""
    job = track.job
    if state.is_stopping:
        return "shutting_down", "this daemon is stopping"
    if state.neighbours is not None and state.neighbours.is_silent and state.is_shared(job):
        return "store_down", _undecidable(job.name)
    if state.drain is not None:
        return "not_here", f"this node starts nothing new: {drain_words(state.drain)}"
    if not may_run(job.nodes, state.node, state.labels):
        words = f"{job.name} runs on {', '.join(job.nodes)} only, and {state.node} is none of these"
        return "not_here", words
    if asked.force and job.overlap is not Overlap.ALLOW:
        words = f'--force needs overlap = "allow"; {job.name} has "{job.overlap.value}"'
        return "bad_request", words
    return None


def _reach(state: SchedulerState, name: str | None, tracks: Sequence[JobTrack]) -> str:
    """Return which jobs a wish reaches that names none: each node has some for itself."""
    words = _told_later(state, tracks)
    if name is not None or state.neighbours is None:
        return words
    shared = sum(state.is_shared(track.job) for track in tracks)
    if shared < len(tracks):
        own = len(tracks) - shared
        words = f': {shared} on every node; {own} of scope = "node" on {state.node} only{words}'
    if state.unreached:
        words += f"; not {len(state.unreached)} of the cluster: their store has not answered yet"
    return words


def _told_later(state: SchedulerState, tracks: Sequence[JobTrack]) -> str:
    """Return what an operator must know whose wish cannot reach the other nodes now."""
    is_silent = state.neighbours is not None and state.neighbours.is_silent
    if is_silent and any(state.is_shared(track.job) for track in tracks):
        return "; the shared store does not answer: other nodes hear of it once it does"
    return ""


def _names(tracks: Sequence[JobTrack]) -> tuple[str, ...]:
    return tuple(track.job.name for track in tracks)


def _known(state: SchedulerState, request_id: str, name: str) -> JobTrack | None:
    track = state.tracks.get(name)
    if track is not None and not track.is_removed:
        return track
    if name in state.unreached:
        _refuse(state, request_id, "store_down", _undecidable(name))
        return None
    _refuse(state, request_id, "no_such_job", f"no job {name}; `jobd ctl jobs` lists them")
    return None


def _undecidable(name: str) -> str:
    return f"the store that decides {name} does not answer; `jobd ctl status` says more"


def _concerned(state: SchedulerState, request_id: str, name: str | None) -> list[JobTrack] | None:
    if name is None:
        return [track for track in state.tracks.values() if not track.is_removed]
    track = _known(state, request_id, name)
    return None if track is None else [track]


def _meant(state: SchedulerState, asked: CancelAsked) -> tuple[list[RunTrack], list[Candidate]]:
    """Return the active runs and the candidates that a cancel is about."""
    if asked.job is not None:
        track = state.tracks[asked.job]
        by_hand = [c for c in track.open.values() if c.request.trigger is Trigger.MANUAL]
        return list(track.runs.values()), by_hand
    to_come = (track.open.get(asked.run_id or "") for track in state.tracks.values())
    return _matching(state.runs, asked.run_id or ""), [c for c in to_come if c is not None]


def _cancel_candidate(state: SchedulerState, candidate: Candidate, by: str) -> None:
    if state.is_asked_for(candidate):
        candidate.is_canceled = True
    else:
        drop(state, candidate, SkipReason.PAUSED, f"canceled by {by}")


def _matching(runs: dict[str, RunTrack], run_id: str) -> list[RunTrack]:
    """Return the active run of that id, or of that beginning if only one has it."""
    exact = runs.get(run_id)
    if exact is not None:
        return [exact]
    found = [track for key, track in runs.items() if run_id and key.startswith(run_id)]
    return found if len(found) == 1 else []


def _nothing_to_cancel(asked: CancelAsked) -> str:
    if asked.job is not None:
        return f"{asked.job} has no active run"
    return f"no active run {asked.run_id}; `jobd ctl runs --outcome active` lists them"


def _refuse(state: SchedulerState, request_id: str, code: str, message: str) -> None:
    state.emit(Refused(request_id, code, message))
