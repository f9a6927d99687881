"""Dangers: how often a night was in the situations in which agreement breaks.

A night is worth its seconds for these. Whoever makes nights cheaper, or changes their jobs or
faults, compares them before and after: ``python -m tests.sim dangers SEED LAST``.
"""

from collections import Counter

from jobd.core.outcome import Outcome, StopCause
from jobd.core.run import RunRecord
from jobd.ports import RunFilter
from jobd.store.decide import LATE_END
from jobd.store.leases import lost_words
from tests.sim.cluster.world import World
from tests.sim.world import run_now

EVERYTHING = 10_000_000


def dangers(world: World) -> Counter[str]:
    """Return how often each happened in a night."""
    found = Counter(world.journal.dangers)
    found["runs"] = len(world.journal.processes)
    for process in world.journal.processes:
        if process.cause is not None:
            is_trust = process.cause is StopCause.TRUST
            found["killed at trust" if is_trust else "stopped"] += 1
        found["died with its supervisor"] += process.is_lost
        found["attempts again"] += process.run.attempt > 1
    records = run_now(world.store.runs(RunFilter(limit=EVERYTHING)))
    found["lease ran out"] = sum(_ran_out(record) for record in records)
    notes = run_now(world.store.audit(limit=EVERYTHING))
    found["late end"] = sum(note.action == LATE_END for note in notes)
    found["step of the store's clock"] = len(world.journal.steps)
    found["daemons started"] = sum(node.incarnations for node in world.nodes.values())
    return found


def _ran_out(record: RunRecord) -> bool:
    return record.outcome is Outcome.LOST and record.reason == lost_words(record.node)
