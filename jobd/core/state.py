"""What the scheduler holds in mind: a track per job, the room, the timers, what it will ask for.

Only the modules of the core change it, each for its own part.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from jobd.core.admission import NOTHING, Need, Room
from jobd.core.claim import ActiveRun, ClaimRequest, JobMemory, Pause
from jobd.core.effects import Claim, Effect, RecordSkips
from jobd.core.job import Job, Pool, Scope
from jobd.core.ledger import Skip, SkipReason, TickRange
from jobd.core.line import Line
from jobd.core.neighbours import Neighbours
from jobd.core.run import RunState
from jobd.core.said import Said
from jobd.core.spread import Spread
from jobd.core.timers import Timers
from jobd.core.zone import EPOCH

MICROSECOND = timedelta(microseconds=1)
NO_TIME = timedelta(0)
NEVER = datetime.max.replace(tzinfo=UTC)
MAX_START_DEADLINE = timedelta(minutes=5)


@dataclass(slots=True, eq=False)
class RunTrack:
    """An active run, with the definition that it started with."""

    run: ActiveRun
    job: Job
    state: RunState
    started_at: datetime | None = None
    is_sent: bool = True  # False: granted while no supervisor was there to execute it
    is_canceled: bool = False  # no further attempt, whatever the retries say
    is_leased: bool = False  # its lease runs out unless it is renewed
    is_trusted: bool = False  # the last renewal was answered, and the supervisor did not end it
    until_s: float | None = None  # trusted until, on the steady clock
    need: Need = NOTHING  # what is reserved for it while it has a process
    said: Said | None = None  # by the attempt that runs


@dataclass(slots=True, eq=False)
class Candidate:
    """A tick, a manual wish or a retry that wants to start."""

    job: Job
    request: ClaimRequest
    due: datetime  # jitter included; age counts from here
    deadline: datetime | None = None  # not started by then: skipped
    need: Need = NOTHING  # what its run takes of the node; known once it asks for room
    ages_at: datetime = NEVER  # see jobd.core.line
    held_by: SkipReason | None = None  # None: it stands in no line, and has no timer
    held_since: datetime = EPOCH
    held_before: Mapping[SkipReason, timedelta] | None = None  # for how long by each reason
    blocker: str | None = None  # the run in its way
    request_id: str | None = None  # the operator who waits for an answer
    may_queue: bool = False  # an operator said --queue
    retry_of: RunTrack | None = None  # has its lease already
    is_canceled: bool = False  # by an operator, while its claim was under way
    is_skip_refused: bool = False  # by the ledger: the tick had been granted
    is_skip_void: bool = False  # asked for before the clock was set back behind it

    @property
    def key(self) -> str:
        """Identify it among all candidates: the id of the run that it wants to be."""
        return self.request.run_id

    @property
    def priority(self) -> int:
        """Return the job's priority; higher starts first."""
        return self.job.priority

    def hold(self, reason: SkipReason | None, now: datetime) -> None:
        """Note what holds it from now on; None: nothing does."""
        if reason is not self.held_by:
            self.held_before = self._held(now)
            self.held_by, self.held_since = reason, now

    def held_longest_by(self, now: datetime) -> SkipReason | None:
        """Return what has held it longest, if anything has."""
        held = self._held(now)
        return max(held, key=held.__getitem__) if held else None

    def _held(self, now: datetime) -> Mapping[SkipReason, timedelta]:
        """Return for how long it was held by each reason."""
        before = self.held_before or {}
        if self.held_by is None:
            return before
        so_far = before.get(self.held_by, NO_TIME)
        return {**before, self.held_by: so_far + max(now - self.held_since, NO_TIME)}

    @property
    def may_be_turned_away(self) -> bool:
        """A retry has its lease already, and a wish that was accepted is a promise."""
        is_tick = self.request.fire_time is not None
        return self.retry_of is None and (is_tick or self.request_id is not None)


