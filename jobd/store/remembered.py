"""Remembered: what a memory store holds: jobs, ledger, runs and notes, in dictionaries.

Several nodes that share a memory store share one of these.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice, takewhile
from typing import TypeVar

from jobd.core.claim import JobMemory
from jobd.core.ledger import TickRange, TickRecord
from jobd.core.outcome import Outcome
from jobd.core.run import RunRecord, record_of
from jobd.ports import AuditEntry
from jobd.store.leases import lost_words
from jobd.store.roll import Draft, JobState
from jobd.store.shelf import Shelf

T = TypeVar("T")

_LONG_AGO, _NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

AUDIT_KEPT = 10_000  # who did what: the newest so many entries
NEWS_KEPT = 10_000  # ledger rows that a beat may still ask for


@dataclass(frozen=True, slots=True)
class Running:
    """The active runs, as every beat asks for them: gathered once for each change."""

    jobs: Sequence[JobState]
    earliest: datetime  # that a lease ends
    latest: datetime
    slots: Mapping[str, int]  # of pools, while no lease has ended

    @classmethod
    def of(cls, jobs: Sequence[JobState]) -> "Running":
        """Return what runs of these jobs."""
        runs = [run for state in jobs for run in state.active]
        ends = [run.lease_until for run in runs if run.lease_until is not None]
        slots = Counter[str]()
        for run in runs:
            if run.pool is not None:
                slots[run.pool] += run.slots
        return cls(jobs, min(ends, default=_NEVER), max(ends, default=_LONG_AGO), dict(slots))

    def ids_of(self, node: str) -> Iterator[str]:
        """Yield the ids of a node's runs."""
        return (run.run_id for state in self.jobs for run in state.active if run.node == node)


