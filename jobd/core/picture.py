"""Picture: what the scheduler's state looks like to people, pages and metrics."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from jobd.core import pools
from jobd.core.claim import ActiveRun, JobMemory
from jobd.core.forecast import utilization
from jobd.core.job import Job
from jobd.core.ledger import SkipReason
from jobd.core.neighbours import Neighbours
from jobd.core.run import RunState
from jobd.core.state import Candidate, JobTrack, SchedulerState, start_deadline
from jobd.core.view import (
    JobState,
    JobView,
    NodeView,
    PoolView,
    RoomView,
    RunView,
    SharedView,
    WaitingView,
)


def node_view(state: SchedulerState, now: datetime) -> NodeView:
    """Return the node as a whole."""
    tracks = [track for track in state.tracks.values() if not track.is_removed]
    return NodeView(
        jobs=len(tracks) + len(state.unreached),
        paused=sum(track.pause(now) is not None for track in tracks),
        running=state.room.taken,
        waiting=len(state.waiting) + len(state.queued) + len(state.wait_for_pool),
        max_running=state.room.max_running,
        max_waiting=state.waiting.size,
        is_stopping=state.is_stopping,
        is_draining=state.drain is not None,
        drain=state.drain,
        shared=None if state.neighbours is None else _shared_view(state.neighbours),
        pools=_pool_views(state),
        load=state.room.load,
        room=_room_view(state),
    )


def _room_view(state: SchedulerState) -> RoomView:
    room = state.room
    held = {candidate.held_by for candidate in state.waiting}
    holding = {
        SkipReason.MAX_RUNNING: room.taken >= room.max_running,
        SkipReason.PRESSURE: bool(room.pressure.holding),
        SkipReason.MEMORY_BUDGET: SkipReason.MEMORY_BUDGET in held,
    }
    return RoomView(
        room.reserved_bytes,
        room.memory_budget_bytes,
        room.pressure.words(),
        room.pressure.all_words(),
        frozenset(reason for reason, holds in holding.items() if holds),
    )


def _shared_view(neighbours: Neighbours) -> SharedView:
    since = neighbours.silent_since or neighbours.heard_since
    return SharedView(neighbours.is_silent, since, neighbours.nodes, neighbours.seen_at)


def _pool_views(state: SchedulerState) -> tuple[PoolView, ...]:
    """Return every configured pool, in the order of their names."""
    names = sorted(state.pools)
    found = [(state.pools[name], pools.taken(state, state.pools[name])) for name in names]
    return tuple(PoolView(pool.name, pool.size, taken, pool.scope) for pool, taken in found)


def job_names(state: SchedulerState) -> list[str]:
    """Return the names of the configured jobs, and of those removed ones that still run."""
    return [*state.tracks, *state.unreached]


def runs_elsewhere(state: SchedulerState, job: str | None = None) -> list[ActiveRun]:
    """Return the runs that other nodes hold, of all jobs or of one."""
    tracks = state.tracks.values()
    return [run for track in tracks if job in (None, track.job.name) for run in track.elsewhere]


def find_job_view(state: SchedulerState, name: str, now: datetime) -> JobView | None:
    """Return a job and where it stands, or None if there is none of that name."""
    track = state.tracks.get(name)
    if track is not None:
        return job_view(track, now, _retries(state, track))
    job = state.unreached.get(name)
    return None if job is None else _unreached_view(job, now)


def _unreached_view(job: Job, now: datetime) -> JobView:
    """Return a job of the cluster of which only the configuration is known."""
    track = JobTrack(job, JobMemory(job.name, settled_until=now), cursor=now)
    return replace(job_view(track, now), state=JobState.STORE_DOWN)


def _retries(state: SchedulerState, track: JobTrack) -> list[Candidate]:
    """Return further attempts of a job's runs that are due and stand in the line."""
    return [c for c in map(state.waiting.get, track.runs) if c is not None] if track.runs else []


def job_view(track: JobTrack, now: datetime, retries: Sequence[Candidate] = ()) -> JobView:
    """Return one job and where it stands; ``retries``: further attempts that wait for room."""
    candidates = (*track.open.values(), *retries)
    job = track.job
    interval = job.schedule.interval(now) if job.schedule is not None else None
    return JobView(
        job=job,
        state=_state(track, now),
        memory=_memory(track),
        next_fire=None if track.is_removed else track.next_fire,
        next_due=None if track.is_removed else track.next_due,
        interval=interval,
        start_deadline=start_deadline(job, now) if job.schedule is not None else None,
        runs=tuple(RunView(r.run, r.state, r.started_at, r.said) for r in track.runs.values()),
        waiting=tuple(_waiting(c) for c in candidates if c.held_by is not None),
        pause=track.pause(now),
        utilization=_utilization(track, interval),
        elsewhere=track.elsewhere,
        claiming=tuple(c.key for c in track.open.values() if c.held_by is None),
    )


def _memory(track: JobTrack) -> JobMemory:
    """Return what is remembered, with the start of a run that has not ended yet."""
    starts = [run.started_at for run in track.runs.values() if run.started_at is not None]
    if not starts:
        return track.memory
    known = track.memory.last_started
    return replace(track.memory, last_started=max(starts if known is None else [*starts, known]))


def _state(track: JobTrack, now: datetime) -> JobState:
    job = track.job
    states = {run_track.state for run_track in track.runs.values()}
    if states - {RunState.BACKOFF} or track.elsewhere:
        return JobState.RUNNING
    if states:
        return JobState.RETRYING
    if track.open:
        return JobState.WAITING
    if track.pause(now) is not None:
        return JobState.PAUSED
    if not job.enabled:
        return JobState.DISABLED
    if track.is_foreign:
        return JobState.ELSEWHERE
    return JobState.MANUAL if job.schedule is None else JobState.SCHEDULED


def _waiting(candidate: Candidate) -> WaitingView:
    assert candidate.held_by is not None
    request = candidate.request
    return WaitingView(
        job=request.job,
        run_id=request.run_id,
        fire_time=request.fire_time if candidate.retry_of is None else None,
        since=candidate.due,
        priority=candidate.priority,
        held_by=candidate.held_by.value,
        memory_bytes=candidate.need.memory_bytes,
        is_retry=candidate.retry_of is not None,
    )


def _utilization(track: JobTrack, interval: timedelta | None) -> float | None:
    duration_s = track.memory.smoothed_lasted_s
    if duration_s is None or interval is None:
        return None
    return utilization(duration_s, interval)
