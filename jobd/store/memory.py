"""MemoryStore: everything in dictionaries. The reference that other stores are compared with.

Nothing here awaits, so that a simulation can drive it without an event loop.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import TypeVar

from jobd.core.claim import ActiveRun, ClaimAnswer, ClaimRequest, JobMemory, Pause
from jobd.core.ledger import Skip, TickRange, TickRecord
from jobd.core.run import Finish, RunRecord
from jobd.core.schedule import Schedule
from jobd.ports import AuditEntry, Enrolment, RunFilter
from jobd.store import decide
from jobd.store.roll import Draft, JobState
from jobd.store.void import void_skips_after

T = TypeVar("T")

AUDIT_KEPT = 10_000  # who did what: the newest so many entries


@dataclass(slots=True, eq=False)
class Shelf:
    """One job's part of the ledger: single ticks by fire time, and ranges of several."""

    singles: dict[datetime, TickRecord] = field(default_factory=dict)
    ranges: list[TickRecord] = field(default_factory=list)

    def add(self, row: TickRecord) -> None:
        """Put a row on the shelf."""
        if row.ticks.first == row.ticks.last:
            self.singles[row.ticks.first] = row
        else:
            self.ranges.append(row)

    def over(self, first: datetime, last: datetime) -> Iterator[TickRange]:
        """Yield the rows that share an instant with ``first`` to ``last``."""
        if first != last:
            yield from (r.ticks for at, r in self.singles.items() if first <= at <= last)
        elif first in self.singles:
            yield self.singles[first].ticks
        yield from (r.ticks for r in self.ranges if r.ticks.last >= first and r.ticks.first <= last)

    def cut(self, row: TickRecord, left: TickRecord | None) -> None:
        """Put what is left of a row in its place."""
        if left is not None and left.ticks.first != left.ticks.last:
            self.ranges[self.ranges.index(row)] = left
            return
        self.drop([row])
        if left is not None:
            self.add(left)

    def newest_first(self) -> list[TickRecord]:
        """Return all rows, the latest fire time first."""
        rows = [*self.singles.values(), *self.ranges]
        return sorted(rows, key=lambda row: (row.ticks.last, row.ticks.first), reverse=True)

    def drop(self, doomed: Iterable[TickRecord]) -> None:
        """Take rows off the shelf."""
        for row in doomed:
            if row.ticks.first == row.ticks.last:
                self.singles.pop(row.ticks.first, None)
            else:
                self.ranges.remove(row)


