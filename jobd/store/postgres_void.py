"""Void in PostgreSQL: rows of the jobs that are ahead are loaded, decided on as everywhere, and
cut. A transaction of a few statements, as only their schedules can count ticks; it is rare."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jobd.core.ledger import TickRange, TickRecord
from jobd.core.schedule import Schedule
from jobd.store import postgres_rows as rows
from jobd.store.columns import instant_of, micros, micros_or_none
from jobd.store.roll import Draft, JobState
from jobd.store.void import void_skips_after

if TYPE_CHECKING:
    from jobd.store.postgres_wire import Wire


class Loaded:
    """The ledger rows that were loaded; see :class:`jobd.store.decide.History`."""

    def __init__(self, ticks: Sequence[TickRecord]) -> None:
        self._rows = defaultdict[str, list[TickRecord]](list)
        for row in ticks:
            self._rows[row.ticks.job].append(row)

    def rows_over(self, job: JobState, first: datetime, last: datetime) -> Sequence[TickRange]:
        """Return the rows that share an instant with a range, in the order of decision."""
        found = (row.ticks for row in self._rows[job.name])
        return [ticks for ticks in found if ticks.last >= first and ticks.first <= last]

    def skips_after(self, job: JobState, instant: datetime) -> Sequence[TickRecord]:
        """Return the skips that reach beyond ``instant``, in the order of decision."""
        found = self._rows[job.name]
        return [row for row in found if row.reason is not None and row.ticks.last > instant]

    def ended_token(self, run_id: str) -> int | None:
        """Never asked here."""
        raise AssertionError(f"void asks about run {run_id}")

    def was_given_up(self, run_id: str) -> bool:
        """Never asked here."""
        raise AssertionError(f"void asks about run {run_id}")


async def void(wire: "Wire", schedules: Mapping[str, Schedule], lock_timeout: str) -> int:
    """Do it in one transaction; return how many ticks are open again."""
    await wire.execute("BEGIN; SET LOCAL idle_in_transaction_session_timeout = '5s'")
    loaded = await wire.ask("void_load", {"lock_timeout": lock_timeout})
    jobs = {found["name"]: _state_of(found) for found in loaded["jobs"]}
    history = Loaded([rows.tick_of(row) for row in loaded["ticks"]])
    draft = Draft(jobs)
    opened = void_skips_after(draft, history, instant_of(loaded["at"]), schedules)
    if not draft.is_empty:
        await wire.ask("void_apply", _changes(draft))
    await wire.execute("COMMIT")
    return opened


def _state_of(found: Mapping[str, Any]) -> JobState:
    memory = rows.memory_of(found)
    spans = tuple((instant_of(first), instant_of(last)) for first, last in found["forgotten"])
    return JobState(
        found["id"],
        memory.job,
        found["schedule"],
        is_on_roll=True,
        settled_until=memory.settled_until,
        decided_until=memory.decided_until,
        forgotten=spans,
        last_ended=memory.last_ended,
        rest_until=memory.rest_until,
    )


def _changes(draft: Draft) -> dict[str, Any]:
    jobs = [
        {
            "id": state.number,
            "settled_until": micros(state.settled_until),
            "decided_until": micros_or_none(state.decided_until),
            "rest_until": micros_or_none(state.rest_until),
        }
        for state in draft.edited.values()
    ]
    return {"jobs": jobs, "cuts": [_cut(draft, row, left) for row, left in draft.cuts]}


def _cut(draft: Draft, row: TickRecord, left: TickRecord | None) -> dict[str, Any]:
    return {
        "job_id": draft.edited[row.ticks.job].number,
        "first": micros(row.ticks.first),
        "last": micros(row.ticks.last),
        "new_last": None if left is None else micros(left.ticks.last),
        "new_count": None if left is None else left.ticks.count,
    }
