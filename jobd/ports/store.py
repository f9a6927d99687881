"""Store: what remembers jobs, ticks and runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from jobd.core.claim import ActiveRun, ClaimAnswer, ClaimRequest, JobMemory, Pause
from jobd.core.ledger import Skip, TickRecord
from jobd.core.run import Finish, RunRecord
from jobd.core.schedule import Schedule
from jobd.core.usage import RunUse
from jobd.ports.window import Happened, Window

USAGE_SEEN = 5000  # runs of a job that its usage is told from, whatever retention keeps


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A job as the store needs to know it: a changed ``schedule`` starts its ticks anew."""

    job: str
    schedule: str  # the schedule's identity: its text with time zone and DST rules


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs a question is about; None is any. Newest first, at most ``limit``."""

    job: str | None = None
    outcome: str | None = None  # an Outcome's value, or "active"
    limit: int = 50


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what, when, through the control socket."""

    at: datetime
    by: str  # "uid 1000 (anna)"
    action: str  # "pause", "trigger", …
    target: str  # job, run, or "" for the node
    detail: str = ""


class Questions(Protocol):
    """What can be asked about the past. ``StoreUnavailable`` when nobody can answer."""

    async def run(self, run_id: str) -> RunRecord | None:
        """Return a run by its id or by a prefix of it that only one run has."""
        ...

    async def runs(self, wanted: RunFilter) -> Sequence[RunRecord]:
        """Return runs, newest first, active ones included."""
        ...

    async def ticks(
        self, job: str, *, at: datetime | None = None, limit: int = 20
    ) -> Sequence[TickRecord]:
        """Return ledger rows of a job, newest first; with ``at``: those whose range holds it,
        or else the nearest row on either side."""
        ...

    async def skip_counts(self, since: datetime) -> Mapping[str, Mapping[str, int]]:
        """Return job → reason → ticks skipped since then."""
        ...

    async def usage(self, jobs: Sequence[str], most: int) -> Mapping[str, Sequence[RunUse]]:
        """Return job → what its ended runs took, in the order of their grants.

        Of each job's newest ``USAGE_SEEN`` ended runs; of more than ``most`` an even sample of
        about so many: those whose place, counted back from the newest, times the golden ratio
        has a small enough fraction. Such places keep nearly equal distances and yet are in
        step with no cycle: every fifth run of an hourly peak could be all of it or nothing.
        Then only those that say how much the work takes (:data:`jobd.core.usage.TELLING`) and
        how long that was. A job without any is left out.
        """
        ...

    async def happened(self, window: Window) -> Happened:
        """Return what ran and what was skipped in a window, gathered by its cells.

        A run is in it that was active at any moment of it, a skip whose ticks, or whose
        decision, were. Bounded by ``WINDOW_SEEN`` and ``WINDOW_SEEN_OF_JOB``: of more, the
        newest. What is told of the same lane, cell and outcome may come in parts.
        """
        ...

    async def audit(self, target: str | None = None, limit: int = 50) -> Sequence[AuditEntry]:
        """Return who did what, newest first."""
        ...


class Store(Questions, Protocol):
    """Remembers jobs, ticks and runs, and grants the right to run. Thread-free: one asyncio loop.

    Operations take effect in the order in which they were called. Every write is durable
    before its call returns. ``StoreUnavailable`` says that the world failed and that the
    operation may or may not have happened; repeating any write with the same arguments is
    harmless. ``now`` is passed by the caller where a store of one node has no better clock.
    """

    @property
    def trouble(self) -> str:
        """Why history is not being kept right now, in words; "" when all is well."""
        ...

    async def open(self) -> None:
        """Make ready: take the lock, upgrade the tables. ``StateError`` when that cannot be."""
        ...

    async def close(self) -> None:
        """Release everything; safe to call twice."""
        ...

    async def ping(self) -> None:
        """Return when the store answers; ``StoreUnavailable`` otherwise."""
        ...

    async def enrol(
        self, enrolments: Sequence[Enrolment], now: datetime
    ) -> Mapping[str, JobMemory]:
        """Return what is remembered of each job, and drop the rest from the roll.

        A job that is new, was not on the roll last time, or whose schedule text changed has
        ``settled_until`` = now: the past of a schedule that was not in force is not owed.
        Active runs of jobs that left the roll stay active until finished; ``orphans``
        returns them.
        """
        ...

    async def orphans(self) -> Sequence[ActiveRun]:
        """Return the active runs of jobs that are not on the roll."""
        ...

    async def claim(
        self, requests: Sequence[ClaimRequest], node: str, now: datetime
    ) -> Sequence[ClaimAnswer]:
        """Decide each request in order, in one transaction; answers match requests by position.

        - Tick already in the ledger → ``ClaimDenied(reason=None, settled=True)``; except if it
          was started by this very ``run_id`` and that run is active: granted again, same token.
        - An operator's pause or skip-next is meant for the tick → the ledger gets the skip.
        - :func:`jobd.core.overlap.obstacle` finds one: if the demand's overlap policy makes that
          a skip (:func:`jobd.core.overlap.fate`) and it is a tick, the ledger gets the skip and
          the answer is ``settled``; manual requests are never settled and leave no row.
        - The demand's pool has not enough slots left → ``ClaimDenied(POOL, settled=False)``.
        - Else: ledger row "started" (for ticks), run row, the job's next token, the run is active.
        """
        ...

    async def skip(self, skips: Sequence[Skip], node: str, now: datetime) -> Sequence[Skip]:
        """Put skips in the ledger; return them with the counts that were newly settled.

        Ticks inside a range that the ledger already has are not settled again: the count
        returned leaves them out, and a skip with nothing new left comes back with count 0.
        """
        ...

    async def void_skips_after(self, now: datetime, schedules: Mapping[str, Schedule]) -> int:
        """Open again what was skipped while the clock was ahead; return how many ticks.

        ``now`` is by the clock that has been set right. Skipped ticks later than that are
        not decided any more: their rows go, and a range that reaches beyond ``now`` ends at
        its last tick before, by its job's schedule. Started ticks stay decided. No job's
        ``settled_until`` lies after ``now`` then, and no rest holds that counts from a run
        which ended after ``now``.
        """
        ...

    async def save_run(self, run: ActiveRun, started_at: datetime | None = None) -> None:
        """Remember an active run's attempt, ``retry_at``, node and, if given, its start. The
        node is another one only where a lone node has been given another name."""
        ...

    async def finish(self, finishes: Sequence[Finish]) -> Sequence[bool]:
        """End runs: history row, job memory, no longer active. Position by position True, or
        False when the token was stale (the run is not active under that token): then nothing
        changed, except that finishing the same run twice is True both times."""
        ...

    async def save_pause(self, jobs: Sequence[str], pause: Pause | None) -> None:
        """Remember or (None) end a pause of jobs, in one transaction."""
        ...

    async def save_skip_next(self, job: str, skip_next: Pause | None) -> None:
        """Remember or (None) forget that the job's next tick is to be skipped."""
        ...

    async def note(self, entry: AuditEntry) -> None:
        """Keep who did what."""
        ...

    async def prune(self, older_than: datetime, keep_per_job: int) -> Sequence[str]:
        """Delete ended runs and ledger rows beyond either bound, in batches; return run ids.

        A shared store also forgets the nodes that it has not seen since ``older_than``: they
        leave the roll, and so do jobs that none of the others has.
        """
        ...
