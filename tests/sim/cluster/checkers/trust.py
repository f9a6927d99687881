"""S2, where it is won: a run is dead by the instant until which its lease is trusted."""

from tests.sim.cluster.world import World

TOLERANCE_S = 0.05


def dead_in_time(world: World) -> list[str]:
    """No process outlives its node's last word on how long it is trusted, daemon or no daemon."""
    complaints = []
    for process in world.journal.processes:
        until_s, ended_s = process.until_world_s, process.lives_until()
        if until_s is not None and min(ended_s, world.now_s) > until_s + TOLERANCE_S:
            complaints.append(f"{process.run.run_id} outlived its trust at {until_s:.3f}")
    return complaints
