"""How each attempt of a run went that another one followed is kept, on whichever node it was."""

from tests.sim.checkers import missing_attempts
from tests.sim.cluster.checkers.outcomes import EVERYTHING
from tests.sim.cluster.world import World
from tests.sim.world import run_now


def attempts_kept(world: World) -> list[str]:
    """A run knows of all attempts before its last; what nobody saw the end of is lost."""
    records = run_now(world.store.runs(EVERYTHING))
    complaints = [c for record in records for c in missing_attempts(record)]
    found = {(r.run_id, one.number, one.node): one for r in records for one in r.retried}
    # An attempt whose end came too late is a note, and may have been made again, under a new token.
    by_token = sorted(world.journal.processes, key=lambda process: process.run.token)
    last = {(p.run.run_id, p.run.attempt, p.run.node): p for p in by_token}
    for key, process in last.items():
        kept = found.get(key)
        if kept is None or kept.outcome == "lost" or process.is_lost or process.cause is not None:
            continue
        if kept.exit_code != process.exit_code:
            what = f"attempt {kept.number} of {process.run.run_id} on {kept.node}"
            complaints.append(f"{what}: {kept.exit_code}, but it was {process.exit_code}")
    return complaints
