"""A world in virtual time: one machine, the production core, a store and processes in memory.

The seed decides everything: latencies, how long jobs take, crashes, clock jumps. What the
"processes" really did is written to a journal; the checkers read that, not jobd's records.
"""

import heapq
import itertools
import random
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from jobd.core.claim import ActiveRun, ClaimAnswer, ClaimDenied
from jobd.core.effects import (
    Claim,
    Effect,
    FinishRun,
    RecordSkips,
    SavePause,
    SaveRun,
    SaveSkipNext,
    StartRun,
    StopRun,
    VoidSkips,
)
from jobd.core.events import (
    AttemptEnded,
    ClaimsDecided,
    ClaimsFailed,
    ClockJumped,
    Configured,
    Event,
    HeldRun,
    Recovered,
    RunStarted,
    SkipsRecorded,
    SupervisorLost,
    Woke,
)
from jobd.core.job import Job
from jobd.core.ledger import TickRange
from jobd.core.outcome import Exit, StopCause
from jobd.core.scheduler import Scheduler
from jobd.ports import Enrolment
from jobd.store.memory import MemoryStore

EPOCH = datetime(2026, 3, 28, 12, 0, 0, 137_000, tzinfo=UTC)  # a DST night in Europe lies ahead
DAY_S = 86_400
T = TypeVar("T")


