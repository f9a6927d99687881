"""Reports: from the supervisor's words to events, over its death and return."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from jobd.core.events import (
    AttemptEnded,
    HeldRun,
    Recovered,
    RunNotStarted,
    RunSaid,
    RunStarted,
    SupervisorLost,
)
from jobd.core.job import Job
from jobd.core.outcome import Outcome
from jobd.core.run import RunRecord, RunState, record_of
from jobd.core.said import Said
from jobd.core.scheduler import Scheduler
from jobd.core.state import RunTrack
from jobd.daemon import reports as module
from jobd.daemon.hook_commands import HookCommands
from jobd.daemon.inbox import Inbox
from jobd.daemon.outputs import Outputs
from jobd.daemon.reports import Reports
from jobd.daemon.searches import Finding
from jobd.errors import StoreUnavailable
from tests.daemon.fakes import NOON, FakeSupervisor, exit_of, job_of, keep_output, run_of, until

HOUR = timedelta(hours=1)
PICKY = job_of("picky", failure_pattern="^ERROR")


class Desk:
    """The reader of a supervisor's reports."""

    def __init__(self, supervisor: FakeSupervisor, outputs: Outputs) -> None:
        self.supervisor, self.outputs, self.inbox = supervisor, outputs, Inbox()
        self.scheduler = Scheduler("app1", "i")
        self.offset = timedelta(0)
        self.forgotten: list[str] = []
        self.hooks = HookCommands(supervisor, Path("/nowhere"), outputs, self.forgotten.append)
        self.history: dict[str, RunRecord] = {}
        self.is_history_away = False
        self.reports = Reports(
            supervisor, self.scheduler, outputs, self.inbox, self.hooks, self.find_run,
            self.forgotten.append, lambda: self.offset,
        )  # fmt: skip

    async def find_run(self, run_id: str) -> RunRecord | None:
        if self.is_history_away:
            raise StoreUnavailable("no route to host")
        return self.history.get(run_id)

    def runs(self, job: Job, run_id: str, attempt: int = 1) -> None:
        """Let the core know a run."""
        run = run_of(job.name, run_id, attempt=attempt)
        self.scheduler.state.runs[run_id] = RunTrack(run, job, RunState.RUNNING)

    async def hear(self, *reports: Any, count: int | None = None) -> list[Any]:
        """Return the events that come of the supervisor's reports."""
        events: list[Any] = []
        self.supervisor.report(*reports)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.reports.run)
            wanted = len(reports) if count is None else count
            await until(lambda: events.extend(self.inbox.take()) or len(events) >= wanted)
            tasks.cancel_scope.cancel()
        return events


