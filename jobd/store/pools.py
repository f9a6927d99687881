"""Pools: slots that the runs of several jobs, on all nodes, share."""

from collections import Counter
from collections.abc import Iterable

from jobd.core.claim import ActiveRun, PoolDemand
from jobd.store.leases import Asker
from jobd.store.roll import Draft, JobState


def is_full(draft: Draft, demand: PoolDemand | None, asker: Asker) -> bool:
    """Whether a pool has not the slots left that a run demands of it."""
    if demand is None:
        return False
    if draft.pools is None:
        names = {name for name, state in draft.jobs.items() if state.active} | draft.edited.keys()
        draft.pools = taken(map(draft.look, names), asker)
    return draft.pools.get(demand.name, 0) + demand.slots > demand.size


def take(draft: Draft, run: ActiveRun) -> None:
    """Count the slots of a run that has just been granted."""
    if draft.pools is not None and run.pool is not None:
        draft.pools[run.pool] = draft.pools.get(run.pool, 0) + run.slots


def taken(jobs: Iterable[JobState], asker: Asker) -> dict[str, int]:
    """Return how many slots of each pool the runs take whose lease counts."""
    slots = Counter[str]()
    for state in jobs:
        for run in state.active:
            if run.pool is not None and not asker.may_take(run):
                slots[run.pool] += run.slots
    return dict(slots)