def run_now(operation: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits."""
    try:
        operation.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("the memory store must not wait")


@dataclass(frozen=True)
class Fault:
    """What goes wrong, when; ``size_s`` is an outage's length or a jump's width."""

    at_s: float
    kind: str  # "daemon", "supervisor", "machine", "jump", "astray", "store"
    size_s: float


@dataclass
class Process:
    """What one attempt really did."""

    run: ActiveRun
    job: Job
    started_s: float
    started_wall: datetime
    exit_code: int
    ends_s: float
    ended_s: float | None = None
    cause: StopCause | None = None
    is_lost: bool = False  # died with the supervisor: nobody knows how it ended


@dataclass
class World:
    """Time, chance, and the machine."""

    seed: int
    jobs: Mapping[str, Job]
    durations: Mapping[str, Callable[[random.Random], tuple[float, int]]]  # seconds, exit code
    max_running: int = 8
    max_waiting: int = 20
    store_factory: Callable[[], MemoryStore] = MemoryStore
    now_s: float = 0.0
    wall_offset_s: float = 0.0
    journal: list[Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self.store = self.store_factory()
        run_now(self.store.open())
        self.store_is_down = False
        self.supervisor = SimSupervisor(self)
        self.daemon: SimDaemon | None = None
        self.incarnations = 0
        self.outages: list[tuple[float, float]] = []
        self.jumps: list[tuple[datetime, datetime]] = []
        self.last_jump_s = 0.0
        self.skips: list[tuple[float, TickRange]] = []  # what the ledger took, and really when
        self.events = 0

    def wall(self) -> datetime:
        return EPOCH + timedelta(seconds=self.now_s + self.wall_offset_s)

    def at(self, when_s: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (when_s, next(self._numbers), act))

    def after(self, delay_s: float, act: Callable[[], None]) -> None:
        self.at(self.now_s + delay_s, act)

    def run_until(self, end_s: float) -> None:
        while self._agenda and self._agenda[0][0] <= end_s:
            self.now_s, _, act = heapq.heappop(self._agenda)
            act()
        self.now_s = end_s

    def start_daemon(self) -> None:
        if self.daemon is None:
            self.incarnations += 1
            self.daemon = SimDaemon(self, f"i{self.incarnations}")
            self.daemon.start()

    def kill_daemon(self, down_s: float) -> None:
        if self.daemon is not None:
            self.daemon.is_alive = False
            self.daemon = None
            self.outages.append((self.now_s, self.now_s + down_s + 1))
            self.after(down_s, self.start_daemon)

    def kill_supervisor(self) -> None:
        self.supervisor.die()
        self.supervisor = SimSupervisor(self)
        daemon = self.daemon
        if daemon is not None:
            # What it said before its death is still read, then the end of the stream.
            self.after(0.006, daemon.lose_supervisor)
            self.after(self.random.uniform(0.01, 2), daemon.meet_supervisor)

    def jump(self, by_s: float) -> None:
        before = self.wall()
        self.wall_offset_s += by_s
        self.jumps.append((before, self.wall()))
        self.last_jump_s = self.now_s
        daemon = self.daemon
        if daemon is not None:
            self.after(
                self.random.uniform(0, 1),
                lambda: daemon.handle(ClockJumped(timedelta(seconds=by_s))),
            )

    def go_astray(self, by_s: float) -> None:
        """Let the clock be ahead for a while, as after a boot without a battery."""
        self.jump(by_s)
        self.after(self.random.uniform(1, 1800), lambda: self.jump(-by_s))

    def strike(self, fault: Fault) -> None:
        if fault.kind == "daemon":
            self.kill_daemon(fault.size_s)
        elif fault.kind == "supervisor":
            self.kill_supervisor()
        elif fault.kind == "machine":
            self.supervisor.die()
            self.supervisor = SimSupervisor(self)
            self.kill_daemon(fault.size_s)
        elif fault.kind == "jump":
            self.jump(fault.size_s)
        elif fault.kind == "astray":
            self.go_astray(fault.size_s + DAY_S)
        elif fault.kind == "store":
            self.store_is_down = True
            self.outages.append((self.now_s, self.now_s + fault.size_s + 2))
            self.after(fault.size_s, self._store_up)

    def _store_up(self) -> None:
        self.store_is_down = False


class SimSupervisor:
    """Holds processes; outlives daemons."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.held: dict[str, Process] = {}
        self.is_alive = True
        self.since_s = world.now_s

    def start(self, run: ActiveRun, job: Job) -> None:
        world = self.world
        if run.attempt > 1:
            self.forget(run.run_id)
        if not self.is_alive or run.run_id in self.held:
            return
        takes_s, exit_code = world.durations[run.job](world.random)
        process = Process(
            run, job, world.now_s, world.wall(), exit_code, ends_s=world.now_s + takes_s
        )
        self.held[run.run_id] = process
        world.journal.append(process)
        self.report(RunStarted(run.run_id, world.wall()))
        self._end_at(process, process.ends_s, None)
        if job.timeout is not None:
            lives_s = job.timeout.total_seconds() + world.random.uniform(0, 1)
            self._end_at(process, world.now_s + lives_s, StopCause.TIMEOUT)

    def stop(self, run_id: str, cause: StopCause) -> None:
        process = self.held.get(run_id)
        if process is not None and process.ended_s is None:
            kill_after_s = process.job.kill_after.total_seconds()
            delay_s = self.world.random.choice([0.01, 0.5, kill_after_s])
            self._end_at(process, self.world.now_s + delay_s, cause)

    def die(self) -> None:
        self.is_alive = False
        for process in self.held.values():
            process.is_lost = True  # or so it may be: perhaps nobody has heard of its end
            if process.ended_s is None:
                process.ended_s = self.world.now_s

    def forget(self, run_id: str) -> None:
        if run_id in self.held and self.held[run_id].ended_s is not None:
            del self.held[run_id]

    def since(self) -> datetime:
        """Return when it began, by the wall clock as it is now."""
        return self.world.wall() - timedelta(seconds=self.world.now_s - self.since_s)

    def holding(self) -> tuple[HeldRun, ...]:
        return tuple(
            HeldRun(p.run, p.started_wall, _exit_of(p) if p.ended_s is not None else None)
            for p in self.held.values()
        )

    def report(self, event: Event) -> None:
        daemon = self.world.daemon
        if daemon is not None and self.is_alive:
            self.world.after(self.world.random.uniform(0, 0.005), lambda: daemon.handle(event))

    def _end_at(self, process: Process, when_s: float, cause: StopCause | None) -> None:
        self.world.at(when_s, lambda: self._end(process, cause))

    def _end(self, process: Process, cause: StopCause | None) -> None:
        if process.ended_s is not None or not self.is_alive:
            return
        process.ended_s = self.world.now_s
        process.cause = cause
        event = AttemptEnded(process.run.run_id, _exit_of(process), self.world.wall())
        self.report(event)


def _exit_of(process: Process) -> Exit:
    assert process.ended_s is not None
    is_signaled = process.cause is not None
    return Exit(
        exit_code=None if is_signaled else process.exit_code,
        signal=15 if is_signaled else None,
        stop_cause=process.cause,
        oom_killed=False,
        duration_s=process.ended_s - process.started_s,
        cpu_s=0.0,
        memory_peak_bytes=None,
    )


class SimDaemon:
    """The production scheduler with lanes as the daemon has them, in virtual time."""

    def __init__(self, world: World, incarnation: str) -> None:
        self.world = world
        self.scheduler = Scheduler("node", incarnation)
        self.is_alive = True
        self.link: SimSupervisor | None = None
        self._lane: list[Effect] = []
        self._is_busy = False
        self._wakeup: datetime | None = None

    def start(self) -> None:
        world = self.world
        enrolments = [Enrolment(job.name, job.schedule_identity) for job in world.jobs.values()]
        memories = run_now(world.store.enrol(enrolments, world.wall()))
        self.handle(Configured(world.jobs, memories, world.max_running, world.max_waiting))
        self.meet_supervisor()
        self._beat()

    def lose_supervisor(self) -> None:
        self.link = None
        self.handle(SupervisorLost())

    def meet_supervisor(self) -> None:
        """Connect; what it holds is told a moment later, when more may have happened."""
        self.link = self.world.supervisor
        held, since = self.link.holding(), self.link.since()
        self.world.after(
            self.world.random.uniform(0, 0.01), lambda: self.handle(Recovered(held, since))
        )

    def handle(self, event: Event) -> None:
        if not self.is_alive:
            return
        self.world.events += 1
        effects = self.scheduler.handle(event, self.world.wall())
        for effect in effects:
            self._perform(effect)
        self._plan_wakeup()

    def _beat(self) -> None:
        """Wake now and then even without a timer, as the daemon does: clocks may jump."""
        if self.is_alive:
            self.handle(Woke())
            self.world.after(60.0, self._beat)

    def _plan_wakeup(self) -> None:
        due = self.scheduler.next_wakeup()
        if due is None or due == self._wakeup:
            return
        self._wakeup = due
        delay_s = max((due - self.world.wall()).total_seconds(), 0.0)
        late_s = self.world.random.uniform(0, 0.01)
        self.world.after(delay_s + late_s, lambda: self._wake(due))

    def _wake(self, planned: datetime) -> None:
        if not self.is_alive or self._wakeup != planned:
            return  # another instant was planned since
        self._wakeup = None
        due = self.scheduler.next_wakeup()
        if due is not None and due <= self.world.wall():
            self.handle(Woke())
        else:
            self._plan_wakeup()

    def _perform(self, effect: Effect) -> None:
        if isinstance(effect, StartRun):
            self._send(lambda link: self._order(effect, link))
        elif isinstance(effect, StopRun):
            self._send(lambda link: link.stop(effect.run_id, effect.cause))
        elif isinstance(effect, FinishRun) and effect.will_retry:
            return
        elif isinstance(
            effect,
            Claim | RecordSkips | FinishRun | SaveRun | SavePause | SaveSkipNext | VoidSkips,
        ):
            self._lane.append(effect)
            self._work()

    def _order(self, effect: StartRun, link: SimSupervisor) -> None:
        """Have a run executed, unless it was given up while its order was on its way."""
        if self.scheduler.state.is_starting(effect.run):
            link.start(effect.run, effect.job)

    def _send(self, act: Callable[[SimSupervisor], None]) -> None:
        """Let the supervisor do something shortly, unless one of both is gone by then."""

        def arrive() -> None:
            if self.is_alive and self.link is not None and self.link.is_alive:
                act(self.link)

        self.world.after(0.001, arrive)

    def _work(self) -> None:
        """Take the next store effect: it is committed after a while, answered after another."""
        if self._is_busy or not self._lane:
            return
        self._is_busy = True
        effect = self._lane.pop(0)
        before_s, after_s = self._latencies()
        self.world.after(before_s, lambda: self._commit(effect, after_s))

    def _latencies(self) -> tuple[float, float]:
        chance = self.world.random
        slow = 2.0 if chance.random() < 0.02 else 0.01
        return chance.uniform(0.0001, slow), chance.uniform(0.0001, slow)

    def _commit(self, effect: Effect, after_s: float) -> None:
        if not self.is_alive:
            return
        if self.world.store_is_down:
            if isinstance(effect, Claim):
                if self.world.random.random() < 0.5:
                    self._apply(effect)  # committed, and then the answer is lost
                failed = ClaimsFailed(effect.requests, "down")
                self.world.after(after_s, lambda: self._answer(failed))
            else:
                self.world.after(0.5, lambda: self._commit(effect, after_s))
            return
        answer = self._apply(effect)
        self.world.after(after_s, lambda: self._answer(answer))

    def _apply(self, effect: Effect) -> Event | None:
        store, wall = self.world.store, self.world.wall()
        match effect:
            case Claim(requests):
                answers = run_now(store.claim(requests, "node", wall))
                self._note_skips(_skips_of(answers))
                return ClaimsDecided(tuple(answers))
            case RecordSkips(skips):
                recorded = run_now(store.skip(skips, "node", wall))
                self._note_skips(skip.ticks for skip in recorded)
                return SkipsRecorded(tuple(recorded))
            case FinishRun(finish):
                run_now(store.finish([finish]))
                self._send(lambda link: link.forget(finish.record.run_id))
            case SaveRun(run):
                run_now(store.save_run(run))
            case SavePause(jobs, pause):
                run_now(store.save_pause(jobs, pause))
            case SaveSkipNext(job, skip_next):
                run_now(store.save_skip_next(job, skip_next))
            case VoidSkips(after, schedules):
                run_now(store.void_skips_after(after, schedules))
        return None

    def _note_skips(self, skipped: Iterable[TickRange]) -> None:
        now_s = self.world.now_s
        self.world.skips += ((now_s, ticks) for ticks in skipped if ticks.count)

    def _answer(self, event: Event | None) -> None:
        if not self.is_alive:
            return
        self._is_busy = False
        if event is not None:
            self.handle(event)
        self._work()


def _skips_of(answers: Iterable[ClaimAnswer]) -> Iterator[TickRange]:
    for answer in answers:
        fire_time = answer.request.fire_time
        if isinstance(answer, ClaimDenied) and answer.settled and answer.reason and fire_time:
            yield TickRange(answer.request.job, fire_time, fire_time, 1)


def faults(chance: random.Random, hours: float, kinds: Sequence[str]) -> list[Fault]:
    """Draw faults over the given hours; about two an hour."""
    drawn = []
    for _ in range(int(hours * 2)):
        kind = chance.choice(kinds)
        size_s = chance.choice([0.05, 1, 20, 300, 4000]) * chance.uniform(0.5, 1.5)
        if kind == "jump":
            size_s *= chance.choice([-1, 1])
        drawn.append(Fault(chance.uniform(1, hours * 3600), kind, size_s))
    return drawn
