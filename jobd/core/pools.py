"""Pools: named bottlenecks that several jobs share, as far as this node can tell.

A pool of the cluster is counted by the store; what the last view said of it only spares
questions. A pool of this node is counted here and nowhere else.
"""

from itertools import chain

from jobd.core.claim import PoolDemand
from jobd.core.job import Job, Pool, Scope
from jobd.core.state import Candidate, SchedulerState


def demand(state: SchedulerState, job: Job) -> PoolDemand | None:
    """Return what a claim asks of a pool that the store counts."""
    if job.pool is None or not _is_counted_by_store(state, job):
        return None
    return PoolDemand(job.pool.name, job.pool.size, job.slots)


def has_room(state: SchedulerState, candidate: Candidate) -> bool:
    """Return whether the candidate's pool has its slots free, as far as this node knows."""
    job = candidate.job
    if job.pool is None or candidate.retry_of is not None:
        return True  # a retry has its slots already
    return taken(state, job.pool) + job.slots <= job.pool.size


def taken(state: SchedulerState, pool: Pool) -> int:
    """Return how many slots of a pool are taken: by the last view, or by what runs here."""
    here = _taken_here(state, pool.name)
    if state.neighbours is None or pool.scope is not Scope.CLUSTER:
        return here
    return max(here, state.neighbours.slots_taken(pool.name, state.now))


def in_line(state: SchedulerState) -> list[Candidate]:
    """Return those who wait for a pool, the next one first: by priority, then by age."""
    return sorted(state.wait_for_pool.values(), key=lambda c: (-c.priority, c.due, c.key))


def _is_counted_by_store(state: SchedulerState, job: Job) -> bool:
    return job.pool is not None and job.pool.scope is Scope.CLUSTER and state.is_shared(job)


def _taken_here(state: SchedulerState, name: str) -> int:
    # What was asked for may have been granted, answered or not.
    asked_for = chain(state.claiming.values(), state.store_down.values(), state.doubtful.values())
    running = (track.job for track in state.runs.values())
    jobs = chain(running, (candidate.job for candidate in asked_for))
    return sum(job.slots for job in jobs if job.pool is not None and job.pool.name == name)
