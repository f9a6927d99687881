"""Backlog: what a full disk keeps us from writing, bounded by the number of jobs.

Jobs go on being decided from memory. What the next daemon must know to run nothing twice
is written when there is room again: every job's state, the runs that are active, the ends
of those that the file still takes for active, and the ticks that are decided while an
earlier one is open. The rest of the history is lost, and counted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from jobd.core.ledger import TickRange, TickRecord
from jobd.core.run import RunRecord
from jobd.ports import AuditEntry
from jobd.store.roll import Draft, JobState

# Ticks of one job that are decided while an earlier one is open; more than so many are
# rare, and then the older ones just count as decided.
TICKS_HELD_PER_JOB = 16
# Runs that began and ended without a row: whoever reports such an end twice is told the same.
ENDS_HELD = 10_000


@dataclass(slots=True)
class Backlog:
    """What is owed to the file since it could not be written."""

    why: str  # "disk full"
    since: datetime | None
    lost: int = 0  # records that will never be written
    jobs: set[str] = field(default_factory=set)
    ended: dict[str, RunRecord] = field(default_factory=dict)
    started: dict[str, datetime] = field(default_factory=dict)
    gone: dict[TickRange, TickRecord] = field(default_factory=dict)  # to be taken out of the file
    _ticks: dict[str, list[TickRecord]] = field(default_factory=dict)
    _rowless: set[str] = field(default_factory=set)  # active runs that the file does not know
    _ends: dict[str, int] = field(default_factory=dict)  # run -> token

    @property
    def trouble(self) -> str:
        """Return the state of things in words."""
        since = f" since {self.since:%Y-%m-%dT%H:%M:%SZ}" if self.since else ""
        return f"{self.why}{since}; {self.lost} records not kept"

    def report(self, now: datetime) -> AuditEntry:
        """Return the note that explains the gap to whoever reads the history later."""
        return AuditEntry(now, "jobd", "recover", "", f"history resumed; before: {self.trouble}")

    def lose_one(self) -> None:
        """Count a record that cannot be kept."""
        self.lost += 1

    def take(self, draft: Draft) -> None:
        """Take over what a draft would have written; may edit its jobs once more."""
        self.jobs.update(draft.edited)
        self._rowless.update(run.run_id for run in draft.granted)
        for run, started_at in draft.saved:
            if started_at is not None:
                self.started[run.run_id] = started_at
        for record in draft.finished.values():
            self._take_end(record)
        for row, _ in draft.cuts:
            self._take_out(row)
        left = [row for _, row in draft.cuts if row is not None]
        for state in draft.edited.values():
            cut = [row for row in left if row.ticks.job == state.name]
            self._take_ticks(state, [*cut, *draft.ticks.get(state.name, ())])

    def ticks(self) -> Iterable[TickRecord]:
        """Return the ledger rows that are still to be written."""
        return (row for rows in self._ticks.values() for row in rows)

    def rows_over(self, job: str, first: datetime, last: datetime) -> Sequence[TickRange]:
        """Return the held rows of a job that share an instant with ``first`` to ``last``."""
        held = (row.ticks for row in self._ticks.get(job, ()))
        return [ticks for ticks in held if ticks.last >= first and ticks.first <= last]

    def skips_after(self, job: str, instant: datetime) -> Sequence[TickRecord]:
        """Return the held skips of a job that reach beyond ``instant``."""
        held = self._ticks.get(job, ())
        return [row for row in held if row.reason is not None and row.ticks.last > instant]

    def ended_token(self, run_id: str) -> int | None:
        """Return the fencing token of a run that ended since, or None."""
        record = self.ended.get(run_id)
        return self._ends.get(run_id) if record is None else record.token

    def _take_end(self, record: RunRecord) -> None:
        self.started.pop(record.run_id, None)
        if record.run_id not in self._rowless:
            self.ended[record.run_id] = record
            return
        self._rowless.discard(record.run_id)
        self.lost += 1
        self._ends[record.run_id] = record.token
        if len(self._ends) > ENDS_HELD:
            del self._ends[next(iter(self._ends))]

    def _take_out(self, row: TickRecord) -> None:
        held = self._ticks.get(row.ticks.job, [])
        if row in held:
            held.remove(row)
        else:
            self.gone[row.ticks] = row

    def _take_ticks(self, state: JobState, fresh: Sequence[TickRecord]) -> None:
        rows = sorted([*self._ticks.pop(state.name, ()), *fresh], key=lambda row: row.ticks.last)
        held = [row for row in rows if row.ticks.last > state.settled_until]
        held = held[-TICKS_HELD_PER_JOB:]
        dropped = rows[: len(rows) - len(held)]
        self.lost += len(dropped)
        for row in dropped:
            if row.reason is None or row.ticks.last > state.settled_until:
                state.forget(row.ticks.first, row.ticks.last)
        if held:
            self._ticks[state.name] = held
