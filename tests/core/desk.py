"""A desk to try the scheduler at: a clock set by hand, a store in memory, processes on paper.

A test says what happens and reads what came of it::

    desk.job("a", every="10m", overlap="skip")
    desk.pass_time("10m")
    assert desk.starts == ["a 12:10"]

It is noon when a test begins, and ``every`` counts from midnight: no hashed phase to know.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from jobd.core import picture
from jobd.core.events import (
    AttemptEnded,
    CancelAsked,
    ClockJumped,
    Configured,
    DrainAsked,
    HeldRun,
    NodeMeasured,
    OperatorEvent,
    PauseAsked,
    Recovered,
    ResumeAsked,
    RunNotStarted,
    ShutdownAsked,
    SkipNextAsked,
    SupervisorLost,
    TriggerAsked,
    Woke,
)
from jobd.core.job import Catchup, Command, JitterMode, Job, Overlap, Scope
from jobd.core.ledger import TickRecord
from jobd.core.outcome import Exit, Outcome
from jobd.core.pressure import Strain
from jobd.core.run import RunRecord
from jobd.core.schedule import AfterSchedule, EverySchedule, Schedule
from jobd.core.scheduler import Scheduler
from jobd.core.view import JobView, NodeView
from jobd.ports import Enrolment, RunFilter
from jobd.store.memory import MemoryStore
from tests.core.surroundings import Asked, Process, Surroundings, clock_text, run_now

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
T = TypeVar("T")


def span(text: str) -> timedelta:
    """Return ``"1h30m"`` as a duration."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text)
    assert parts, f"{text} is no duration"
    return sum((timedelta(**{UNITS[unit]: float(n)}) for n, unit in parts), timedelta(0))


