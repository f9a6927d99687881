"""Delivery: tries and their delays, places, and what the log says, without secrets."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import anyio
import pytest

from jobd.config.model import NodeLimits
from jobd.core.hooks import Hook, HookKind, HookResult, Hooks
from jobd.daemon import hook_delivery as module
from jobd.daemon.hook_delivery import Delivery
from jobd.daemon.hook_order import Answer, Order
from tests.daemon.fakes import job_of, until
from tests.daemon.hook_orders import order_of

URL = Hook(url="https://h/hunter2")
ALERT = Hook(("alert", "hunter2"))
FINE, LATER, NEVER = Answer(), Answer("HTTP 503", may_retry=True), Answer("HTTP 404")


class Desk:
    """A delivery whose calls are answered as the test says, the last answer for ever."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        self.answers = list(answers)
        self.posted: list[tuple[str, float]] = []
        self.executed = 0
        self.limits = NodeLimits(16, 200, 1 << 30)
        self.delivery = Delivery(self._post, self._execute, lambda: self.limits, Random(1))

    async def _post(self, url: str, body: bytes, timeout_s: float) -> Answer:
        self.posted.append((url, timeout_s))
        return self._next()

    async def _execute(self, order: Order, timeout_s: float) -> Answer:
        self.executed += 1
        return self._next()

    def _next(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Sleep no longer than it takes to note for how long it was to be."""
    noted: list[float] = []

    async def sleep(delay_s: float) -> None:
        noted.append(delay_s)

    monkeypatch.setattr(module, "sleep", sleep)
    return noted


async def test_a_call_that_is_taken_is_made_once(log: list[Any]) -> None:
    desk = Desk([FINE])
    desk.limits = replace(desk.limits, hook_timeout=timedelta(seconds=7))
    assert await desk.delivery.deliver(order_of(URL)) is HookResult.SUCCESS
    assert desk.posted == [("https://h/hunter2", 7.0)]
    (record,) = log
    assert record == {
        "event": "hook called", "log_level": "info", "job": "a", "run": "aa11",
        "hook": "on_failure", "target": "https://h/***", "tries": 1,
    }  # fmt: skip


async def test_a_url_is_tried_again_ever_later_and_never_in_step_with_others(
    slept: list[float], log: list[Any]
) -> None:
    desk = Desk([LATER])
    assert await desk.delivery.deliver(order_of(URL)) is HookResult.FAILURE
    assert len(desk.posted) == 1 + len(module.RETRY_DELAYS_S)
    for delay_s, usual_s in zip(slept, module.RETRY_DELAYS_S, strict=True):
        assert delay_s == pytest.approx(usual_s, rel=module.JITTER)
    assert len({delay_s / usual_s for delay_s, usual_s in zip(slept, (1, 5, 25), strict=True)}) == 3
    (record,) = log
    assert (record["event"], record["tries"], record["error"]) == ("hook failed", 4, "HTTP 503")


async def test_a_url_that_is_back_at_the_third_try_has_been_called(log: list[Any]) -> None:
    desk = Desk([LATER, LATER, FINE])
    assert await desk.delivery.deliver(order_of(URL)) is HookResult.SUCCESS
    assert [(record["event"], record["tries"]) for record in log] == [("hook called", 3)]


async def test_a_server_that_wants_to_be_left_alone_is(slept: list[float]) -> None:
    desk = Desk([replace(LATER, retry_after_s=40.0), FINE])
    await desk.delivery.deliver(order_of(URL))
    assert slept == [pytest.approx(40.0, rel=module.JITTER)]


@pytest.mark.parametrize("hook", [URL, ALERT])
async def test_what_there_is_no_hope_for_is_not_tried_again(hook: Hook, slept: list[float]) -> None:
    """A command may have done half of its work; and a URL that is not there stays away."""
    desk = Desk([NEVER])
    assert await desk.delivery.deliver(order_of(hook)) is HookResult.FAILURE
    assert (len(desk.posted) + desk.executed, slept) == (1, [])


async def test_the_log_holds_neither_arguments_nor_paths(log: list[Any]) -> None:
    desk = Desk([NEVER])
    for hook in (URL, ALERT):
        await desk.delivery.deliver(order_of(hook))
    assert [record["target"] for record in log] == ["https://h/***", "alert"]
    assert "hunter2" not in str(log)


async def test_the_end_of_what_a_command_wrote_is_in_the_log_when_it_failed(
    log: list[Any],
) -> None:
    await Desk([Answer("exit status 3", output="no route")]).delivery.deliver(order_of(ALERT))
    assert log[0]["output"] == "no route"


async def test_of_pings_only_what_has_changed_is_in_the_log(log: list[Any]) -> None:
    """Those of five hundred jobs to one dead host would bury everything else."""
    desk = Desk([NEVER, NEVER, Answer("HTTP 410"), FINE, FINE])
    for _ in range(5):
        await desk.delivery.deliver(order_of(URL, HookKind.PING_URL))
    told = [(record["event"], record.get("error")) for record in log]
    assert told == [
        ("hook failed", "HTTP 404"), ("hook failed", "HTTP 410"), ("pings are taken again", None),
    ]  # fmt: skip


async def test_a_server_that_takes_no_starts_is_told_of_once_not_at_every_run(
    log: list[Any],
) -> None:
    desk = Desk([NEVER, FINE] * 3)
    end = order_of(URL, HookKind.PING_URL)
    start = replace(end, record=replace(end.record, outcome=None, ended_at=None))
    for _ in range(3):
        await desk.delivery.deliver(start)
        await desk.delivery.deliver(end)
    assert [record["event"] for record in log] == ["hook failed"]


async def test_a_url_that_was_changed_in_vain_is_told_of_again(log: list[Any]) -> None:
    """Whoever mended it looks into the log for what came of that."""
    desk = Desk([NEVER])
    for path in ("hunter2", "hunter2", "hunter3"):
        hook = Hook(url=f"https://h/{path}")
        job = job_of(hooks=Hooks(ping_url=hook))
        await desk.delivery.deliver(order_of(hook, HookKind.PING_URL, job))
    assert [record["event"] for record in log] == ["hook failed"] * 2


async def test_a_defect_of_ours_is_one_call_s_failure(log: list[Any]) -> None:
    desk = Desk([FINE])
    desk.limits = None
    assert await desk.delivery.deliver(order_of(URL)) is HookResult.FAILURE
    assert [record["event"] for record in log] == ["a hook could not be called", "hook failed"]


# -- places ----------------------------------------------------------------------------


class Crowd(Desk):
    """A delivery whose calls stay under way until they are let go."""

    def __init__(self, max_hooks: int) -> None:
        super().__init__([FINE])
        self.limits = replace(self.limits, max_hooks=max_hooks)
        self.under_way: list[str] = []
        self.may_end = anyio.Event()

    async def _post(self, url: str, body: bytes, timeout_s: float) -> Answer:
        self.under_way.append(url)
        await self.may_end.wait()
        return FINE

    async def _execute(self, order: Order, timeout_s: float) -> Answer:
        return await self._post("command", b"", timeout_s)


async def crowd(desk: Crowd, *hooks: Hook, expected: int) -> list[str]:
    """Return what is under way once so many are and no more come."""
    async with anyio.create_task_group() as tasks:
        for number, hook in enumerate(hooks):
            tasks.start_soon(desk.delivery.deliver, order_of(hook, job=job_of(f"j{number}")))
        await until(lambda: len(desk.under_way) >= expected)
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
        begun = list(desk.under_way)
        desk.may_end.set()
    return begun


async def test_no_more_calls_are_made_at_once_than_the_limit_says() -> None:
    hosts = [Hook(url=f"https://h{number}/x") for number in range(9)]
    assert len(await crowd(Crowd(4), *hosts, expected=4)) == 4


async def test_one_host_that_hangs_leaves_room_for_others() -> None:
    dead = [Hook(url=f"https://u:p@dead/{number}") for number in range(9)]
    begun = await crowd(Crowd(4), *dead, Hook(url="https://alive/x"), expected=3)
    assert sorted(begun) == ["https://alive/x", "https://u:p@dead/0", "https://u:p@dead/1"]


async def test_commands_that_hang_leave_room_for_urls() -> None:
    begun = await crowd(Crowd(4), *[ALERT] * 9, Hook(url="https://alive/x"), expected=3)
    assert sorted(begun) == ["command", "command", "https://alive/x"]


async def test_a_limit_of_one_still_calls() -> None:
    assert len(await crowd(Crowd(1), URL, URL, expected=1)) == 1


async def test_a_limit_that_a_reload_changes_holds_from_then_on() -> None:
    desk = Crowd(1)
    desk.may_end.set()
    await desk.delivery.deliver(order_of(URL))
    desk.under_way.clear()
    desk.may_end = anyio.Event()
    desk.limits = replace(desk.limits, max_hooks=6)
    assert len(await crowd(desk, *[URL] * 5, expected=3)) == 3


async def test_who_waits_for_the_next_try_takes_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    asleep, may_wake = anyio.Event(), anyio.Event()

    async def sleep(_: float) -> None:
        asleep.set()
        await may_wake.wait()

    monkeypatch.setattr(module, "sleep", sleep)
    desk = Desk([LATER, FINE])
    desk.limits = replace(desk.limits, max_hooks=1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(desk.delivery.deliver, order_of(URL))
        await asleep.wait()
        with anyio.fail_after(5):
            assert await desk.delivery.deliver(order_of(URL)) is HookResult.SUCCESS
        may_wake.set()