@dataclass(slots=True, eq=False)
class Remembered:
    """Changed by drafts only, each adopted as a whole."""

    jobs: dict[str, JobState] = field(default_factory=dict)
    shelves: dict[str, Shelf] = field(default_factory=dict)
    # In the order of their grants; None while active: the job's state has it then.
    runs: dict[str, RunRecord | None] = field(default_factory=dict)
    active: dict[str, tuple[str, datetime | None]] = field(default_factory=dict)  # job, start
    notes: dict[AuditEntry, None] = field(default_factory=dict)
    news: deque[TickRecord] = field(default_factory=lambda: deque(maxlen=NEWS_KEPT))
    changed_at: dict[str, datetime] = field(default_factory=dict)  # jobs with runs or wishes
    _running: Running | None = None  # None: something has changed since

    def change(self, operation: Callable[[Draft], T], now: datetime, *, is_shared: bool) -> T:
        """Decide on a draft, adopt it, answer."""
        draft = Draft(self.jobs, is_shared=is_shared)
        answer = operation(draft)
        is_new = self.runs.keys().isdisjoint(run.run_id for run in draft.granted)
        assert is_new, "a run id was used twice"
        if is_shared:
            self._tell(draft, now)
        self.jobs.update(draft.edited)
        self._running = None
        self._keep_ticks(draft)
        self._keep_runs(draft)
        for entry in draft.notes:
            self.note(entry)
        return answer

    def note(self, entry: AuditEntry) -> None:
        """Keep who did what."""
        self.notes.setdefault(entry)
        if len(self.notes) > AUDIT_KEPT:
            del self.notes[next(iter(self.notes))]

    def noted(self, target: str | None, limit: int) -> list[AuditEntry]:
        """Return who did what, newest first."""
        entries = (e for e in reversed(self.notes) if target is None or e.target == target)
        return list(islice(entries, max(limit, 0)))

    def job_of(self, run_id: str) -> str | None:
        """Return whose active run it is."""
        known = self.active.get(run_id)
        return None if known is None else known[0]

    def decided_since(self, instant: datetime | None) -> tuple[TickRecord, ...]:
        """Return the ledger rows of the latest past, oldest first; of None none."""
        if instant is None:
            return ()
        latest = takewhile(lambda row: row.decided_at >= instant, reversed(self.news))
        return tuple(latest)[::-1]

    def changed_since(self, instant: datetime | None) -> tuple[JobMemory, ...]:
        """Return the jobs of which a run began or ended, or a wish changed; of None none."""
        if instant is None:
            return ()
        return tuple(
            self.jobs[name].memory() for name, at in self.changed_at.items() if at >= instant
        )

    def running(self) -> Running:
        """Return the active runs."""
        if self._running is None:
            self._running = Running.of(self.active_jobs())
        return self._running

    def active_jobs(self) -> list[JobState]:
        """Return the jobs that have active runs."""
        names = dict.fromkeys(
            job for job, _ in self.active.values()
        )  # in order: nights are replayed
        return [self.jobs[name] for name in names]

    def rows_over(self, job: JobState, first: datetime, last: datetime) -> Sequence[TickRange]:
        """See :class:`jobd.store.history.History`."""
        shelf = self.shelves.get(job.name)
        return () if shelf is None else list(shelf.over(first, last))

    def skips_after(self, job: JobState, instant: datetime) -> Sequence[TickRecord]:
        """See :class:`jobd.store.history.History`."""
        shelf = self.shelves.get(job.name, Shelf())
        rows = (*shelf.singles.values(), *shelf.ranges)
        return [row for row in rows if row.reason is not None and row.ticks.last > instant]

    def ended_token(self, run_id: str) -> int | None:
        """See :class:`jobd.store.history.History`."""
        record = self.runs.get(run_id)
        return None if record is None else record.token

    def was_given_up(self, run_id: str) -> bool:
        """See :class:`jobd.store.history.History`."""
        record = self.runs.get(run_id)
        if record is None or record.outcome is not Outcome.LOST:
            return False
        return record.reason == lost_words(record.node)

    def record(self, run_id: str) -> RunRecord:
        """Return a run, active or ended."""
        record = self.runs[run_id]
        if record is not None:
            return record
        job, started_at = self.active[run_id]
        run = self.jobs[job].active_run(run_id)
        assert run is not None, f"run {run_id} is neither active nor ended"
        return record_of(run, started_at)

    def prune(self, older_than: datetime, keep_per_job: int) -> list[str]:
        """See :meth:`jobd.ports.Store.prune`."""
        doomed: list[str] = []
        for name, ended in self.ended_runs().items():
            state = self.jobs[name]
            for record in _beyond(ended, older_than, keep_per_job):
                if _is_settled(state, record.fire_time):
                    doomed.append(record.run_id)
                    self._forget_start(state, record.fire_time)
        for name, shelf in self.shelves.items():
            skips = _doomed_skips(self.jobs[name], shelf, older_than, keep_per_job)
            shelf.drop(skips)
        for run_id in doomed:
            del self.runs[run_id]
        return doomed

    def strike(self, nodes: Set[str]) -> None:
        """Strike nodes off the roll, and with them the jobs that no other node has."""
        for state in self.jobs.values():
            if state.enrolled_by & nodes:
                state.enrolled_by -= nodes
                state.is_on_roll = bool(state.enrolled_by)

    def _tell(self, draft: Draft, now: datetime) -> None:
        """Mark what the next beats have to tell: ticks decided, and jobs changed by a run's
        begin or end, or by a wish."""
        begun = (*draft.granted, *(run for run, _ in draft.saved))
        changed = {run.job for run in begun} | {end.job for end in draft.finished.values()}
        for name, state in draft.edited.items():
            before = self.jobs.get(name)
            is_wish = before is not None and _wishes(before) != _wishes(state)
            if name in changed or is_wish:
                self.changed_at[name] = now
        if draft.cuts:
            self._take_back(draft.cuts)
        for rows in draft.ticks.values():
            self.news.extend(rows)

    def _take_back(self, cuts: Sequence[tuple[TickRecord, TickRecord | None]]) -> None:
        """Tell no more of what was cut: by the clock that was ahead it would be news for long."""
        left = {id(row): what for row, what in cuts}
        kept = (left.get(id(row), row) for row in self.news)
        self.news = deque((row for row in kept if row is not None), self.news.maxlen)

    def _keep_ticks(self, draft: Draft) -> None:
        for job, rows in draft.ticks.items():
            shelf = self.shelves.setdefault(job, Shelf())
            for row in rows:
                shelf.add(row)
        for row, left in draft.cuts:
            self.shelves[row.ticks.job].cut(row, left)

    def _keep_runs(self, draft: Draft) -> None:
        for run in draft.granted:
            self.runs[run.run_id] = None
            self.active[run.run_id] = (run.job, None)
        for run, started_at in draft.saved:
            if started_at is not None:
                self.active[run.run_id] = (run.job, started_at)
        for record in draft.finished.values():
            _, started_at = self.active.pop(record.run_id)
            if record.started_at is None and started_at is not None:
                record = replace(record, started_at=started_at)
            self.runs[record.run_id] = record

    def ended_runs(self) -> dict[str, list[RunRecord]]:
        """Return the ended runs of each job, newest first."""
        ended: dict[str, list[RunRecord]] = {}
        for record in reversed(self.runs.values()):
            if record is not None:
                ended.setdefault(record.job, []).append(record)
        return ended

    def _forget_start(self, state: JobState, fire_time: datetime | None) -> None:
        if fire_time is not None:
            del self.shelves[state.name].singles[fire_time]
            state.forget(fire_time, fire_time)


def _wishes(state: JobState) -> tuple[object, object]:
    return state.pause, state.skip_next


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