class MemoryStore:
    """Forgets everything when the process ends; see :class:`jobd.ports.Store`."""

    def __init__(self) -> None:
        self._jobs: dict[str, JobState] = {}
        self._shelves: dict[str, Shelf] = {}
        # In the order of their grants; None while active: the job's state has it then.
        self._runs: dict[str, RunRecord | None] = {}
        self._active: dict[str, tuple[str, datetime | None]] = {}  # run -> job, start
        self._audit: dict[AuditEntry, None] = {}

    @property
    def trouble(self) -> str:
        """Nothing: there is no disk that could be full."""
        return ""

    async def open(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing; what is remembered stays, as a file would."""

    async def ping(self) -> None:
        """Return at once."""

    async def enrol(
        self, enrolments: Sequence[Enrolment], now: datetime
    ) -> Mapping[str, JobMemory]:
        return self._change(lambda draft: decide.enrol(draft, enrolments, now))

    async def orphans(self) -> Sequence[ActiveRun]:
        return decide.orphans(self._jobs)

    async def claim(
        self, requests: Sequence[ClaimRequest], node: str, now: datetime
    ) -> Sequence[ClaimAnswer]:
        return self._change(
            lambda draft: [decide.claim(draft, self, request, node, now) for request in requests]
        )

    async def skip(self, skips: Sequence[Skip], node: str, now: datetime) -> Sequence[Skip]:
        return self._change(
            lambda draft: [decide.skip(draft, self, wish, node, now) for wish in skips]
        )

    async def void_skips_after(self, now: datetime, schedules: Mapping[str, Schedule]) -> int:
        return self._change(lambda draft: void_skips_after(draft, self, now, schedules))

    async def save_run(self, run: ActiveRun, started_at: datetime | None = None) -> None:
        self._change(lambda draft: decide.save_run(draft, run, started_at))

    async def finish(self, finishes: Sequence[Finish]) -> Sequence[bool]:
        return self._change(lambda draft: [decide.finish(draft, self, end) for end in finishes])

    async def save_pause(self, jobs: Sequence[str], pause: Pause | None) -> None:
        self._change(lambda draft: decide.save_pause(draft, jobs, pause))

    async def save_skip_next(self, job: str, skip_next: Pause | None) -> None:
        self._change(lambda draft: decide.save_skip_next(draft, job, skip_next))

    async def note(self, entry: AuditEntry) -> None:
        self._audit.setdefault(entry)
        if len(self._audit) > AUDIT_KEPT:
            del self._audit[next(iter(self._audit))]

    async def audit(self, target: str | None = None, limit: int = 50) -> Sequence[AuditEntry]:
        entries = (e for e in reversed(self._audit) if target is None or e.target == target)
        return list(islice(entries, max(limit, 0)))

    async def run(self, run_id: str) -> RunRecord | None:
        if run_id in self._runs:
            return self._record(run_id)
        found = [known for known in self._runs if run_id and known.startswith(run_id)]
        return self._record(found[0]) if len(found) == 1 else None

    async def runs(self, wanted: RunFilter) -> Sequence[RunRecord]:
        records = (self._record(run_id) for run_id in reversed(self._runs))
        return list(islice((r for r in records if _matches(r, wanted)), max(wanted.limit, 0)))

    async def ticks(
        self, job: str, *, at: datetime | None = None, limit: int = 20
    ) -> Sequence[TickRecord]:
        rows = self._shelves.get(job, Shelf()).newest_first()
        if at is None:
            return rows[: max(limit, 0)]
        holding = [row for row in rows if row.ticks.first <= at <= row.ticks.last]
        return (holding or _neighbours(rows, at))[: max(limit, 0)]

    async def skip_counts(self, since: datetime) -> Mapping[str, Mapping[str, int]]:
        counts: dict[str, dict[str, int]] = {}
        for job, shelf in self._shelves.items():
            for row in shelf.newest_first():
                if row.reason is not None and row.decided_at >= since:
                    of_job = counts.setdefault(job, {})
                    of_job[row.reason] = of_job.get(row.reason, 0) + row.ticks.count
        return counts

    async def prune(self, older_than: datetime, keep_per_job: int) -> Sequence[str]:
        doomed: list[str] = []
        for name, ended in self._ended_runs().items():
            state = self._jobs[name]
            for record in _beyond(ended, older_than, keep_per_job):
                if _is_settled(state, record.fire_time):
                    doomed.append(record.run_id)
                    self._forget_start(state, record.fire_time)
        for name, shelf in self._shelves.items():
            skips = _doomed_skips(self._jobs[name], shelf, older_than, keep_per_job)
            shelf.drop(skips)
        for run_id in doomed:
            del self._runs[run_id]
        return doomed

    def rows_over(self, job: JobState, first: datetime, last: datetime) -> Sequence[TickRange]:
        """See :class:`jobd.store.decide.History`."""
        shelf = self._shelves.get(job.name)
        return () if shelf is None else list(shelf.over(first, last))

    def skips_after(self, job: JobState, instant: datetime) -> Sequence[TickRecord]:
        """See :class:`jobd.store.decide.History`."""
        shelf = self._shelves.get(job.name, Shelf())
        rows = (*shelf.singles.values(), *shelf.ranges)
        return [row for row in rows if row.reason is not None and row.ticks.last > instant]

    def ended_token(self, run_id: str) -> int | None:
        """See :class:`jobd.store.decide.History`."""
        record = self._runs.get(run_id)
        return None if record is None else record.token

    def _change(self, operation: Callable[[Draft], T]) -> T:
        draft = Draft(self._jobs)
        answer = operation(draft)
        is_new = self._runs.keys().isdisjoint(run.run_id for run in draft.granted)
        assert is_new, "a run id was used twice"
        self._jobs.update(draft.edited)
        for job, rows in draft.ticks.items():
            shelf = self._shelves.setdefault(job, Shelf())
            for row in rows:
                shelf.add(row)
        for row, left in draft.cuts:
            self._shelves[row.ticks.job].cut(row, left)
        self._keep_runs(draft)
        return answer

    def _keep_runs(self, draft: Draft) -> None:
        for run in draft.granted:
            self._runs[run.run_id] = None
            self._active[run.run_id] = (run.job, None)
        for run, started_at in draft.saved:
            if started_at is not None:
                self._active[run.run_id] = (run.job, started_at)
        for record in draft.finished.values():
            _, started_at = self._active.pop(record.run_id)
            if record.started_at is None and started_at is not None:
                record = replace(record, started_at=started_at)
            self._runs[record.run_id] = record

    def _record(self, run_id: str) -> RunRecord:
        record = self._runs[run_id]
        if record is not None:
            return record
        job, started_at = self._active[run_id]
        run = self._jobs[job].active_run(run_id)
        assert run is not None, f"run {run_id} is neither active nor ended"
        return _open_record(run, started_at)

    def _ended_runs(self) -> dict[str, list[RunRecord]]:
        """Return the ended runs of each job, newest first."""
        ended: dict[str, list[RunRecord]] = {}
        for record in reversed(self._runs.values()):
            if record is not None:
                ended.setdefault(record.job, []).append(record)
        return ended

    def _forget_start(self, state: JobState, fire_time: datetime | None) -> None:
        if fire_time is not None:
            del self._shelves[state.name].singles[fire_time]
            state.forget(fire_time, fire_time)


def _beyond(ended: list[RunRecord], older_than: datetime, keep: int) -> Iterator[RunRecord]:
    for place, record in enumerate(ended):
        if place >= keep or (record.ended_at is not None and record.ended_at < older_than):
            yield record


def _doomed_skips(
    state: JobState, shelf: Shelf, older_than: datetime, keep: int
) -> list[TickRecord]:
    skips = [row for row in shelf.newest_first() if row.reason is not None]
    return [
        row
        for place, row in enumerate(skips)
        if (place >= keep or row.decided_at < older_than) and _is_settled(state, row.ticks.last)
    ]


def _is_settled(state: JobState, fire_time: datetime | None) -> bool:
    """Whether nothing up to that tick is still open, so that its row may be forgotten."""
    return fire_time is None or not state.is_on_roll or fire_time <= state.settled_until


def _neighbours(rows: list[TickRecord], at: datetime) -> list[TickRecord]:
    """Return the nearest row after and the nearest before ``at``, of rows newest first."""
    after = [row for row in rows if row.ticks.first > at]
    nearest = sorted(after, key=lambda row: (row.ticks.first, row.ticks.last))[:1]
    return nearest + [row for row in rows if row.ticks.last < at][:1]


def _matches(record: RunRecord, wanted: RunFilter) -> bool:
    if wanted.job is not None and record.job != wanted.job:
        return False
    outcome = "active" if record.ended_at is None else record.outcome
    return wanted.outcome is None or wanted.outcome == outcome


def _open_record(run: ActiveRun, started_at: datetime | None) -> RunRecord:
    return RunRecord(
        run_id=run.run_id,
        job=run.job,
        node=run.node,
        token=run.token,
        trigger=run.trigger,
        fire_time=run.fire_time,
        claimed_at=run.claimed_at,
        requested_by=run.requested_by,
        attempt=run.attempt,
        started_at=started_at,
        params=run.params,
    )
