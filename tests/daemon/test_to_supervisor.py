"""To the supervisor: what is ordered, in which order, and what when it cannot be."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from jobd.core.claim import Trigger
from jobd.core.effects import StartRun, StopRun
from jobd.core.events import Event, RunNotStarted
from jobd.core.job import Param
from jobd.core.outcome import StopCause
from jobd.daemon import to_supervisor as module
from jobd.daemon.inbox import Inbox
from jobd.daemon.to_supervisor import Forget, ToSupervisor
from tests.daemon.fakes import FakeSupervisor, job_of, run_of


class Desk:
    """The lane to a supervisor."""

    def __init__(self, supervisor: FakeSupervisor) -> None:
        self.supervisor, self.inbox = supervisor, Inbox()
        self.unwanted: set[str] = set()
        self.to_supervisor = ToSupervisor(
            supervisor,
            self.inbox,
            lambda run_id, attempt: Path(f"/o/{run_id}.{attempt}"),
            lambda run: run.run_id not in self.unwanted,
        )

    async def work_off(self, *effects: Any) -> list[Event]:
        for effect in effects:
            self.to_supervisor.lane.put(effect)
        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self.to_supervisor.run)
                await self.to_supervisor.lane.drained()
                tasks.cancel_scope.cancel()
        return self.inbox.take()


@pytest.fixture
def desk(supervisor: FakeSupervisor) -> Desk:
    return Desk(supervisor)


def start(run_id: str, attempt: int = 1, **keys: Any) -> StartRun:
    return StartRun(run_of("a", run_id, attempt=attempt), job_of(**keys))


def broken(*_: object) -> Any:
    raise ZeroDivisionError("a defect")


async def test_starts_that_follow_each_other_are_handed_over_together(desk: Desk) -> None:
    await desk.work_off(start("r1"), start("r2"), start("r3"))
    assert desk.supervisor.orders == [("start", ["r1", "r2", "r3"])]


async def test_the_first_of_a_herd_starts_before_the_last_is_prepared(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each preparation is a fraction of a millisecond that the first would wait for all."""
    monkeypatch.setattr(module, "PREPARED_AT_ONCE", 2)
    started_before: list[int] = []
    prepare = module.launch

    def noting(*arguments: Any) -> Any:
        started_before.append(len(desk.supervisor.launches))
        return prepare(*arguments)

    monkeypatch.setattr(module, "launch", noting)
    await desk.work_off(*[start(f"r{number}") for number in range(5)])
    assert started_before == [0, 0, 2, 2, 4]
    assert [launch.run.run_id for launch in desk.supervisor.launches] == [
        f"r{number}" for number in range(5)
    ]


async def test_orders_keep_their_order(desk: Desk) -> None:
    """A stop that overtook its start would stop nothing."""
    await desk.work_off(
        start("r1"), StopRun("r1", StopCause.CANCEL), StopRun("r0", StopCause.REPLACE),
        start("r2"), Forget("r1"), Forget("r0"),
    )  # fmt: skip
    assert desk.supervisor.orders == [
        ("start", ["r1"]),
        ("stop", ("r1", "cancel")),
        ("stop", ("r0", "replace")),
        ("start", ["r2"]),
        ("forget", ["r1", "r0"]),
    ]


async def test_an_earlier_attempt_s_end_is_forgotten_before_the_next_one_starts(
    desk: Desk,
) -> None:
    """Both have the run's id: what is kept of the first would stand for the second."""
    await desk.work_off(start("r1"), start("r2", attempt=2))
    assert desk.supervisor.orders == [("forget", ["r2"]), ("start", ["r1", "r2"])]


async def test_each_attempt_writes_to_a_file_of_its_own(desk: Desk) -> None:
    await desk.work_off(start("r1"), start("r2", attempt=3))
    assert [launch.output for launch in desk.supervisor.launches] == ["/o/r1.1", "/o/r2.3"]


async def test_a_run_that_cannot_be_prepared_is_told_and_holds_up_no_other(desk: Desk) -> None:
    (event,) = await desk.work_off(start("r1"), start("r2", user="no-such-user"), start("r3"))
    assert isinstance(event, RunNotStarted)
    assert (event.run_id, "no user no-such-user" in event.reason) == ("r2", True)
    assert desk.supervisor.orders == [("start", ["r1", "r3"])]


async def test_a_defect_met_by_one_run_does_not_end_the_daemon(
    desk: Desk, log: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "launch", broken)
    events = await desk.work_off(start("r1"))
    assert events == [RunNotStarted("r1", "a defect of jobd; its log has the details")]
    assert [(r["log_level"], r["run"], r["exc_info"]) for r in log] == [("error", "r1", True)]


@pytest.mark.parametrize(("keys", "is_elsewhere"), [({}, False), ({"user": "nobody"}, True)])
async def test_users_are_looked_up_where_they_hold_nobody_up(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, keys: dict[str, str], is_elsewhere: bool
) -> None:
    """A directory of users over the network can take seconds; ticks must not wait for it."""
    threads = []
    original = module.launch

    def noted(*arguments: Any) -> Any:
        threads.append(threading.current_thread())
        return original(*arguments)

    monkeypatch.setattr(module, "launch", noted)
    await desk.work_off(start("r1", **keys))
    assert [thread is not threading.main_thread() for thread in threads] == [is_elsewhere]


@pytest.mark.parametrize("keys", [{}, {"user": "nobody"}])
async def test_a_pattern_that_takes_for_ever_keeps_nobody_waiting(
    desk: Desk, keys: dict[str, str]
) -> None:
    """Parameters of a run that was taken over come from a database where others may write, and no
    thread but the main one can break off a pattern that backtracks."""
    endless = start("r1", params=(Param("name", "(a+)+"),), **keys)
    forged = replace(endless.run, trigger=Trigger.MANUAL, params=(("name", "a" * 60 + "!"),))
    events = await desk.work_off(replace(endless, run=forged), start("r2"))
    assert events == [RunNotStarted("r1", "parameter name is not what a admits here")]
    assert desk.supervisor.orders == [("start", ["r2"])]


async def test_a_look_up_keeps_the_order_of_starts(desk: Desk) -> None:
    await desk.work_off(start("r1"), start("r2", user="nobody"), start("r3"))
    assert desk.supervisor.orders == [("start", ["r1", "r2", "r3"])]


async def test_a_run_that_was_given_up_while_it_was_prepared_is_not_started(desk: Desk) -> None:
    """The supervisor died meanwhile, so the core counts it as lost; started at the next
    supervisor it would run beside the next tick, and nobody would know of it."""
    desk.unwanted = {"r1", "r3"}
    events = await desk.work_off(start("r1"), start("r2"), start("r3", user="no-such-user"))
    assert (desk.supervisor.orders, events) == ([("start", ["r2"])], [])


@pytest.mark.parametrize(
    "effect", [start("r1"), start("r1", attempt=2), StopRun("r1", StopCause.CANCEL), Forget("r1")]
)
async def test_orders_to_a_dead_supervisor_are_dropped(desk: Desk, effect: Any) -> None:
    """The end of its reports tells the core, which ends these runs."""
    desk.supervisor.is_gone = True
    assert await desk.work_off(effect) == []


async def test_after_its_death_the_lane_goes_on_with_the_next_supervisor(desk: Desk) -> None:
    desk.supervisor.is_gone = True
    await desk.work_off(start("r1"))
    desk.supervisor.is_gone = False
    await desk.work_off(start("r2"))
    assert desk.supervisor.orders == [("start", ["r2"])]
