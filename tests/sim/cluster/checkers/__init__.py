"""Checkers of a cluster's promises, a file for each. They return complaints; none is innocence."""

from tests.sim.cluster.checkers.accounted import all_accounted
from tests.sim.cluster.checkers.attempts import attempts_kept
from tests.sim.cluster.checkers.double import no_double_start
from tests.sim.cluster.checkers.lateness import in_time, nothing_early, prompt
from tests.sim.cluster.checkers.load import load_is_bounded
from tests.sim.cluster.checkers.memory import within_budget
from tests.sim.cluster.checkers.needless import no_needless_kill
from tests.sim.cluster.checkers.outcomes import outcomes_kept
from tests.sim.cluster.checkers.overlap import no_overlap
from tests.sim.cluster.checkers.trust import dead_in_time

ALL = (
    no_double_start,
    no_overlap,
    dead_in_time,
    all_accounted,
    outcomes_kept,
    attempts_kept,
    in_time,
    prompt,
    nothing_early,
    load_is_bounded,
    no_needless_kill,
    within_budget,
)
