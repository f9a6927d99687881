"""What the processes of a node may take together never passes its memory budget."""

from itertools import accumulate

from jobd.core.admission import UNKNOWN_BYTES
from jobd.core.job import Job
from tests.sim.cluster.world import World


def within_budget(world: World) -> list[str]:
    """At no instant do the ceilings of a node's processes, or what is reserved for those that
    have none, come to more than its budget."""
    if world.memory_budget is None:
        return []
    complaints = []
    for name in world.names:
        most = max(accumulate(size for _, size in _steps(world, name)), default=0)
        if most > world.memory_budget:
            complaints.append(f"{name} ran what may take {most >> 20}M together")
    return complaints


def _steps(world: World, node: str) -> list[tuple[float, int]]:
    """Return when a node's processes began and ended, and what that added; ends come first."""
    mine = [process for process in world.journal.processes if process.node == node]
    steps = [(process.started_s, _size(process.job)) for process in mine]
    steps += [(process.lives_until(), -_size(process.job)) for process in mine]
    return sorted(steps)


def _size(job: Job) -> int:
    return job.limits.memory_max_bytes or UNKNOWN_BYTES
