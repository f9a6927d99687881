"""SqliteFile: the connection that writes, and what is said on it. Raises SQLite's own errors."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import TypeVar

from jobd.core.ledger import TickRange, TickRecord
from jobd.core.run import RunRecord
from jobd.ports import AuditEntry
from jobd.store import migrate
from jobd.store import sqlite_rows as rows
from jobd.store.columns import Row, micros, micros_or_none
from jobd.store.remembered import AUDIT_KEPT
from jobd.store.roll import Draft, JobState
from jobd.store.statements import statements

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Doomed:
    """A row that retention deletes: a run with its tick, or (no ``run_id``) a skip."""

    row: int
    job: str
    job_number: int
    last: int | None  # its fire time in microseconds
    run_id: str | None = None


class SqliteFile:
    """One connection of one thread."""

    def __init__(self, path: Path) -> None:
        self._connection = migrate.connect(path)
        self._sql = statements("sqlite")

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what is done inside, or nothing of it."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # a full disk rolls back by itself
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
            raise

    def load(self) -> dict[str, JobState]:
        """Return every job with its active runs."""
        jobs = {row[1]: rows.job_of(row) for row in self._ask("jobs")}
        for row in self._ask("active_runs"):
            run = rows.active_run_of(row)
            jobs[run.job].active = (*jobs[run.job].active, run)
        return jobs

    def probe(self) -> None:
        """Touch the file."""
        self._ask("probe")

    def rows_over(self, job: JobState, first: datetime, last: datetime) -> list[TickRange]:
        """Return the job's ledger rows that share an instant with ``first`` to ``last``, in
        the order of decision."""
        found = self._ask("rows_over", (job.number, micros(first), micros(last)))
        return [rows.range_of(job.name, row[1:]) for row in sorted(found, key=itemgetter(0))]

    def skips_after(self, job: JobState, instant: datetime) -> list[TickRecord]:
        """Return the job's skips that reach beyond ``instant``, in the order of decision."""
        found = self._ask("skips_after", (job.number, micros(instant)))
        return [rows.tick_of((job.name, *row)) for row in found]

    def ended_token(self, run_id: str) -> int | None:
        """Return the fencing token of a run that has ended, or None."""
        found = self._ask("ended_token", (run_id,))
        return int(found[0][0]) if found else None

    def write(self, draft: Draft) -> None:
        """Write all that a draft changes."""
        self.write_jobs(draft.edited.values())
        begun = ((run, draft.edited[run.job].number) for run in draft.granted)
        self._say("run_begin", (rows.begin_row(run, number) for run, number in begun))
        self._say("run_save", (rows.save_row(run, at) for run, at in draft.saved))
        self.write_ends(draft.finished.values())
        self.write_ticks(draft.edited, (row for kept in draft.ticks.values() for row in kept))
        self.write_cuts(draft.edited, draft.cuts)

    def write_jobs(self, jobs: Iterable[JobState]) -> None:
        """Write jobs as they are, new or known."""
        self._say("job_save", map(rows.job_row, jobs))

    def write_ends(self, records: Iterable[RunRecord]) -> None:
        """Write the ends of runs."""
        self._say("run_end", map(rows.end_row, records))

    def write_ticks(self, jobs: Mapping[str, JobState], records: Iterable[TickRecord]) -> None:
        """Write ledger rows of ``jobs``."""
        self._say("tick_record", (rows.tick_row(r, jobs[r.ticks.job].number) for r in records))

    def write_cuts(
        self,
        jobs: Mapping[str, JobState],
        cuts: Iterable[tuple[TickRecord, TickRecord | None]],
    ) -> None:
        """Write what is left of ledger rows of ``jobs`` in their place."""
        for row, left in cuts:
            whole = rows.tick_key(row.ticks, jobs[row.ticks.job].number)
            if left is None:
                self._say("tick_delete", [whole])
            else:
                end = (micros(left.ticks.last), left.ticks.count)
                self._say("tick_cut", [(*end, *whole)])

    def write_active(self, job: JobState, started: Mapping[str, datetime]) -> None:
        """Write the active runs of a job, whether or not the file knows them."""
        parameters = [
            (*rows.begin_row(run, job.number), micros_or_none(started.get(run.run_id)))
            for run in job.active
        ]
        self._say("run_begin_again", parameters)

    def write_note(self, entry: AuditEntry) -> None:
        """Write who did what, and drop the oldest such entry if there are too many."""
        self._say("audit_note", [rows.audit_row(entry)])
        self._say("audit_trim", [(AUDIT_KEPT,)])

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do something else in one transaction; see :mod:`jobd.store.sqlite_node`."""
        with self.transaction():
            return work(self._connection)

    def delete(self, doomed: Sequence[Doomed]) -> None:
        """Delete rows, and with a run its tick."""
        runs = [row for row in doomed if row.run_id is not None]
        ticks = [(row.job_number, row.last, row.last) for row in runs if row.last is not None]
        self._say("tick_delete", ticks)
        self._say("run_delete", ((row.row,) for row in runs))
        skips = ((row.row, row.last) for row in doomed if row.run_id is None)
        self._say("skip_delete", skips)

    def _say(self, title: str, parameters: Iterable[Row]) -> None:
        self._connection.executemany(self._sql[title], parameters)

    def _ask(self, title: str, parameters: Row = ()) -> list[Row]:
        return self._connection.execute(self._sql[title], parameters).fetchall()
