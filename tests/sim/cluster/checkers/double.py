"""S1: a tick is started by at most one node, and each attempt of a run once."""

from collections import Counter, defaultdict
from datetime import datetime

from tests.sim.cluster.world import World


def no_double_start(world: World) -> list[str]:
    """Per tick one run; per run, fencing token and attempt one execution.

    When a machine goes down while the store is silent, nobody knows any more how many
    attempts there were; such a run may count them again.
    """
    runs: defaultdict[tuple[str, datetime], set[str]] = defaultdict(set)
    executions: Counter[tuple[str, int, int]] = Counter()
    forgotten = {p.run.run_id for p in world.journal.processes if p.is_lost}
    for process in world.journal.processes:
        run = process.run
        if run.run_id not in forgotten:
            executions[run.run_id, run.token, run.attempt] += 1
        if run.fire_time is not None and run.job in world.shared:
            runs[run.job, run.fire_time].add(run.run_id)
    twice = [f"{tick} became {len(ids)} runs" for tick, ids in runs.items() if len(ids) > 1]
    return twice + [f"{key} was executed {n} times" for key, n in executions.items() if n > 1]
