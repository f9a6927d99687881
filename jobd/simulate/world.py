"""World: the production scheduler with everything around it, in virtual time.

The store is the one in memory, which grants and remembers as the others do. The store and
the supervisor answer at once: what is late here is late because there was no room, never
because a machine was slow. Processes end when their time is over, and those that end at an
instant do so before the ticks of that instant are looked at.
"""

from collections import deque
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from heapq import heappop, heappush
from typing import Any, TypeVar

from jobd.config.model import Config
from jobd.core.claim import ActiveRun, ClaimDenied, JobMemory
from jobd.core.effects import Claim, Effect, FinishRun, RecordSkips, SaveRun, StartRun, StopRun
from jobd.core.events import (
    AttemptEnded,
    ClaimsDecided,
    Configured,
    Event,
    Recovered,
    RunStarted,
    SkipsRecorded,
    Woke,
)
from jobd.core.job import Job
from jobd.core.outcome import Exit, StopCause
from jobd.core.schedule import AfterSchedule
from jobd.core.scheduler import Scheduler
from jobd.core.state import MICROSECOND
from jobd.core.ticks import due_of
from jobd.ports import Enrolment
from jobd.simulate.curve import Load
from jobd.simulate.expectation import Expectation
from jobd.simulate.tally import Tally
from jobd.store.memory import MemoryStore

T = TypeVar("T")

_FORGET_EVERY = 20_000  # starts; then what is decided long since leaves the memory
_KEPT = timedelta(hours=1)
_STANDSTILL = 1000  # wake-ups at one instant: the scheduler would spin


@dataclass(slots=True, eq=False)
class Process:
    """One attempt, as long as it lives."""

    run: ActiveRun
    job: Job
    started_at: datetime
    ends_at: datetime
    cause: StopCause | None
    memory_peak_bytes: int | None


