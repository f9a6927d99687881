"""Sight: what the shared store shows of the cluster, taken in; and what its silence means."""

from dataclasses import replace
from datetime import datetime, timedelta

from jobd.core import leases, turns
from jobd.core.claim import JobMemory
from jobd.core.events import ClusterSeen
from jobd.core.frequent import altered
from jobd.core.schedule import AfterSchedule
from jobd.core.state import JobTrack, SchedulerState
from jobd.core.ticks import look_ahead
from jobd.core.timers import TimerKind

# A wish of an operator here may be younger than a view that was on its way.
_WISH_SETTLES = timedelta(seconds=2)


def cluster_seen(state: SchedulerState, event: ClusterSeen, now: datetime) -> None:
    """Take in a view: what is decided, what runs elsewhere, what is wanted of this node."""
    neighbours, view = state.neighbours, event.view
    assert neighbours is not None, "only a shared store shows a cluster"
    neighbours.hear(view, has_stepped=event.has_stepped)
    turns.close_decided(state, view.decided)
    for memory in view.jobs:
        track = state.tracks.get(memory.job)
        if track is not None and state.is_shared(track.job):
            _learn(state, track, memory, view.at)
    leases.obey(state, view.stops, now)
    if neighbours.end_silence(now):
        _look_at_all(state)
    leases.see_overdue(state, view, now)
    turns.go_on(state, now)


def store_silent(state: SchedulerState, now: datetime) -> None:
    """Decide nothing for the cluster's jobs until the store answers; what waits goes on waiting."""
    assert state.neighbours is not None, "only a shared store can fall silent"
    state.neighbours.fall_silent(now)


def _look_at_all(state: SchedulerState) -> None:
    """Look at the ticks that came while the store was silent."""
    for track in state.tracks.values():
        if state.is_shared(track.job):
            look_ahead(state, track)


def _learn(state: SchedulerState, track: JobTrack, memory: JobMemory, at: datetime) -> None:
    """Take over what other nodes have done to a job; what was done here is known better."""
    was_elsewhere = track.elsewhere
    track.elsewhere = tuple(
        run for run in memory.active if run.node != state.node and run.run_id not in track.runs
    )
    _remember(state, track, memory, at)
    if track.elsewhere != was_elsewhere or _is_way_free(track, memory):
        state.touched.append(track)


def _is_way_free(track: JobTrack, memory: JobMemory) -> bool:
    """Whether the run is over for whose end a candidate waits; it may have come and gone
    between two views."""
    if track.queued is None:
        return False
    return track.queued.blocker not in {run.run_id for run in memory.active} | track.runs.keys()


def _remember(state: SchedulerState, track: JobTrack, memory: JobMemory, at: datetime) -> None:
    known = track.memory
    if abs(at - track.wished_at) <= _WISH_SETTLES:
        memory = replace(memory, pause=known.pause, skip_next=known.skip_next)
    if _is_older(memory.last_ended, known.last_ended):
        track.memory = replace(known, pause=memory.pause, skip_next=memory.skip_next)
    else:
        track.memory = altered(memory, active=()) if memory.active else memory
        _count_on(state, track, known)
    _set_pause_timer(state, track)


def _is_older(seen: datetime | None, known: datetime | None) -> bool:
    return known is not None and (seen is None or seen < known)


def _count_on(state: SchedulerState, track: JobTrack, known: JobMemory) -> None:
    """Let an `after` follow a run that has ended on another node."""
    ended, counts_from = track.memory.last_ended, track.counts_from
    if ended is None or ended == known.last_ended:
        return
    if counts_from is not None and ended < counts_from and not track.is_count_open:
        return  # a skip that came later is known already
    track.count_from(ended)
    if isinstance(track.job.schedule, AfterSchedule):
        state.touched.append(track)


def _set_pause_timer(state: SchedulerState, track: JobTrack) -> None:
    pause = track.pause(state.now)  # one that is over stays with the store until the next wish
    if pause is not None and pause.until is not None:
        state.timers.set(TimerKind.PAUSE_ENDS, track.job.name, pause.until)
    else:
        state.timers.cancel(TimerKind.PAUSE_ENDS, track.job.name)