def make_job(name: str, **keys: Any) -> Job:
    """Return a job; durations and enumerations may be given as in the configuration."""
    schedule: Schedule | None = None
    if "every" in keys:
        schedule = EverySchedule(span(keys.pop("every")) // timedelta(microseconds=1), 0)
    elif "after" in keys:
        schedule = AfterSchedule.of(span(keys.pop("after")))
    kinds = {"overlap": Overlap, "catchup": Catchup, "jitter_mode": JitterMode, "scope": Scope}
    for key in ("jitter", "catchup_window", "start_deadline", "timeout", "watchdog"):
        if isinstance(keys.get(key), str):
            keys[key] = span(keys[key])
    for key, kind in kinds.items():
        if key in keys:
            keys[key] = kind(keys[key])
    return Job(name, Command(("true",)), **{"schedule": schedule, **keys})


class Desk(Surroundings):
    """One scheduler with everything around it; see the head of this file."""

    def __init__(
        self,
        max_running: int = 100,
        max_waiting: int = 100,
        node: str = "node",
        store: MemoryStore | None = None,
        memory_budget: int | None = None,
        pressure: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(node, store)
        self.max_running, self.max_waiting = max_running, max_waiting
        self.memory_budget = memory_budget
        self.pressure = {Strain(name): limit for name, limit in (pressure or {}).items()}
        self.jobs: dict[str, Job] = {}
        self._incarnations = 0
        self._wakes_here = 0
        self.start()

    # -- jobs ------------------------------------------------------------------

    def job(self, name: str, **keys: Any) -> Job:
        """Configure one job more, or another definition of one, and reload."""
        job = make_job(name, **keys)
        self.reload(*(j for j in self.jobs.values() if j.name != name), job)
        return job

    def change(self, name: str, **keys: Any) -> None:
        """Reload with a few keys of a job changed."""
        changed = replace(self.jobs[name], **keys)
        self.reload(*(j if j.name != name else changed for j in self.jobs.values()))

    def remove(self, name: str) -> None:
        """Reload without a job."""
        self.reload(*(job for job in self.jobs.values() if job.name != name))

    def reload(self, *jobs: Job) -> None:
        """Put exactly these jobs in force."""
        before, self.jobs = self.jobs, {job.name: job for job in jobs}
        self.handle(self.configured(before))

    def configured(self, before: dict[str, Job]) -> Configured:
        """Enrol the jobs; return the event that puts them in force in place of ``before``."""
        identities = {name: job.schedule_identity for name, job in self.jobs.items()}
        enrolments = [Enrolment(name, identity) for name, identity in identities.items()]
        memories = run_now(self.store.enrol(enrolments, self.now))
        known = {name: job.schedule_identity for name, job in before.items()}
        anew = {n: m for n, m in memories.items() if known.get(n) != identities[n]}
        orphans = tuple(run_now(self.store.orphans()))
        places = (self.max_running, self.max_waiting)
        return Configured(
            dict(self.jobs),
            anew,
            *places,
            orphans,
            drain=self.drain,
            memory_budget_bytes=self.memory_budget,
            pressure=self.pressure,
        )

    def measure(self, **strains: float) -> None:
        """Let the node's pressure be measured."""
        self.handle(NodeMeasured({Strain(name): value for name, value in strains.items()}))

    # -- the daemon's life -------------------------------------------------------

    def start(self, *, is_connected: bool = True) -> None:
        """Start a daemon on what the store remembers and the supervisor holds."""
        self._incarnations += 1
        self._lane.clear()
        self.scheduler = self.make_scheduler(f"i{self._incarnations}")
        self.handle(self.configured({}))
        if is_connected:
            self.connect()

    def make_scheduler(self, incarnation: str) -> Scheduler:
        """Return the scheduler of a daemon that starts."""
        return Scheduler(self.node_name, incarnation)

    def restart(self, *, down: str = "0s", is_connected: bool = True) -> None:
        """Kill the daemon and start another one after a while; the supervisor lives on."""
        self.now += span(down)
        self.start(is_connected=is_connected)
        self.wake()

    def connect(self) -> None:
        """Reach the supervisor."""
        self.handle(Recovered(tuple(_held(p) for p in self.processes.values())))

    def lose_supervisor(self) -> None:
        """Let the supervisor die, its processes with it."""
        self.processes.clear()
        self.handle(SupervisorLost())

    def shut_down(self, *, stop_runs: bool = False) -> None:
        """Ask the daemon to stop."""
        self.handle(ShutdownAsked(stop_runs))

    # -- time --------------------------------------------------------------------

    def pass_time(self, text: str) -> None:
        """Let time go by, waking the scheduler whenever it wants."""
        until = self.now + span(text)
        while (due := self.scheduler.next_wakeup()) is not None and due <= until:
            assert self._is_progress(due), f"the scheduler wants to be woken at {due} for ever"
            self.now = max(self.now, due)
            self.wake()
        self.now = until

    def wake(self) -> None:
        """Tell the scheduler that time has passed."""
        self.handle(Woke())

    def oversleep(self, text: str) -> None:
        """Let time go by without a wake-up, then wake once: the machine was busy."""
        self.now += span(text)
        self.wake()

    def set_clock(self, text: str) -> None:
        """Set the clock forwards, or with a leading minus backwards."""
        by = -span(text[1:]) if text.startswith("-") else span(text)
        self.now += by
        self.handle(ClockJumped(by))

    def _is_progress(self, due: datetime) -> bool:
        self._wakes_here = self._wakes_here + 1 if due <= self.now else 0
        return self._wakes_here < 100

    # -- operators ---------------------------------------------------------------

    def trigger(self, job: str, **keys: Any) -> Asked:
        """Ask for a run by hand."""
        asked = self._new_asked(f"run-{len(self._asked)}")
        return self._ask(asked, TriggerAsked(asked.request_id, asked.run_id, job, "anna", **keys))

    def cancel(self, job: str | None = None, run_id: str | None = None) -> Asked:
        """Ask for a stop of a job's runs, or of one run."""
        asked = self._new_asked()
        return self._ask(asked, CancelAsked(asked.request_id, "anna", job, run_id))

    def pause(self, job: str | None = None, reason: str = "", until: str | None = None) -> Asked:
        """Ask for a pause; ``until`` is a span from now, None for job is every job."""
        asked = self._new_asked()
        end = None if until is None else self.now + span(until)
        return self._ask(asked, PauseAsked(asked.request_id, job, "anna", reason, end))

    def resume(self, job: str | None = None) -> Asked:
        """Ask for the end of a pause."""
        asked = self._new_asked()
        return self._ask(asked, ResumeAsked(asked.request_id, job, "anna"))

    def skip_next(self, job: str, reason: str = "") -> Asked:
        """Ask that just the next tick be skipped."""
        asked = self._new_asked()
        return self._ask(asked, SkipNextAsked(asked.request_id, job, "anna", reason))

    def drain_node(self, reason: str = "", *, is_on: bool = True) -> Asked:
        """Ask that this node start nothing new, or that it go on."""
        asked = self._new_asked()
        return self._ask(asked, DrainAsked(asked.request_id, "anna", is_on, reason))

    def _new_asked(self, run_id: str = "") -> Asked:
        asked = Asked(f"ask-{len(self._asked)}", run_id)
        self._asked[asked.request_id] = asked
        return asked

    def _ask(self, asked: Asked, event: OperatorEvent) -> Asked:
        self.handle(event)
        return asked

    # -- processes ---------------------------------------------------------------

    def end(self, job: str, exit_code: int = 0, **seen: Any) -> AttemptEnded:
        """End the oldest process of a job; one that was told to stop ends of that."""
        process = self.process(job)
        exit_ = self.end_unseen(job, exit_code, **seen)
        event = AttemptEnded(process.run.run_id, exit_, self.now)
        self.handle(event)
        return event

    def end_unseen(self, job: str, exit_code: int = 0, **seen: Any) -> Exit:
        """End a job's process while no daemon is there to hear of it."""
        process = self.process(job)
        took_s = (self.now - process.started_at).total_seconds()
        measured = Exit(exit_code, None, process.cause, False, took_s, 0.0, None)
        process.exit, process.ended_at = replace(measured, **seen), self.now
        return process.exit

    def fail_to_start(self, job: str, reason: str = "no such file") -> None:
        """Say that a job's latest attempt could not be executed."""
        process = self.process(job)
        del self.processes[process.run.run_id]
        self.handle(RunNotStarted(process.run.run_id, reason))

    def process(self, job: str) -> Process:
        """Return the oldest process of a job."""
        found = [p for p in self.processes.values() if p.run.job == job and p.exit is None]
        assert found, f"{job} has no process"
        return found[0]

    @property
    def asked(self) -> list[Asked]:
        """All that operators asked for."""
        return list(self._asked.values())

    @property
    def running(self) -> list[str]:
        """The jobs of all processes, oldest first."""
        return [p.run.job for p in self.processes.values() if p.exit is None]

    # -- what came of it -----------------------------------------------------------

    def ledger(self, job: str) -> list[str]:
        """Return what became of a job's ticks: ``12:10 started``, ``12:20-12:40 misfire x3``."""
        rows = run_now(self.store.ticks(job, limit=10_000))
        return [_row(row) for row in sorted(rows, key=lambda row: row.ticks.first)]

    def rows(self, job: str) -> list[TickRecord]:
        """Return the job's ledger, oldest first."""
        return sorted(run_now(self.store.ticks(job, limit=10_000)), key=lambda r: r.ticks.first)

    def history(self, job: str) -> list[RunRecord]:
        """Return a job's runs, oldest first."""
        return list(reversed(run_now(self.store.runs(RunFilter(job, limit=10_000)))))

    def outcomes(self, job: str) -> list[Outcome | None]:
        """Return how a job's runs ended, oldest first; None is still active."""
        return [record.outcome for record in self.history(job)]

    def of_kind(self, kind: type[T]) -> list[T]:
        """Return all effects of a kind that were asked for."""
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def view(self, job: str) -> JobView:
        """Return what people are shown of a job."""
        found = picture.find_job_view(self.scheduler.state, job, self.now)
        assert found is not None, f"there is no job {job}"
        return found

    def node(self) -> NodeView:
        """Return what people are shown of the node."""
        return picture.node_view(self.scheduler.state, self.now)


def _held(process: Process) -> HeldRun:
    return HeldRun(process.run, process.started_at, process.exit, ended_at=process.ended_at)


def _row(row: TickRecord) -> str:
    ticks, what = row.ticks, row.reason or "started"
    if ticks.count == 1:
        return f"{clock_text(ticks.first)} {what}"
    return f"{clock_text(ticks.first)}-{clock_text(ticks.last)} {what} x{ticks.count}"
