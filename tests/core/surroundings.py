"""Surroundings: what a scheduler has around it, in memory: a store's lane, processes, operators."""

from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from jobd.core.claim import ActiveRun, ClaimAnswer, Pause
from jobd.core.effects import (
    Accepted,
    CallHooks,
    Claim,
    Effect,
    FinishRun,
    RecordSkips,
    Refused,
    Reply,
    SaveDrain,
    SavePause,
    SaveRun,
    SaveSkipNext,
    StartRun,
    StopRun,
    VoidSkips,
)
from jobd.core.events import ClaimsDecided, ClaimsFailed, Event, RunStarted, SkipsRecorded
from jobd.core.job import Job
from jobd.core.outcome import Exit, StopCause
from jobd.core.scheduler import Scheduler
from jobd.store.memory import MemoryStore

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
T = TypeVar("T")


def run_now(operation: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits."""
    try:
        operation.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("the memory store must not wait")


@dataclass
class Asked:
    """What an operator asked for; ``reply`` is None until there is one."""

    request_id: str
    run_id: str = ""
    replies: list[Reply] = field(default_factory=list)

    @property
    def reply(self) -> Reply | None:
        assert len(self.replies) <= 1, f"answered more than once: {self.replies}"
        return self.replies[0] if self.replies else None

    @property
    def is_accepted(self) -> bool:
        return isinstance(self.reply, Accepted)

    @property
    def code(self) -> str:
        """Return why it was refused, "" if it was not."""
        return self.reply.code if isinstance(self.reply, Refused) else ""

    @property
    def message(self) -> str:
        return self.reply.message if self.reply is not None else ""


@dataclass
class Process:
    """What the supervisor holds of one run: its latest attempt."""

    run: ActiveRun
    job: Job
    started_at: datetime
    cause: StopCause | None = None
    exit: Exit | None = None
    ended_at: datetime | None = None


class Surroundings:
    """Performs what one scheduler asks for, and tells it what came of that."""

    def __init__(self, node: str = "node", store: MemoryStore | None = None) -> None:
        self.now = NOON
        self.node_name = node
        self.scheduler = Scheduler(node, "i0")
        self.store = store or MemoryStore()
        self.processes: dict[str, Process] = {}
        self.starts: list[str] = []
        self.stops: list[str] = []
        self.effects: list[Effect] = []
        self.store_is_held = False  # effects wait in the lane until let_store_work()
        self.store_is_down = False
        self.loses_answers = (
            False  # what is claimed while the store is down is granted all the same
        )
        self.starts_are_confirmed = True
        self.drain: Pause | None = None  # as it would be kept for the next daemon
        self._lane: deque[Effect] = deque()
        self._events: deque[Event] = deque()
        self._is_busy = False
        self._asked: dict[str, Asked] = {}

    def handle(self, event: Event) -> None:
        """Let the scheduler decide an event, and all that follows from it at this instant."""
        self._events.append(event)
        self._settle()

    def _settle(self) -> None:
        if self._is_busy:
            return
        self._is_busy = True
        try:
            while self._events or self._may_work():
                if self._events:
                    self._decide(self._events.popleft())
                else:
                    self._perform(self._lane.popleft())
        finally:
            self._is_busy = False

    def _decide(self, event: Event) -> None:
        effects = self.scheduler.handle(event, self.now)
        self.effects += effects
        for effect in effects:
            self._take(effect)

    def _may_work(self) -> bool:
        """Whether the store can do anything: one that is down can refuse claims only."""
        if not self._lane or self.store_is_held:
            return False
        return not self.store_is_down or isinstance(self._lane[0], Claim)

    def _take(self, effect: Effect) -> None:
        match effect:
            case StartRun(run, job):
                self._start(run, job)
            case StopRun(run_id, cause):
                self._stop(run_id, cause)
            case Accepted() | Refused():
                self._asked[effect.request_id].replies.append(effect)
            case CallHooks():
                pass  # whoever is told decides nothing here
            case FinishRun(finish, will_retry=True):
                self.processes.pop(finish.record.run_id, None)
            case _:
                self._lane.append(effect)

    def _start(self, run: ActiveRun, job: Job) -> None:
        held = self.processes.get(run.run_id)
        # The daemon lets the supervisor forget an attempt that ended before it starts the next.
        is_over = held is not None and held.exit is not None and run.attempt > 1
        assert held is None or is_over, f"{run.run_id} was started twice"
        self.processes[run.run_id] = Process(run, job, self.now)
        self.starts.append(_start_text(run))
        if self.starts_are_confirmed:
            self._events.append(RunStarted(run.run_id, self.now))

    def _stop(self, run_id: str, cause: StopCause) -> None:
        process = self.processes.get(run_id)
        if process is not None and process.cause is None:
            process.cause = cause
            self.stops.append(f"{process.run.job} {cause.value}")

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Claim():
                self._claim(effect)
            case RecordSkips(skips):
                self._events.append(
                    SkipsRecorded(tuple(run_now(self.store.skip(skips, self.node_name, self.now))))
                )
            case FinishRun(finish):
                run_now(self.store.finish([finish]))
                self.processes.pop(finish.record.run_id, None)
            case VoidSkips(after, schedules):
                run_now(self.store.void_skips_after(after, schedules))
            case SaveRun(run):
                run_now(self.store.save_run(run))
            case SavePause(jobs, pause):
                run_now(self.store.save_pause(jobs, pause))
            case SaveSkipNext(job, skip_next):
                run_now(self.store.save_skip_next(job, skip_next))
            case SaveDrain(drain):
                self.drain = drain
            case _:
                raise AssertionError(f"the store cannot {effect}")

    def _claim(self, effect: Claim) -> None:
        answers: tuple[ClaimAnswer, ...] = ()
        if not self.store_is_down or self.loses_answers:
            answers = tuple(run_now(self.store.claim(effect.requests, self.node_name, self.now)))
        if self.store_is_down:
            self._events.append(ClaimsFailed(effect.requests, "down"))
        else:
            self._events.append(ClaimsDecided(answers))

    # -- the store ---------------------------------------------------------------

    def hold_store(self) -> None:
        """Let the store take its time: nothing is decided until let_store_work()."""
        self.store_is_held = True

    def let_store_work(self, effects: int | None = None) -> None:
        """Let the store work off its lane, or just the next few effects of it."""
        if effects is None:
            self.store_is_held = False
            self._settle()
            return
        for _ in range(effects):
            self._perform(self._lane.popleft())
        self._settle()

    def decide_in_silence(self) -> Event:
        """Let the store decide the claim that is next; return the answer, not yet told."""
        effect = self._lane.popleft()
        assert isinstance(effect, Claim)
        return ClaimsDecided(
            tuple(run_now(self.store.claim(effect.requests, self.node_name, self.now)))
        )

    def store_down(self, *, loses_answers: bool = False) -> None:
        """Let the store fail; ``loses_answers``: it decides, and only its answers get lost."""
        self.store_is_down, self.loses_answers = True, loses_answers

    def store_up(self) -> None:
        """Let the store answer again."""
        self.store_is_down = False
        self._settle()


def _start_text(run: ActiveRun) -> str:
    when = "by hand" if run.fire_time is None else clock_text(run.fire_time)
    return f"{run.job} {when}" + (f" #{run.attempt}" if run.attempt > 1 else "")


def clock_text(instant: datetime) -> str:
    """Return an instant as people say it."""
    return f"{instant:%H:%M:%S}" if instant.second else f"{instant:%H:%M}"
