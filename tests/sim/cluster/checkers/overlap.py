"""S2: no two processes of a job at the same time, on any nodes, unless it allows it."""

from collections import defaultdict

from jobd.core.job import Overlap, Scope
from tests.sim.cluster.journal import Process
from tests.sim.cluster.world import World


def no_overlap(world: World) -> list[str]:
    """Not more processes at once than the job's overlap allows, in the world's own time."""
    return [c for name in world.jobs for c in _overlaps(world, name)]


def _overlaps(world: World, name: str) -> list[str]:
    job = world.jobs[name]
    places = job.max_instances if job.overlap is Overlap.ALLOW else 1
    by_node: defaultdict[str, list[Process]] = defaultdict(list)
    for process in world.journal.processes:
        if process.run.job == name:
            by_node[process.node if job.scope is Scope.NODE else ""].append(process)
    return [c for processes in by_node.values() for c in _crowds(name, processes, places)]


def _crowds(name: str, processes: list[Process], places: int) -> list[str]:
    complaints, running = [], list[Process]()
    for process in sorted(processes, key=lambda p: p.started_s):
        running = [p for p in running if p.lives_until() > process.started_s]
        running.append(process)
        if len(running) > places:
            nodes = ", ".join(
                f"{p.run.run_id} on {p.node} since {p.started_s:.3f}" for p in running
            )
            complaints.append(f"{name}: {len(running)} at once at {process.started_s:.3f}: {nodes}")
    return complaints
