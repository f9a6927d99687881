"""Needs: what the runs of a job take of this node, as far as is known."""

from jobd.core.admission import Need, reservation
from jobd.core.job import Job
from jobd.core.state import RunTrack, SchedulerState


def need_of(state: SchedulerState, job: Job) -> Need:
    """Return what a run of the job takes of this node, as far as is known now."""
    track = state.tracks.get(job.name)
    expected = track.memory.expected_memory_bytes if track is not None else None
    memory_bytes = reservation(job, expected, state.room.memory_budget_bytes)
    return Need(memory_bytes, state.is_shared(job))


def take_room(state: SchedulerState, run_track: RunTrack) -> None:
    """Reserve what a run takes that is there already, be there room for it or not."""
    run_track.need = need_of(state, run_track.job)
    state.room.take(run_track.need)
