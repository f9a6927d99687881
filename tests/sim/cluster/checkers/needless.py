"""L3: no run is killed for want of trust while its node reaches the store."""

from jobd.core.outcome import StopCause
from tests.sim.cluster.world import World

NOTICED_S = 5.0


def no_needless_kill(world: World) -> list[str]:
    """Every kill for trust has a trouble of its node, the store or its clock shortly before."""
    ttl_s, complaints = world.terms.ttl.total_seconds(), []
    for process in world.journal.processes:
        if process.cause is not StopCause.TRUST or process.ended_s is None:
            continue
        span = (process.ended_s - 2 * ttl_s - NOTICED_S, process.ended_s)
        is_odd = world.journal.was_stepped(*span)
        if world.journal.was_healthy(process.node, *span) and not is_odd:
            complaints.append(f"{process.run.run_id} on {process.node} at {process.ended_s:.1f}")
    return complaints
