"""S4: an outcome that a node knows reaches the history, or, if it comes too late, the notes."""

from collections import defaultdict
from datetime import timedelta

from jobd.core.run import RunRecord
from jobd.ports import RunFilter
from tests.sim.cluster.journal import Process
from tests.sim.cluster.node import Node
from tests.sim.cluster.world import World
from tests.sim.world import run_now

EVERYTHING = RunFilter(limit=10_000_000)
ON_ITS_WAY = timedelta(seconds=30)


def outcomes_kept(world: World) -> list[str]:
    """What a run's last process did is what the history says of it, or a note beside it."""
    records = {r.run_id: r for r in run_now(world.store.runs(EVERYTHING))}
    for node in world.nodes.values():
        records |= {r.run_id: r for r in run_now(node.local.runs(EVERYTHING))}
    noted = {entry.target for entry in run_now(world.store.audit(limit=EVERYTHING.limit))}
    by_run: defaultdict[str, list[Process]] = defaultdict(list)
    for process in world.journal.processes:
        by_run[process.run.run_id].append(process)
    complaints = [f"{node.name} keeps an end" for node in world.nodes.values() if _keeps(node)]
    for run_id, processes in by_run.items():
        complaints += _judge(world, processes, records.get(run_id), run_id in noted)
    return complaints


def _keeps(node: Node) -> bool:
    """Whether an end waits in the outbox though all is well; one of just now may."""
    latest = node.world.store_now() - ON_ITS_WAY
    ended = (end.record.ended_at for end in node.outbox)
    return any(at is not None and at < latest for at in ended)


def _judge(
    world: World, processes: list[Process], record: RunRecord | None, is_noted: bool
) -> list[str]:
    last = max(processes, key=lambda p: (p.run.token, p.run.attempt, p.started_s))
    what = f"{last.run.run_id} of {last.run.job}"
    if record is None:
        return [f"{what} ran and is not in the history"]
    if last.lives_until() > world.calm_s:
        return []
    if record.outcome is None:
        return [f"{what} ended at {last.ended_s:.1f}, and the history has it active"]
    if last.is_lost or last.cause is not None or is_noted:
        return []
    if record.outcome == "lost" and record.attempt > last.run.attempt:
        return []  # ordered when its node was trusted no longer, so it never became a process
    expected = "success" if last.exit_code == 0 else "failure"
    if record.outcome == expected:
        return []
    return [f"{what} is {record.outcome} ({record.reason}), but it was {expected}"]
