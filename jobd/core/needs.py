"""Needs: what the runs of a job take of this node, as far as is known."""

from functools import lru_cache

from jobd.core.admission import Need, reservation
from jobd.core.job import Job
from jobd.core.state import JobTrack, RunTrack, SchedulerState


def need_of(state: SchedulerState, track: JobTrack, job: Job) -> Need:
    """Return what a run of a track's job, in the definition given, takes of this node."""
    return _need(
        job.limits.memory_max_bytes,
        track.memory.expected_memory_bytes,
        job.expected_memory_bytes,
        state.room.memory_budget_bytes,
        state.neighbours is None or state.is_shared(job),
    )


def take_room(state: SchedulerState, track: JobTrack, run_track: RunTrack) -> None:
    """Reserve what a run takes that is there already, be there room for it or not."""
    run_track.need = need_of(state, track, run_track.job)
    state.room.take(run_track.need)


@lru_cache(maxsize=4096)
def _need(
    ceiling: int | None, measured: int | None, expected: int | None, budget: int | None,
    asks_store: bool,
) -> Need:  # fmt: skip
    """Return it; kept, as it is asked for with every tick and changes with few."""
    return Need(reservation(ceiling, measured, expected, budget), asks_store)