@dataclass(slots=True, eq=False)
class JobTrack:
    """Where one job stands."""

    job: Job
    memory: JobMemory
    cursor: datetime  # every fire time up to it has been looked at
    next_fire: datetime | None = None
    next_due: datetime | None = None
    runs: dict[str, RunTrack] = field(default_factory=dict)
    elsewhere: tuple[ActiveRun, ...] = ()  # of other nodes, as the last view had them
    open: dict[str, Candidate] = field(default_factory=dict)  # looked at, not decided
    queued: Candidate | None = None  # waits for the prior run's end
    backlog: list[TickRange] = field(default_factory=list)  # to catch up on, oldest first
    counts_from: datetime | None = None  # the end, or skip, that an `after` counts from
    is_count_open: bool = False  # what to count from is decided; only the store knows the instant
    wished_at: datetime = EPOCH  # when an operator here last changed a pause or skip-next
    maybe_decided_until: datetime = EPOCH  # before it, only the store knows what is decided
    ended_run: str = ""  # the run of the job that ended last here
    is_foreign: bool = False  # each node runs its own, and this one is not to
    is_removed: bool = False  # left the configuration; its runs go on to their end

    def remember(self, **changes: Any) -> None:
        """Bring the job's memory up to date."""
        self.memory = replace(self.memory, **changes)

    def active(self) -> tuple[ActiveRun, ...]:
        """Return the runs that this node knows to hold the job's lease, oldest first."""
        return tuple([track.run for track in self.runs.values()]) if self.runs else ()

    def count_from(self, instant: datetime) -> None:
        """Let the next tick of an `after` follow this end, or skip."""
        self.counts_from, self.is_count_open = instant, False

    def pause(self, now: datetime) -> Pause | None:
        """Return the pause in force, if any."""
        pause = self.memory.pause
        if pause is None or (pause.until is not None and pause.until <= now):
            return None
        return pause

    def settled_until(self, but_for: Candidate | None = None) -> datetime:
        """Return the instant up to which every tick is decided, once ``but_for`` is.

        A tick that still waits holds it back: after a crash it is looked at again, and the
        store refuses those that had been decided after all.
        """
        if not self.backlog and len(self.open) <= (but_for is not None):
            return self.cursor
        waiting = (c.request.fire_time for c in self.open.values() if c is not but_for)
        undecided = [fire_time for fire_time in waiting if fire_time is not None]
        undecided += [owed.first for owed in self.backlog]
        # The clock may have been set back behind a tick that is being claimed.
        return min((self.cursor, *(tick - MICROSECOND for tick in undecided)))


def start_deadline(job: Job, near: datetime) -> timedelta:
    """Return within what time after its due time a tick of the job must start."""
    if job.start_deadline is not None:
        return job.start_deadline
    if job.schedule is None:
        return MAX_START_DEADLINE
    return min(job.schedule.interval(near), MAX_START_DEADLINE)


