"""MemoryStore: everything in dictionaries. The reference that other stores are compared with.

Nothing here awaits, so that a simulation can drive it without an event loop.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar

from jobd.core.claim import ActiveRun, ClaimAnswer, ClaimRequest, JobMemory, Pause
from jobd.core.cluster import ClusterView, Holding, Letter, NodeWord, StopAsked, TakeOver
from jobd.core.ledger import Skip, TickRecord
from jobd.core.run import Finish, RunRecord
from jobd.core.schedule import Schedule
from jobd.core.usage import RunUse
from jobd.core.zone import EPOCH
from jobd.ports import AuditEntry, Batch, Enrolment, Happened, RunFilter, Settled, Window
from jobd.store import decide, leases, pools
from jobd.store.board import Board
from jobd.store.claims import claim
from jobd.store.gather import run_cells, skip_cells
from jobd.store.leases import Asker
from jobd.store.remembered import Remembered
from jobd.store.roll import Draft
from jobd.store.sample import usage_of
from jobd.store.shelf import Shelf
from jobd.store.void import void_skips_after

T = TypeVar("T")

TOLD_AGAIN = timedelta(seconds=5)  # what is older may have been committed after that beat


class MemoryStore:
    """Forgets everything when the process ends; see :class:`jobd.ports.SharedStore`.

    With a ``lease_ttl`` its runs have leases, and :meth:`at` is the same store as each node
    sees it. ``clock`` is the store's own: without one, the ``now`` of the callers counts, and
    where a call has none the latest that was told.
    """

    def __init__(
        self, lease_ttl: timedelta | None = None, clock: Callable[[], datetime] | None = None
    ) -> None:
        self._ttl = lease_ttl
        self._clock = clock
        self._node = ""
        self._latest = EPOCH
        self._board = Board()
        self._all = Remembered()

    def at(self, node: str) -> "MemoryStore":
        """Return this store as a node sees it."""
        view = MemoryStore(self._ttl, self._clock)
        view._node, view._board, view._all = node, self._board, self._all
        return view

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
        now = self._now(now)
        return self._change(lambda draft: decide.enrol(draft, enrolments, now, self._node))

    async def orphans(self) -> Sequence[ActiveRun]:
        return decide.orphans(self._all.jobs, self._node)

    async def claim(
        self, requests: Sequence[ClaimRequest], node: str, now: datetime
    ) -> Sequence[ClaimAnswer]:
        asker = Asker(node, self._now(now), self._ttl)
        return self._change(lambda draft: [claim(draft, self._all, r, asker) for r in requests])

    async def skip(self, skips: Sequence[Skip], node: str, now: datetime) -> Sequence[Skip]:
        asker = Asker(node, self._now(now), self._ttl)
        return self._change(
            lambda draft: [decide.skip(draft, self._all, wish, asker) for wish in skips]
        )

    async def void_skips_after(self, now: datetime, schedules: Mapping[str, Schedule]) -> int:
        now = self._now(now)
        return self._change(lambda draft: void_skips_after(draft, self._all, now, schedules))

    async def save_run(self, run: ActiveRun, started_at: datetime | None = None) -> None:
        self._change(lambda draft: decide.save_run(draft, run, started_at))

    async def finish(self, finishes: Sequence[Finish]) -> Sequence[bool]:
        asker = self._asker() if self._is_shared else None
        return self._change(
            lambda draft: [decide.finish(draft, self._all, end, asker) for end in finishes]
        )

    async def save_pause(self, jobs: Sequence[str], pause: Pause | None) -> None:
        self._change(lambda draft: decide.save_pause(draft, jobs, pause))

    async def save_skip_next(self, job: str, skip_next: Pause | None) -> None:
        self._change(lambda draft: decide.save_skip_next(draft, job, skip_next))

    async def note(self, entry: AuditEntry) -> None:
        self._all.note(entry)

    async def audit(self, target: str | None = None, limit: int = 50) -> Sequence[AuditEntry]:
        return self._all.noted(target, limit)

    async def run(self, run_id: str) -> RunRecord | None:
        known = self._all.runs
        if run_id in known:
            return self._all.record(run_id)
        found = [one for one in known if run_id and one.startswith(run_id)]
        return self._all.record(found[0]) if len(found) == 1 else None

    async def runs(self, wanted: RunFilter) -> Sequence[RunRecord]:
        records = (self._all.record(run_id) for run_id in reversed(self._all.runs))
        return list(islice((r for r in records if _matches(r, wanted)), max(wanted.limit, 0)))

    async def ticks(
        self, job: str, *, at: datetime | None = None, limit: int = 20
    ) -> Sequence[TickRecord]:
        rows = self._all.shelves.get(job, Shelf()).newest_first()
        if at is None:
            return rows[: max(limit, 0)]
        holding = [row for row in rows if row.ticks.first <= at <= row.ticks.last]
        return (holding or _neighbours(rows, at))[: max(limit, 0)]

    async def skip_counts(self, since: datetime) -> Mapping[str, Mapping[str, int]]:
        counts: dict[str, dict[str, int]] = {}
        for job, shelf in self._all.shelves.items():
            for row in shelf.newest_first():
                if row.reason is not None and row.decided_at >= since:
                    of_job = counts.setdefault(job, {})
                    of_job[row.reason] = of_job.get(row.reason, 0) + row.ticks.count
        return counts

    async def usage(self, jobs: Sequence[str], most: int) -> Mapping[str, Sequence[RunUse]]:
        ended = self._all.ended_runs()
        taken = ((job, usage_of(ended.get(job, ()), most)) for job in jobs)
        return {job: uses for job, uses in taken if uses}

    async def happened(self, window: Window) -> Happened:
        runs = run_cells(map(self._all.record, self._all.runs), window)
        return Happened(runs, skip_cells(self._all.shelves, window))

    async def prune(self, older_than: datetime, keep_per_job: int) -> Sequence[str]:
        gone = self._all.prune(older_than, keep_per_job)
        self._all.strike(self._board.forget(older_than))
        return gone

    async def settle(self, batch: Batch) -> Settled:
        asker = self._asker(may_take_over=batch.may_take_over and self._is_in_time(batch.not_after))
        ends = asker if self._is_shared else None

        def decide_all(draft: Draft) -> Settled:
            for run in batch.saves:
                decide.save_run(draft, run, None)
            return Settled(
                tuple(decide.finish(draft, self._all, end, ends) for end in batch.finishes),
                tuple(decide.skip(draft, self._all, wish, asker) for wish in batch.skips),
                tuple(claim(draft, self._all, one, asker) for one in batch.claims),
                tuple(draft.lost),
            )

        settled = self._change(decide_all)
        lost = sorted(run.run_id for run in settled.lost)
        return replace(settled, lost=tuple(map(self._all.record, lost)))

    async def renew(self, holdings: Sequence[Holding]) -> Sequence[bool]:
        asker, job_of = self._asker(), self._all.job_of
        return self._change(
            lambda draft: [leases.renew(draft, job_of(h.run_id), h, asker) for h in holdings]
        )

    async def take_over(
        self, wishes: Sequence[TakeOver], not_after: datetime | None = None
    ) -> Sequence[ActiveRun | RunRecord | None]:
        if not self._is_in_time(not_after):
            return [None for _ in wishes]
        asker = self._asker()

        def decide_all(draft: Draft) -> list[ActiveRun | RunRecord | None]:
            leases.believe(draft, self._all.active_jobs(), asker)
            return [leases.take_over(draft, wish, asker) for wish in wishes]

        # What was saved of a run's start is in its history, and not in what was decided.
        return [
            self._all.record(one.run_id) if isinstance(one, RunRecord) else one
            for one in self._change(decide_all)
        ]

    async def ask_stop(self, stops: Sequence[StopAsked]) -> Sequence[ActiveRun | None]:
        return [self._ask_stop(asked) for asked in stops]

    async def beat(self, word: NodeWord, since: datetime | None) -> ClusterView:
        asker = self._asker()
        was_unknown = self._board.see(word, asker.now)
        most = asker.lease_until
        if most is not None and self._all.running().latest > most:
            active = self._all.active_jobs()
            self._change(lambda draft: leases.believe(draft, active, asker))
        running = self._all.running()
        overdue: Sequence[ActiveRun] = ()
        if running.earliest <= asker.now:
            overdue = leases.overdue_runs(running.jobs, asker.now)
        return ClusterView(
            asker.now,
            self._board.seen(asker.now),
            self._all.decided_since(since and since - TOLD_AGAIN),
            self._all.changed_since(since and since - TOLD_AGAIN),
            tuple(overdue),
            self._board.stops_of(running.ids_of(word.node)),
            pools.taken(running.jobs, asker) if overdue else running.slots,
            self._board.letters_to(word.node, asker.now),
            was_unknown,
        )

    async def send(self, letter: Letter) -> None:
        self._board.post(letter, self._now())

    async def answer(self, letter_id: str, body: str) -> None:
        self._board.answer(letter_id, body)

    async def reply(self, letter_id: str) -> str | None:
        return self._board.reply(letter_id)

    def _ask_stop(self, asked: StopAsked) -> ActiveRun | None:
        job = self._all.job_of(asked.run_id)
        if job is None:
            return None
        self._board.stops[asked.run_id] = asked.cause
        return self._all.jobs[job].active_run(asked.run_id)

    @property
    def _is_shared(self) -> bool:
        return self._ttl is not None

    def _is_in_time(self, not_after: datetime | None) -> bool:
        return not_after is None or self._now() <= not_after

    def _asker(self, *, may_take_over: bool = True) -> Asker:
        return Asker(self._node, self._now(), self._ttl, may_take_over)

    def _now(self, told: datetime | None = None) -> datetime:
        if self._clock is not None:
            return self._clock()
        self._latest = told or self._latest
        return self._latest

    def _change(self, operation: Callable[[Draft], T]) -> T:
        return self._all.change(operation, self._now(), is_shared=self._is_shared)


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
