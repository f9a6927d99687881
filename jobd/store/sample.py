"""Sample: of many runs an even selection, the same that the SQL stores make; see
:meth:`jobd.ports.Store.usage`."""

from collections.abc import Iterable
from itertools import islice

from jobd.core.run import RunRecord
from jobd.core.usage import TELLING, RunUse
from jobd.ports import USAGE_SEEN

_GOLDEN = 2654435769  # 2^32 divided by the golden ratio


def usage_of(newest_first: Iterable[RunRecord], most: int) -> list[RunUse]:
    """Return what a job's ended runs took, oldest first, about ``most`` of them."""
    seen = list(islice(newest_first, USAGE_SEEN))
    bound = max(most, 0) << 32
    chosen = [run for place, run in enumerate(seen) if _fraction(place) * len(seen) < bound]
    return [_use_of(run) for run in reversed(chosen) if _is_telling(run)]


def _fraction(place: int) -> int:
    """Return the fraction of the place times the golden ratio, in units of 2^-32."""
    return place * _GOLDEN % (1 << 32)


def _is_telling(run: RunRecord) -> bool:
    return run.outcome in TELLING and run.duration_s is not None


def _use_of(run: RunRecord) -> RunUse:
    assert run.ended_at is not None, f"run {run.run_id} is no ended one"
    assert run.outcome is not None, f"run {run.run_id} ended without an outcome"
    assert run.duration_s is not None, f"run {run.run_id} says nothing"
    earlier_s = max((run.lasted_s or 0.0) - run.duration_s, 0.0)
    took = (run.duration_s, run.memory_peak_bytes, run.steps, earlier_s)
    return RunUse(run.ended_at, run.outcome, *took, tuple(one.outcome for one in run.retried))
