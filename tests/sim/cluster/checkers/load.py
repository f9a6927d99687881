"""L2: what the store has to bear: a read per node and second, a write or two per tick."""

from collections import Counter

from tests.sim.cluster.checkers.accounted import ledger
from tests.sim.cluster.world import World

BEATS_A_SECOND = 3  # two, at the edges of a second
WRITES_A_SECOND = 10  # of one node: a batch for each round trip, and what cannot be batched
WRITES_A_TICK = 2.3  # its claim, its end; here and there an attempt saved, or a claim too late
WRITES_A_TROUBLE = 2  # what is asked again, taken over, or told twice
WRITES_A_STEP = 8  # of the store's clock: each job's ticks are looked at anew


def load_is_bounded(world: World) -> list[str]:
    """Beats per node and second, and writes, in all and per node and second."""
    complaints, writes = [], Counter[tuple[str, int]]()
    for (kind, node, second), number in world.journal.requests.items():
        if kind == "beat" and number > BEATS_A_SECOND:
            complaints.append(f"{node} beat {number} times in second {second}")
        elif kind in ("settle", "other"):
            writes[node, second] += number
    most = _most_a_second(world)
    for (node, second), number in writes.items():
        if number > most:
            complaints.append(f"{node} wrote {number} times in second {second}")
    ticks = sum(len(ledger(world, name)) for name in world.shared)
    troubles = sum(len(spans) for spans in world.journal.troubles.values())
    allowed = ticks * WRITES_A_TICK + troubles * WRITES_A_TROUBLE
    allowed += len(world.journal.steps) * WRITES_A_STEP
    if writes.total() > allowed:
        complaints.append(f"{writes.total()} writes for {ticks} ticks")
    return complaints


def _most_a_second(world: World) -> int:
    """A node with few places asks for few ticks at a time. After a silence others have decided
    most of what it asks for, and each place is free again at once: a write for every job."""
    has_room = world.max_running >= len(world.jobs)
    return WRITES_A_SECOND if has_room else max(WRITES_A_SECOND, len(world.shared))
