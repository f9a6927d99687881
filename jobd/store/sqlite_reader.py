"""Reader: answers questions on a connection and a thread of its own, so that however long
an answer takes, no claim waits for it. Sees what was committed when it is asked."""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from jobd.core.ledger import TickRecord
from jobd.core.outcome import Outcome
from jobd.core.run import RunRecord
from jobd.core.usage import RunUse
from jobd.ports import USAGE_SEEN, AuditEntry, Happened, RunFilter, Window
from jobd.ports.window import WINDOW_SEEN, WINDOW_SEEN_OF_JOB
from jobd.store import migrate
from jobd.store import sqlite_rows as rows
from jobd.store.columns import Row, micros, use_of
from jobd.store.sqlite_faults import explaining
from jobd.store.sqlite_file import Doomed
from jobd.store.statements import statements
from jobd.store.window_rows import happened_of

# What retention looks for, in this order: what is beyond the newest so many, then what is old.
_DOOMED_KINDS = ("runs_crowded", "runs_old", "skips_crowded", "skips_old")
_DOOMED_AT_ONCE = 20_000


class Reader:
    """All of it runs on the reader's thread, except :meth:`interrupt`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sql = statements("sqlite")
        self._connection: sqlite3.Connection | None = None

    def open(self) -> None:
        """Connect to a file that the writer has made ready."""
        with migrate.readying(self._path):
            self._connection = migrate.connect(self._path)
            self._connection.execute("PRAGMA query_only = ON")

    def open_as_guest(self) -> None:
        """Connect to a file that may be another process's; see connect_as_guest()."""
        with migrate.readying(self._path):
            self._connection = migrate.connect_as_guest(self._path)

    def interrupt(self) -> None:
        """Break off the question that is being answered, if any; from any thread."""
        if self._connection is not None:
            self._connection.interrupt()

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def run(self, run_id: str) -> RunRecord | None:
        """See :meth:`jobd.ports.Store.run`."""
        if not run_id or not run_id.isascii():  # ids are, so that nothing else can be one
            return None
        exact = self._ask("run_exact", run_id=run_id)
        if not exact:
            ids = self._ask("run_ids_from", prefix=run_id)
            exact = self._ask("run_exact", run_id=ids[0][0]) if len(ids) == 1 else []
        return rows.record_of(exact[0]) if exact else None

    def runs(self, wanted: RunFilter) -> Sequence[RunRecord]:
        """See :meth:`jobd.ports.Store.runs`."""
        found = self._ask(
            _statement(wanted),
            job=wanted.job,
            outcome=wanted.outcome,
            limit=max(wanted.limit, 0),
        )
        return [rows.record_of(row) for row in found]

    def ticks(self, job: str, at: datetime | None, limit: int) -> Sequence[TickRecord]:
        """See :meth:`jobd.ports.Store.ticks`."""
        asked: dict[str, Any] = {"job": job, "limit": max(limit, 0)}
        if at is None:
            found = self._ask("ticks_newest", **asked)
        else:
            asked["at"] = micros(at)
            found = self._ask("ticks_holding", **asked) or [
                *self._ask("tick_after", **asked),
                *self._ask("tick_before", **asked),
            ]
        return [rows.tick_of(row) for row in found[: max(limit, 0)]]

    def skip_counts(self, since: datetime) -> Mapping[str, Mapping[str, int]]:
        """See :meth:`jobd.ports.Store.skip_counts`."""
        counts: dict[str, dict[str, int]] = {}
        for job, reason, count in self._ask("skip_counts", since=micros(since)):
            counts.setdefault(job, {})[reason] = count
        return counts

    def usage(self, jobs: Sequence[str], most: int) -> Mapping[str, Sequence[RunUse]]:
        """See :meth:`jobd.ports.Store.usage`."""
        bounds = {"most": max(most, 0), "seen": USAGE_SEEN}
        found = ((job, self._ask("usage", job=job, **bounds)) for job in jobs)
        return {job: [use_of(row) for row in uses] for job, uses in found if uses}

    def happened(self, window: Window) -> Happened:
        """See :meth:`jobd.ports.Store.happened`."""
        bounds: dict[str, Any] = {
            "start": micros(window.start),
            "end": micros(window.end),
            "cells": window.cells,
        }
        if window.jobs is None:
            runs = self._ask("window_runs", **bounds, seen=WINDOW_SEEN)
            skips = self._ask("window_skips", **bounds, seen=WINDOW_SEEN)
        else:
            each = [{**bounds, "job": job, "seen": WINDOW_SEEN_OF_JOB} for job in window.jobs]
            runs = [row for asked in each for row in self._ask("window_runs_of_job", **asked)]
            skips = [row for asked in each for row in self._ask("window_skips_of_job", **asked)]
        return happened_of(runs, skips)

    def audit(self, target: str | None, limit: int) -> Sequence[AuditEntry]:
        """See :meth:`jobd.ports.Store.audit`."""
        title = "audit_all" if target is None else "audit_of"
        found = self._ask(title, target=target, limit=max(limit, 0))
        return [rows.audit_of(row) for row in found]

    def doomed(self, older_than: datetime, keep_per_job: int) -> Sequence[Doomed]:
        """Return rows for retention to delete; perhaps not all, but some if there are any."""
        bounds = {"older_than": micros(older_than), "keep": max(keep_per_job, 0)}
        for kind in _DOOMED_KINDS:
            found = self._ask(kind, **bounds, limit=_DOOMED_AT_ONCE)
            if found:
                return [Doomed(*row) for row in found]
        return ()

    def _ask(self, title: str, **parameters: Any) -> list[Row]:
        assert self._connection is not None, "a question to a store that is not open"
        with explaining(self._path):
            return self._connection.execute(self._sql[title], parameters).fetchall()


def _statement(wanted: RunFilter) -> str:
    """Return which statement answers; each has an index that it walks newest first."""
    if wanted.outcome == "active":
        return "runs_active"
    if wanted.job is not None:
        return "runs_of_job"
    if wanted.outcome is None:
        return "runs_all"
    return "runs_succeeded" if wanted.outcome == Outcome.SUCCESS else "runs_failed"
