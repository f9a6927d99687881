"""Roll: what a store holds in mind of each job, and a draft of what one operation changes.

Nothing is changed in place. An operation edits copies in a draft; the draft is kept (in
a database, say) and only then adopted, so that what failed to be kept never happened.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from operator import attrgetter

from jobd.core.claim import ActiveRun, JobMemory, Pause
from jobd.core.ledger import TickRecord
from jobd.core.run import RunRecord
from jobd.ports import AuditEntry
from jobd.store.forgotten import Span, joined


@dataclass(slots=True, eq=False)
class JobState:
    """A job as the store knows it. Never forgotten: its token must grow if it comes back.

    ``decided_until`` is the latest fire time in the ledger: a later tick is new without
    a look. ``forgotten``: spans of ticks that count as decided although the ledger has
    dropped their rows (retention, a full disk), or a clock set back would run them again.
    """

    number: int
    name: str
    schedule: str
    is_on_roll: bool
    settled_until: datetime
    decided_until: datetime | None = None
    forgotten: tuple[Span, ...] = ()
    token: int = 0
    last_started: datetime | None = None
    last_ended: datetime | None = None
    last_outcome: str | None = None
    last_success: datetime | None = None
    last_duration: timedelta | None = None
    smoothed_duration_s: float | None = None
    memory_peak_bytes: int | None = None
    rest_until: datetime | None = None
    pause: Pause | None = None
    skip_next: Pause | None = None
    expected_memory_bytes: int | None = None
    last_skipped: datetime | None = None
    smoothed_lasted_s: float | None = None
    active: tuple[ActiveRun, ...] = ()
    enrolled_by: frozenset[str] = frozenset()  # of several nodes that share the store, which

    def copy(self) -> "JobState":
        """Return a copy to edit; as every hot operation makes one, not by ``copy.copy``."""
        return JobState(*_VALUES(self))

    def memory(self) -> JobMemory:
        """Return what the core is told about the job."""
        return JobMemory(*_REMEMBERED(self))

    def active_run(self, run_id: str) -> ActiveRun | None:
        """Return the job's active run of that id."""
        return next((run for run in self.active if run.run_id == run_id), None)

    def forget(self, first: datetime, last: datetime) -> None:
        """Count the ticks from ``first`` to ``last`` as decided although their rows go."""
        self.forgotten = joined((*self.forgotten, (first, last)))


_VALUES = attrgetter(*(item.name for item in fields(JobState)))
_REMEMBERED = attrgetter("name", *(item.name for item in fields(JobMemory) if item.name != "job"))


@dataclass(slots=True, eq=False)
class Draft:
    """What one operation changes: edited jobs, new ledger rows and those cut short (None: to
    nothing), runs begun, saved and ended, and what is to be noted."""

    jobs: Mapping[str, JobState]  # as they are; never changed through the draft
    edited: dict[str, JobState] = field(default_factory=dict)
    ticks: dict[str, list[TickRecord]] = field(default_factory=dict)
    cuts: list[tuple[TickRecord, TickRecord | None]] = field(default_factory=list)
    granted: list[ActiveRun] = field(default_factory=list)
    saved: list[tuple[ActiveRun, datetime | None]] = field(default_factory=list)
    finished: dict[str, RunRecord] = field(default_factory=dict)
    notes: list[AuditEntry] = field(default_factory=list)
    lost: list[RunRecord] = field(default_factory=list)  # ended by claims
    pools: dict[str, int] | None = None  # slots taken of each, once somebody had to count them
    is_shared: bool = False  # by several nodes: each has a watermark, the highest counts

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes. Ledger rows and runs never change without their job."""
        return not self.edited

    def find(self, name: str) -> JobState | None:
        """Return a job as this draft would leave it; not to be changed."""
        return self.edited.get(name) or self.jobs.get(name)

    def look(self, name: str) -> JobState:
        """Return a job that must have been enrolled at some time; not to be changed."""
        state = self.find(name)
        assert state is not None, f"job {name} was never enrolled"
        return state

    def edit(self, name: str) -> JobState:
        """Return a copy of a job to change."""
        state = self.edited.get(name)
        if state is None:
            state = self.edited[name] = self.look(name).copy()
        return state

    def settle(self, name: str, settled_until: datetime | None) -> None:
        """Take over the core's watermark; None leaves it."""
        known = self.look(name).settled_until
        if settled_until is None or settled_until == known:
            return
        if settled_until > known or not self.is_shared:
            self.edit(name).settled_until = settled_until

    def swap(self, run: ActiveRun, changed: ActiveRun | None) -> JobState:
        """Put a run as it is now in the place of an active one, or take it out."""
        state = self.edit(run.job)
        if changed is None:
            state.active = tuple(one for one in state.active if one is not run)
        else:
            state.active = tuple(changed if one is run else one for one in state.active)
        self.pools = None
        return state

    def record(self, row: TickRecord) -> None:
        """Put a row in the ledger."""
        state = self.edit(row.ticks.job)
        if row.reason is not None:
            state.last_skipped = row.decided_at
        if state.decided_until is None or row.ticks.last > state.decided_until:
            state.decided_until = row.ticks.last
        self.ticks.setdefault(row.ticks.job, []).append(row)