@dataclass(slots=True)
class SchedulerState:
    """All that a scheduler knows, and the effects gathered while it handles one event."""

    node: str
    incarnation: str  # differs for every start of the daemon, so that run ids never repeat
    room: Room
    waiting: Line[Candidate]
    tracks: dict[str, JobTrack] = field(default_factory=dict)
    runs: dict[str, RunTrack] = field(default_factory=dict)
    claiming: dict[str, Candidate] = field(default_factory=dict)
    store_down: dict[str, Candidate] = field(default_factory=dict)  # claims to repeat
    queued: dict[str, Candidate] = field(default_factory=dict)  # wait for their job's prior run
    doubtful: dict[tuple[str, datetime], Candidate] = field(default_factory=dict)  # see silence
    labels: tuple[str, ...] = ()  # of this node
    neighbours: Neighbours | None = None  # None: this node shares its store with nobody
    turns: dict[str, Candidate] = field(default_factory=dict)  # wait for this node's turn
    asking: dict[str, Candidate] = field(default_factory=dict)  # their turn has come; see turns
    pools: Mapping[str, Pool] = field(default_factory=dict)  # all that are configured
    wait_for_pool: dict[str, Candidate] = field(default_factory=dict)
    unreached: Mapping[str, Job] = field(default_factory=dict)  # see Configured
    drain: Pause | None = None  # this node starts nothing new
    spread: Spread = field(default_factory=Spread)  # jobs that are to catch up
    timers: Timers = field(default_factory=Timers)
    touched: list[JobTrack] = field(default_factory=list)  # a run or tick of theirs was settled
    is_recovered: bool = False  # the supervisor has told once what it holds
    is_stopping: bool = False
    is_grace_over: bool = False  # what is granted now must not run any more
    now: datetime = EPOCH  # of the event that is being handled
    _run_ids: blake2b = field(init=False, repr=False)  # fed with what all of them begin with
    _out: list[Effect] = field(default_factory=list)
    _skips: list[tuple[JobTrack, Skip]] = field(default_factory=list)
    _claims: list[tuple[JobTrack, Candidate]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._run_ids = blake2b(f"{self.node} {self.incarnation} ".encode(), digest_size=8)

    def is_shared(self, job: Job) -> bool:
        """Whether one of several nodes runs the job's ticks, and the shared store decides them."""
        return self.neighbours is not None and job.scope is Scope.CLUSTER

    def is_elsewhere(self, job: Job, run: ActiveRun) -> bool:
        """Whether another node holds this active run of the job. A node's own store knows runs
        of that node alone, also under a name that it had before."""
        return self.is_shared(job) and run.node != self.node

    def is_starting(self, run: ActiveRun) -> bool:
        """Whether this attempt is still to be executed. While its start was on its way the
        supervisor may have died, and the run be told as lost: another must not execute it."""
        track = self.runs.get(run.run_id)
        if track is None or track.run.attempt != run.attempt:
            return False
        return track.state is RunState.STARTING

    def run_id(self, job: str, fire_time: datetime) -> str:
        """Return the id of the run that a tick becomes here: 16 hex digits, unique."""
        digest = self._run_ids.copy()
        digest.update(f"{job}@{_stamp(fire_time)}".encode())
        return digest.hexdigest()

    def emit(self, effect: Effect) -> None:
        """Ask for something."""
        self._out.append(effect)

    def skip(
        self,
        track: JobTrack,
        ticks: TickRange,
        reason: SkipReason,
        detail: str = "",
        blocker: str | None = None,
    ) -> None:
        """Settle ticks without a run."""
        schedule = track.job.schedule if ticks.count > 1 else None
        self._skips.append((track, Skip(ticks, reason, detail, blocker, schedule=schedule)))

    def claim(self, track: JobTrack, candidate: Candidate) -> None:
        """Ask for the right to run; all of one event's requests go in one batch."""
        self._claims.append((track, candidate))

    def is_asked_for(self, candidate: Candidate) -> bool:
        """Whether the store may have granted it already: then only its answer counts."""
        is_doubtful = candidate in self.doubtful.values()
        return is_doubtful or candidate.key in self.claiming or candidate.key in self.store_down

    def take_effects(self) -> list[Effect]:
        """Return what was gathered: ends before skips before claims, so that a claim which
        follows a run's end finds the lease free.

        Up to where a job's ticks are settled is looked up now, not as each skip was made:
        only now is everything known that the same event left waiting.
        """
        effects, self._out = self._out, []
        if self._skips:
            skips, self._skips = self._skips, []
            told = (replace(skip, settled_until=t.settled_until()) for t, skip in skips)
            effects.append(RecordSkips(tuple(told)))
        if self._claims:
            claims, self._claims = self._claims, []
            asked = [_settling(c.request, t.settled_until(c)) for t, c in claims]
            effects.append(Claim(tuple(asked)))
        return effects


@lru_cache(maxsize=64)
def _stamp(fire_time: datetime) -> str:
    """Return an instant in words; kept, as a herd's jobs have it in common."""
    return f"{fire_time.timestamp():.6f}"


def _settling(request: ClaimRequest, until: datetime) -> ClaimRequest:
    is_right = request.settled_until == until
    return request if is_right else replace(request, settled_until=until)
