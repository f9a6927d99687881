"""Hooks: called in order, bounded in number, and never waited for by who asks for the calls."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from jobd.core.hooks import Hook, HookKind, HookResult
from jobd.daemon import hooks as module
from jobd.daemon.hook_order import Order
from jobd.daemon.hooks import Hooks
from tests.daemon.fakes import job_of, until
from tests.daemon.hook_orders import effect_of, order_of

ALERT = Hook(("alert",))
PING = Hook(url="https://h/p")


def nobody(order: Order) -> bool:
    return False


class Desk:
    """Hooks whose calls hang until they are let go."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.counted: list[tuple[str, str, str]] = []
        self.may_end = anyio.Event()
        self.hooks = Hooks(self._deliver, lambda *counted: self.counted.append(counted))

    async def _deliver(self, order: Order) -> HookResult:
        self.begun.append(f"{order.call.kind} {order.record.run_id}")
        await self.may_end.wait()
        return HookResult.SUCCESS

    def ask(self, run_id: str, job: str = "a", *, ping: bool = False, **how: bool) -> Order:
        kind = HookKind.PING_URL if ping else HookKind.ON_FAILURE
        order = order_of(PING if ping else ALERT, kind, job_of(job), run_id=run_id)
        self.hooks.put(effect_of(order, **how))
        return order

    def results(self, result: HookResult) -> int:
        return len([one for one in self.counted if one[2] == result])

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.hooks.run)
            yield
            tasks.cancel_scope.cancel()


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_calls_of_one_job_are_made_one_after_another(desk: Desk) -> None:
    """A start that came after its end would open a check that the end had closed."""
    async with desk.working():
        for run_id in ("r1", "r2", "r3"):
            desk.ask(run_id)
        await until(lambda: desk.begun)
        await anyio.wait_all_tasks_blocked()
        assert desk.begun == ["on_failure r1"]
        desk.may_end.set()
        await until(lambda: len(desk.begun) == 3)
    assert desk.begun == ["on_failure r1", "on_failure r2", "on_failure r3"]


async def test_a_ping_that_hangs_holds_up_neither_the_job_s_hooks_nor_other_jobs(
    desk: Desk,
) -> None:
    async with desk.working():
        desk.ask("r1", ping=True)
        desk.ask("r1")
        desk.ask("r2", job="b", ping=True)
        await until(lambda: len(desk.begun) == 3)


async def test_what_is_asked_before_the_daemon_works_is_called_then(desk: Desk) -> None:
    """An end that is found out at the start comes before anything runs."""
    desk.may_end.set()
    desk.ask("r1")
    async with desk.working():
        await until(lambda: desk.results(HookResult.SUCCESS) == 1)
    assert desk.counted == [("a", HookKind.ON_FAILURE, HookResult.SUCCESS)]


async def test_of_one_job_only_the_newest_wait(desk: Desk, log: list[Any]) -> None:
    """A job of each second must not fill what there is room for with calls to a dead host."""
    async with desk.working():
        desk.ask("first")
        await until(lambda: desk.begun)
        for number in range(module.MOST_OF_A_JOB + 5):
            desk.ask(f"r{number}")
        assert desk.results(HookResult.DROPPED) == 5
        desk.may_end.set()
        await until(lambda: desk.results(HookResult.SUCCESS) == module.MOST_OF_A_JOB + 1)
    assert desk.begun[:2] == ["on_failure first", "on_failure r5"]
    assert desk.begun[-1] == f"on_failure r{module.MOST_OF_A_JOB + 4}"
    told = [(record["event"], record.get("dropped")) for record in log]
    assert told == [
        ("hooks are dropped: calls come faster than they can be made", None),
        ("hooks are called again", 5),
    ]


async def test_of_all_jobs_so_many_wait_and_no_more(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 3)
    async with desk.working():
        for number in range(5):
            desk.ask("r1", job=f"j{number}")
        assert desk.counted == [
            (f"j{number}", HookKind.ON_FAILURE, HookResult.DROPPED) for number in (3, 4)
        ]
        await until(lambda: len(desk.begun) == 3)


async def test_a_doubtful_end_is_told_once_the_store_has_taken_it(desk: Desk) -> None:
    async with desk.working():
        order = desk.ask("r1", is_doubtful=True)
        await anyio.wait_all_tasks_blocked()
        assert desk.begun == []
        desk.hooks.settled(order.record, True)
        desk.hooks.settled(order.record, True)
        await until(lambda: desk.begun)
        desk.may_end.set()  # a second call would wait for the end of the first
        await anyio.wait_all_tasks_blocked()
    assert desk.begun == ["on_failure r1"]


async def test_a_doubtful_end_that_the_store_refuses_is_told_by_another_node(desk: Desk) -> None:
    async with desk.working():
        order = desk.ask("r1", is_doubtful=True)
        desk.hooks.settled(order.record, False)
        desk.hooks.settled(order.record, True)
        desk.ask("r2")
        await until(lambda: desk.begun)
    assert desk.begun == ["on_failure r2"]


async def test_a_stop_makes_the_calls_that_can_be_made(desk: Desk, log: list[Any]) -> None:
    desk.may_end.set()
    async with desk.working():
        desk.ask("r1")
        desk.ask("r2", job="b", is_doubtful=True)
        await desk.hooks.close(nobody)
        assert desk.results(HookResult.SUCCESS) == 2
    assert log == []


@pytest.mark.parametrize("with_supervisor", [set(), {"r1"}])
async def test_a_stop_does_not_wait_long_and_drops_what_does_not_go_on_without_it(
    desk: Desk, log: list[Any], monkeypatch: pytest.MonkeyPatch, with_supervisor: set[str]
) -> None:
    monkeypatch.setattr(module, "CLOSE_S", 0.01)
    async with desk.working():
        desk.ask("r1")
        desk.ask("r2")
        with anyio.fail_after(5):
            await desk.hooks.close(lambda order: order.record.run_id in with_supervisor)
    going_on = len(with_supervisor)
    assert desk.results(HookResult.DROPPED) == 2 - going_on
    told = [(record["event"], record["dropped"], record["going_on"]) for record in log]
    assert told == [("stopping before all hooks were called", 2 - going_on, going_on)]


async def test_a_stop_with_nothing_to_call_waits_for_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLOSE_S", 1e6)
    async with desk.working():
        with anyio.fail_after(5):
            await desk.hooks.close(nobody)
