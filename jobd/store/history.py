"""History: what a decision looks up beyond the jobs themselves."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from jobd.core.ledger import TickRange, TickRecord
from jobd.store.forgotten import spans_over
from jobd.store.roll import Draft, JobState


class History(Protocol):
    """What a store has kept beyond the jobs themselves."""

    def rows_over(self, job: JobState, first: datetime, last: datetime) -> Sequence[TickRange]:
        """Return the job's ledger rows that share an instant with ``first`` to ``last``.

        They come in the order in which they were decided.
        """
        ...

    def skips_after(self, job: JobState, instant: datetime) -> Sequence[TickRecord]:
        """Return the job's skips that reach beyond ``instant``, in the order of decision."""
        ...

    def ended_token(self, run_id: str) -> int | None:
        """Return the fencing token of a run that has ended, or None."""
        ...

    def was_given_up(self, run_id: str) -> bool:
        """Whether a run was ended as lost because its lease had run out."""
        ...


def rows_over(
    draft: Draft, history: History, state: JobState, first: datetime, last: datetime
) -> list[TickRange]:
    """Return the rows over a range of ticks: the draft's own, those kept, those forgotten."""
    drafted = (row.ticks for row in draft.ticks.get(state.name, ()))
    rows = [ticks for ticks in drafted if ticks.last >= first and ticks.first <= last]
    rows.extend(history.rows_over(state, first, last))
    rows.extend(spans_over(state.name, state.forgotten, first, last))
    return rows