class World:
    """One node, from its start on; ``expectations`` say what its jobs' runs take."""

    def __init__(
        self,
        config: Config,
        jobs: Mapping[str, Job],
        expectations: Mapping[str, Expectation],
        tally: Tally,
        start: datetime,
    ) -> None:
        self.now = start - MICROSECOND  # so that what is due at the start is still to come
        self.events = 0
        self.scheduler = Scheduler(config.daemon.node, "simulated")
        self._expectations, self._tally = expectations, tally
        self._store = MemoryStore()
        self._node = config.daemon.node
        self._processes: dict[str, Process] = {}
        self._ends: list[tuple[datetime, int, str, int]] = []  # a heap, in the order of starts
        self._starts = 0
        self._told = deque[Event]()
        self._lane = deque[Effect]()
        self._handle(self._configured(config, jobs))
        self._handle(Recovered(()))

    def run(self, until: datetime) -> None:
        """Let time go by; what happens at ``until`` does not happen any more."""
        wakes_here = 0
        while (instant := self._next_instant()) is not None and instant < until:
            wakes_here = 0 if instant > self.now else wakes_here + 1
            assert wakes_here < _STANDSTILL, f"the scheduler would be woken at {instant} for ever"
            self.now = instant
            self._end_processes()
            due = self.scheduler.next_wakeup()
            if due is not None and due <= self.now:
                self._handle(Woke())
            self._tally.loaded(self.now, self._load(), self._who)
        self._tally.curve.close()

    def open_ticks(self, job: str) -> int:
        """Return how many ticks of a job are looked at and not decided."""
        return len(self.scheduler.state.tracks[job].open)

    # -- time --------------------------------------------------------------------

    def _next_instant(self) -> datetime | None:
        due = self.scheduler.next_wakeup()
        end = self._ends[0][0] if self._ends else None
        instants = [each for each in (due, end) if each is not None]
        return max(min(instants), self.now) if instants else None

    def _end_processes(self) -> None:
        while self._ends and self._ends[0][0] <= self.now:
            _, _, run_id, attempt = heappop(self._ends)
            process = self._processes.get(run_id)
            if process is not None and process.run.attempt == attempt:
                self._handle(self._end(process))

    def _load(self) -> Load:
        state = self.scheduler.state
        short = len(state.waiting)
        waiting = short + len(state.wait_for_pool)
        return Load(state.room.taken, state.room.reserved_bytes, short, waiting)

    def _who(self) -> Sequence[str]:
        return [process.job.name for process in self._processes.values()]

    # -- what the scheduler asks for ------------------------------------------------

    def _handle(self, event: Event) -> None:
        """Let the scheduler decide, and all that follows at this instant."""
        self._told.append(event)
        while self._told or self._lane:
            if self._told:
                self.events += 1
                for effect in self.scheduler.handle(self._told.popleft(), self.now):
                    self._take(effect)
            else:
                self._perform(self._lane.popleft())

    def _take(self, effect: Effect) -> None:
        match effect:
            case StartRun(run, job):
                self._start(run, job)
            case StopRun(run_id, cause):
                self._stop(run_id, cause)
            case FinishRun(_, will_retry=True):
                pass  # only an attempt of it has ended
            case _:
                self._lane.append(effect)

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Claim():
                self._claim(effect)
            case RecordSkips(skips):
                recorded = tuple(run_now(self._store.skip(skips, self._node, self.now)))
                for skip in recorded:
                    self._tally.skipped(skip.ticks.job, skip.reason, skip.ticks.count, self.now)
                self._told.append(SkipsRecorded(recorded))
            case FinishRun(finish):
                run_now(self._store.finish([finish]))
                self._tally.run_ended(finish.record.job, finish.record.outcome)
            case SaveRun(run):
                run_now(self._store.save_run(run))
            case _:
                raise AssertionError(f"nobody asked for {effect}")

    def _claim(self, effect: Claim) -> None:
        answers = tuple(run_now(self._store.claim(effect.requests, self._node, self.now)))
        for answer in answers:
            if isinstance(answer, ClaimDenied) and answer.settled and answer.reason is not None:
                self._tally.skipped(answer.request.job, answer.reason, 1, self.now)
        self._told.append(ClaimsDecided(answers))

    # -- processes ---------------------------------------------------------------

    def _start(self, run: ActiveRun, job: Job) -> None:
        sample = self._expectations[job.name].sample(run.fire_time, run.attempt)
        is_over = job.timeout is not None and sample.duration > job.timeout
        took = job.timeout if is_over and job.timeout is not None else sample.duration
        cause = StopCause.TIMEOUT if is_over else None
        process = Process(run, job, self.now, self.now + took, cause, sample.memory_peak_bytes)
        self._processes[run.run_id] = process
        self._starts += 1
        heappush(self._ends, (process.ends_at, self._starts, run.run_id, run.attempt))
        if run.attempt == 1 and run.fire_time is not None:
            self._tally.started(job.name, self.now - due_of(job, run.fire_time))
        self._told.append(RunStarted(run.run_id, self.now))
        if self._starts % _FORGET_EVERY == 0:
            run_now(self._store.prune(self.now - _KEPT, _FORGET_EVERY))

    def _stop(self, run_id: str, cause: StopCause) -> None:
        """A process that is told to stop does so at once."""
        process = self._processes.get(run_id)
        if process is not None:
            process.cause = cause
            self._told.append(self._end(process))

    def _end(self, process: Process) -> AttemptEnded:
        del self._processes[process.run.run_id]
        took = self.now - process.started_at
        self._tally.attempt_ended(process.job.name, took)
        is_stopped = process.cause is not None
        exit_ = Exit(
            exit_code=None if is_stopped else min(process.job.success_exit_codes, default=0),
            signal=process.job.stop_signal if is_stopped else None,
            stop_cause=process.cause,
            oom_killed=False,
            duration_s=took.total_seconds(),
            cpu_s=0.0,
            memory_peak_bytes=process.memory_peak_bytes,
        )
        return AttemptEnded(process.run.run_id, exit_, self.now)

    # -- the beginning ---------------------------------------------------------------

    def _configured(self, config: Config, jobs: Mapping[str, Job]) -> Configured:
        enrolments = [Enrolment(job.name, job.schedule_identity) for job in jobs.values()]
        memories = run_now(self._store.enrol(enrolments, self.now))
        limits = config.limits
        return Configured(
            jobs,
            {name: self._remembered(jobs[name], memory) for name, memory in memories.items()},
            limits.max_running,
            limits.max_waiting,
            labels=config.daemon.labels,
            pools=config.pools,
            memory_budget_bytes=limits.memory_budget_bytes,
        )

    def _remembered(self, job: Job, memory: JobMemory) -> JobMemory:
        """Return what is known of a job as if the node had been up for long: else each `after`
        would be due at the very start, in a herd that there never was."""
        known = self._expectations[job.name].expected_memory_bytes
        if isinstance(job.schedule, AfterSchedule):
            ended = self.now - job.schedule.delay * _share(job.name)
            return replace(memory, last_ended=ended, expected_memory_bytes=known)
        return memory if known is None else replace(memory, expected_memory_bytes=known)


def run_now(operation: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine of the store in memory returns; it never waits."""
    try:
        operation.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return] # a Coroutine's own type says so
    raise AssertionError("the store in memory has waited")


def _share(job: str) -> float:
    """Return how much of its delay an `after` has behind it at the start, 0 up to 1."""
    digest = blake2b(f"last end of {job}".encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64