@pytest.fixture
def desk(supervisor: FakeSupervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(module, "RECONNECT_S", 0.001)
    return Desk(supervisor, Outputs(tmp_path))


def ended(run_id: str) -> AttemptEnded:
    return AttemptEnded(run_id, exit_of(), NOON)


async def test_reports_become_events_in_order(desk: Desk) -> None:
    reports = [RunStarted("r1", NOON), RunNotStarted("r2", "no such file"), ended("r1")]
    assert await desk.hear(*reports) == reports


async def test_the_core_is_told_nothing_of_hooks(desk: Desk) -> None:
    """It would take them for runs of which the store has lost sight."""
    hook = "hook-on_failure-r1"
    assert await desk.hear(ended(hook), ended("r1"), count=1) == [ended("r1")]
    held = HeldRun(run_of("a", hook), NOON, exit_of())
    assert await desk.reports.held([held, HeldRun(run_of(), NOON, None)]) == (
        HeldRun(run_of(), NOON, None),
    )
    assert desk.forgotten == [hook, hook]


async def test_instants_are_told_by_the_time_of_the_cluster(desk: Desk) -> None:
    """The supervisor reads this machine's clock; by a wrong one a retry would wait for hours."""
    desk.offset = HOUR
    said = RunSaid("r1", Said(step="load", step_since=NOON))
    told = await desk.hear(RunStarted("r1", NOON), said, ended("r1"))
    assert told == [
        RunStarted("r1", NOON + HOUR),
        RunSaid("r1", Said(step="load", step_since=NOON + HOUR)),
        replace(ended("r1"), ended_at=NOON + HOUR),
    ]


async def test_so_are_those_of_runs_that_it_holds(desk: Desk) -> None:
    desk.offset = HOUR
    (held,) = await desk.reports.held([HeldRun(run_of(), NOON, exit_of())])
    assert held.started_at == NOON + HOUR
    assert held.ended_at == NOON + HOUR + timedelta(seconds=exit_of().duration_s)


async def test_an_end_that_the_history_has_is_passed_over(desk: Desk) -> None:
    """A supervisor that crashed left it to the next one: the run is over, and none of it is to be
    told or executed again."""
    over, active, unknown = (HeldRun(run_of("a", f"r{n}"), NOON, exit_of()) for n in (1, 2, 3))
    refused = HeldRun(run_of("a", "r4"), None, None, "no such file")
    desk.history = {
        "r1": record_of(over.run, NOON, NOON, Outcome.CANCELED),
        "r2": record_of(active.run, NOON),
        "r4": record_of(refused.run, NOON, NOON, Outcome.START_ERROR),
    }
    found = await desk.reports.held([over, active, unknown, refused])
    assert [held.run.run_id for held in found] == ["r2", "r3"]
    assert desk.forgotten == ["r1", "r4"]


async def test_what_runs_or_is_known_here_is_not_looked_up(desk: Desk) -> None:
    desk.runs(job_of("a"), "r1")
    desk.is_history_away = True
    known, runs = (
        HeldRun(run_of("a", "r1"), NOON, exit_of()),
        HeldRun(run_of("a", "r2"), NOON, None),
    )
    assert len(await desk.reports.held([known, runs])) == 2


async def test_without_the_history_all_is_told(desk: Desk) -> None:
    desk.is_history_away = True
    assert len(await desk.reports.held([HeldRun(run_of("a", "r1"), NOON, exit_of())])) == 1
    assert desk.forgotten == []


@pytest.mark.parametrize(("output", "matches"), [(b"ERROR 7\n", True), (b"no ERROR\n", False)])
async def test_output_is_judged_by_the_job_s_failure_pattern(
    desk: Desk, output: bytes, matches: bool
) -> None:
    desk.runs(PICKY, "r1", attempt=2)
    keep_output(desk.outputs.path("r1", 1), b"ERROR of the first attempt\n" * (not matches) + b"x")
    keep_output(desk.outputs.path("r1", 2), output)
    assert await desk.hear(ended("r1")) == [replace(ended("r1"), matched_failure=matches)]


async def test_a_job_without_a_pattern_may_write_what_it_likes(desk: Desk) -> None:
    desk.runs(job_of("plain"), "r1")
    keep_output(desk.outputs.path("r1", 1), b"ERROR\n")
    assert await desk.hear(ended("r1")) == [ended("r1")]


async def test_a_long_search_holds_up_no_other_run_s_reports(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gigabyte of output takes a while; another job's next tick must not be taken for an
    overlap because of it."""
    may_end = anyio.Event()

    async def slow(run_id: str, attempt: int, pattern: str) -> Finding:
        await may_end.wait()
        return Finding(True)

    monkeypatch.setattr(desk.outputs, "search", slow)
    desk.runs(PICKY, "r1")
    assert await desk.hear(ended("r1"), ended("r2"), count=1) == [ended("r2")]


async def test_a_search_that_gives_up_leaves_the_judgement_to_the_exit_status(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, log: list[Any]
) -> None:
    async def give_up(run_id: str, attempt: int, pattern: str) -> Finding:
        return Finding(False, "it gave up after 5 s")

    monkeypatch.setattr(desk.outputs, "search", give_up)
    desk.runs(PICKY, "r1")
    expected = replace(ended("r1"), search_trouble="it gave up after 5 s")
    assert await desk.hear(ended("r1")) == [expected]
    held = HeldRun(run_of("picky", "r1"), NOON, exit_of(), ended_at=NOON)
    assert await desk.reports.held([held]) == (
        replace(held, search_trouble="it gave up after 5 s"),
    )
    told = {
        "event": "output not searched for failure_pattern; judged by exit status alone",
        "log_level": "warning",
        "job": "picky",
        "run": "r1",
        "error": "it gave up after 5 s",
    }
    assert log == [told, told]


async def test_a_death_is_told_before_what_the_next_supervisor_holds(desk: Desk) -> None:
    held = HeldRun(run_of(), NOON, None)
    desk.supervisor.held = [held]
    desk.supervisor.die()
    assert await desk.hear(count=2) == [SupervisorLost(), Recovered((held,))]


async def test_an_end_that_is_still_being_judged_counts_before_the_death(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told afterwards it would be taken for the end of the next attempt."""

    async def slow(run_id: str, attempt: int, pattern: str) -> Finding:
        await anyio.wait_all_tasks_blocked()  # the death has been noticed by then
        return Finding(True)

    monkeypatch.setattr(desk.outputs, "search", slow)
    desk.runs(PICKY, "r1")
    desk.supervisor.report(ended("r1"))
    desk.supervisor.die()
    events = await desk.hear(count=3)
    assert [type(event) for event in events] == [AttemptEnded, SupervisorLost, Recovered]


async def test_after_its_return_its_reports_are_heard_again(desk: Desk) -> None:
    desk.supervisor.die()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(desk.reports.run)
        await until(lambda: desk.supervisor.connects)
        desk.supervisor.report(ended("r1"))
        events: list[Any] = []
        await until(lambda: events.extend(desk.inbox.take()) or ended("r1") in events)
        tasks.cancel_scope.cancel()


async def test_a_supervisor_that_cannot_be_reached_is_tried_on_and_told_once(
    desk: Desk, log: list[Any]
) -> None:
    desk.supervisor.refuses = "another daemon is connected; stop it first"
    desk.supervisor.die()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(desk.reports.run)
        await until(lambda: desk.supervisor.connects >= 3)
        desk.supervisor.refuses = ""
        await until(lambda: Recovered(()) in desk.inbox._events)
        tasks.cancel_scope.cancel()
    assert [record["error"] for record in log] == ["another daemon is connected; stop it first"]


async def test_an_end_that_nobody_saw_is_judged_by_its_pattern_too(desk: Desk) -> None:
    """The daemon was away; the run printed ERROR and exited 0 all the same."""
    desk.runs(PICKY, "r1")
    keep_output(desk.outputs.path("r1", 1), b"ERROR\n")
    held = HeldRun(run_of("picky", "r1"), NOON, exit_of(), ended_at=NOON)
    assert await desk.reports.held([held]) == (replace(held, matched_failure=True),)


async def test_what_still_runs_is_not_judged_yet(desk: Desk) -> None:
    desk.runs(PICKY, "r1")
    keep_output(desk.outputs.path("r1", 1), b"ERROR\n")
    held = HeldRun(run_of("picky", "r1"), NOON, None)
    assert await desk.reports.held([held]) == (held,)
