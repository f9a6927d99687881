"""Writer: the one thread that changes the SQLite file, and holds all jobs in mind.

The law: decide on a draft, keep the draft in one transaction, adopt it, then answer. The
lock on the state directory makes this process the only writer, so what is in mind is what
is in the file; while the file cannot be written, the backlog is the difference.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from jobd.core.claim import ActiveRun
from jobd.core.ledger import TickRange, TickRecord
from jobd.errors import StoreUnavailable
from jobd.ports import AuditEntry
from jobd.store import decide, migrate, reserve
from jobd.store.backlog import Backlog
from jobd.store.columns import instant_of
from jobd.store.roll import Draft, JobState
from jobd.store.sqlite_faults import explaining, outage
from jobd.store.sqlite_file import Doomed, SqliteFile

T = TypeVar("T")

# How long a full disk is left alone before the next operation tries it again.
PROBE_INTERVAL = timedelta(seconds=5)


class Writer:
    """Decides and keeps. All of it runs on the writer's thread; only ``trouble`` is read
    from elsewhere."""

    def __init__(self, path: Path, *, migrates: bool = True) -> None:
        self.trouble = ""
        self._path = path
        self._migrates = migrates
        self._reserve = path.with_name(path.name + "-reserve")
        self._file: SqliteFile | None = None
        self._jobs: dict[str, JobState] = {}
        self._backlog: Backlog | None = None
        self._now: datetime | None = None  # the latest instant that a caller told
        self._probed_at: datetime | None = None

    def open(self) -> None:
        """Make the file ready and load what is remembered; ``StateError`` if it cannot be."""
        with migrate.readying(self._path):
            try:
                self._load()
            except sqlite3.Error as error:
                if outage(error) is None or not reserve.give_up(self._reserve):
                    raise
                self._load()
        reserve.keep(self._reserve)

    def close(self) -> None:
        """Write what is owed, if there is room, and let go of the file."""
        if self._file is None:
            return
        with suppress(sqlite3.Error):
            self._pay()
        self._file.close()
        self._file = None

    def ping(self) -> None:
        """Touch the file; if something is owed to it, try to write that."""
        with explaining(self._path):
            self._try_to_pay()
            self._in_file.probe()

    def change(self, operation: Callable[[Draft], T], now: datetime | None = None) -> T:
        """Decide, keep, adopt, answer; what fails before that never happened."""
        self._now = now or self._now
        with explaining(self._path):
            draft = Draft(self._jobs)
            answer = operation(draft)
            if not draft.is_empty:
                self._keep(lambda file: file.write(draft), lambda owed: owed.take(draft))
                self._jobs.update(draft.edited)
        return answer

    def note(self, entry: AuditEntry) -> None:
        """Keep who did what; while nothing can be written it is lost, and counted."""
        with explaining(self._path):
            self._keep(lambda file: file.write_note(entry), Backlog.lose_one)

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do something else with the file, in one transaction, and hold nothing of it in mind."""
        with explaining(self._path):
            return self._in_file.run(work)

    def orphans(self) -> Sequence[ActiveRun]:
        """See :meth:`jobd.ports.Store.orphans`."""
        return decide.orphans(self._jobs)

    def forget(self, doomed: Sequence[Doomed]) -> bool:
        """Delete rows for good; False, and nothing done, while something is owed."""
        if self._backlog is not None:
            return False
        draft = Draft(self._jobs)
        for row in doomed:
            if row.run_id is not None and row.last is not None:
                fire_time = instant_of(row.last)
                draft.edit(row.job).forget(fire_time, fire_time)
        with explaining(self._path), self._in_file.transaction():
            self._in_file.write_jobs(draft.edited.values())
            self._in_file.delete(doomed)
        self._jobs.update(draft.edited)
        return True

    def rows_over(self, job: JobState, first: datetime, last: datetime) -> Sequence[TickRange]:
        """See :class:`jobd.store.history.History`."""
        in_file = self._in_file.rows_over(job, first, last)
        owed = self._backlog
        if owed is None:
            return in_file
        standing = [ticks for ticks in in_file if ticks not in owed.gone]
        return [*standing, *owed.rows_over(job.name, first, last)]

    def skips_after(self, job: JobState, instant: datetime) -> Sequence[TickRecord]:
        """See :class:`jobd.store.history.History`."""
        in_file = self._in_file.skips_after(job, instant)
        owed = self._backlog
        if owed is None:
            return in_file
        standing = [row for row in in_file if row.ticks not in owed.gone]
        return [*standing, *owed.skips_after(job.name, instant)]

    def ended_token(self, run_id: str) -> int | None:
        """See :class:`jobd.store.history.History`."""
        held = None if self._backlog is None else self._backlog.ended_token(run_id)
        return self._in_file.ended_token(run_id) if held is None else held

    def was_given_up(self, run_id: str) -> bool:
        """Nothing is: this store gives no leases that could run out."""
        return False

    @property
    def _in_file(self) -> SqliteFile:
        if self._file is None:
            raise StoreUnavailable(f"{self._path} is not open")
        return self._file

    def _load(self) -> None:
        migrate.prepare(self._path, migrates=self._migrates)
        file = SqliteFile(self._path)
        try:
            self._jobs = file.load()
        except BaseException:
            file.close()
            raise
        self._file = file

    def _keep(self, write: Callable[[SqliteFile], None], owe: Callable[[Backlog], None]) -> None:
        """Write in one transaction, or owe it to a file that cannot be written."""
        if self._backlog is not None and self._is_probe_due():
            self._try_to_pay()
        if self._backlog is None:
            try:
                with self._in_file.transaction():
                    write(self._in_file)
                return
            except sqlite3.Error as error:
                self._backlog = self._begin_backlog(error)
        owe(self._backlog)
        self.trouble = self._backlog.trouble

    def _begin_backlog(self, error: sqlite3.Error) -> Backlog:
        why = outage(error)
        if why is None:
            raise error
        self._probed_at = self._now
        return Backlog(why, self._now)

    def _is_probe_due(self) -> bool:
        """Whether time enough has passed; a clock set back counts as passed."""
        if self._now is None or self._probed_at is None:
            return True
        return not timedelta(0) <= self._now - self._probed_at < PROBE_INTERVAL

    def _try_to_pay(self) -> None:
        try:
            self._pay()
        except sqlite3.Error as error:
            if outage(error) is None:
                raise

    def _pay(self) -> None:
        """Write what is owed, in one transaction; the file is then as good as memory."""
        owed = self._backlog
        if owed is None:
            return
        self._probed_at = self._now
        jobs = [self._jobs[name] for name in owed.jobs]
        with self._in_file.transaction():
            self._in_file.write_jobs(jobs)
            for job in jobs:
                self._in_file.write_active(job, owed.started)
            self._in_file.write_ends(owed.ended.values())
            self._in_file.write_cuts(self._jobs, ((row, None) for row in owed.gone.values()))
            self._in_file.write_ticks(self._jobs, owed.ticks())
            if self._now is not None:
                self._in_file.write_note(owed.report(self._now))
        self._backlog, self.trouble = None, ""
