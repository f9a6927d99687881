"""Node: what the web layer sees, and how it asks."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import anyio
import pytest

from jobd.config.model import Config, HttpAddress
from jobd.core.claim import ClaimRequest, Demand, Trigger
from jobd.core.effects import Accepted, Refused
from jobd.core.events import PauseAsked, Recovered, ShutdownAsked, SupervisorLost, TriggerAsked
from jobd.core.job import Overlap
from jobd.core.outcome import Outcome
from jobd.core.scheduler import Scheduler
from jobd.core.view import JobState
from jobd.daemon.answers import Answers
from jobd.daemon.chores import Chores
from jobd.daemon.inbox import Inbox
from jobd.daemon.node import DaemonNode, identity_of
from jobd.daemon.outputs import Outputs
from jobd.daemon.reload import Reloader
from tests.daemon.fakes import (
    NOON,
    FakeClock,
    FakeMemory,
    FakeStore,
    FakeSupervisor,
    finish_of,
    keep_output,
    no_routes,
    run_of,
    until,
)

Write = Callable[..., Config]
PAUSE = PauseAsked("q1", "a", "uid 1000 (anna)", "audit")


class Desk:
    """A node whose scheduler is turned by hand."""

    def __init__(
        self, config: Config, store: FakeStore, clock: FakeClock, peers: Any = None
    ) -> None:
        self.store, self.clock, self.inbox, self.answers = store, clock, Inbox(), Answers()
        self.scheduler = Scheduler("app1", "i")
        self.outputs = Outputs(config.daemon.state_dir)
        self.reloader = Reloader(
            config, store, None, FakeMemory(), clock, self.inbox, no_routes(), lambda *_: None
        )
        settings, active = lambda: self.reloader.config.store, self.scheduler.state.runs
        self.chores = Chores(store, None, clock, self.outputs, active, settings, lambda _: None)
        self.node = DaemonNode(
            identity_of(config, clock.now()),
            scheduler=self.scheduler,
            supervisor=FakeSupervisor(),
            store=store,
            clock=clock,
            clock_offset=lambda: timedelta(seconds=2),
            inbox=self.inbox,
            answers=self.answers,
            outputs=self.outputs,
            chores=self.chores,
            reloader=self.reloader,
            peers=peers,
        )

    def handle(self, event: Any) -> None:
        for effect in self.scheduler.handle(event, self.clock.now()):
            if isinstance(effect, (Accepted, Refused)):
                self.answers.give(effect)

    async def turn(self) -> None:
        """Let the scheduler decide whatever comes, for ever."""
        while True:
            await self.inbox.wait(1.0)
            for event in self.inbox.take():
                self.handle(event)

    async def run_is_granted(self, run_id: str) -> Any:
        wish = ClaimRequest(run_id, "a", NOON, Trigger.SCHEDULE, Demand(Overlap.SKIP))
        (granted,) = await self.store.claim([wish], "app1", NOON)
        return finish_of(run_of("a", run_id, token=granted.token))


@pytest.fixture
async def desk(write_config: Write, store: FakeStore, clock: FakeClock) -> AsyncIterator[Desk]:
    desk = Desk(write_config('[jobs.a]\ncommand = "true"\nevery = "1h"\n'), store, clock)
    desk.handle(await desk.reloader.at_start())
    desk.handle(Recovered(()))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(desk.turn)
        yield desk
        tasks.cancel_scope.cancel()


async def test_a_wish_gets_the_scheduler_s_answer(desk: Desk) -> None:
    assert await desk.node.ask(PAUSE) == Accepted("q1", message="1 paused")


async def test_times_are_told_in_the_zone_that_is_configured_now(
    desk: Desk, write_config: Write
) -> None:
    """Not in that of the start: who reloads another zone sees it on the pages."""
    before = desk.node.identity.timezone
    write_config(daemon='timezone = "Europe/Berlin"')
    await desk.node.reload("uid 0 (root)")
    assert (before, desk.node.identity.timezone) == ("UTC", "Europe/Berlin")


async def test_the_offset_of_the_clock_is_told(desk: Desk) -> None:
    assert desk.node.clock_offset() == timedelta(seconds=2)


async def test_the_names_are_those_of_the_views(desk: Desk) -> None:
    """A page asks for the names first and then, some at a time, for the views."""
    views = [desk.node.job_view(name) for name in desk.node.job_names()]
    assert [view.job.name for view in views if view is not None] == ["a"]


async def test_who_asked_for_what_is_kept(desk: Desk) -> None:
    await desk.node.ask(PAUSE)
    (entry,) = await desk.store.audit()
    assert (entry.at, entry.by, entry.action, entry.target) == (
        NOON,
        "uid 1000 (anna)",
        "pause",
        "a",
    )


async def test_a_refusal_is_kept_too(desk: Desk) -> None:
    await desk.node.ask(TriggerAsked("q1", "r1", "none", "uid 1000 (anna)"))
    (entry,) = await desk.store.audit()
    assert entry.detail == "refused: no job none; `jobd ctl jobs` lists them"


async def test_what_is_done_is_answered_although_it_cannot_be_written_down(desk: Desk) -> None:
    desk.store.is_down = True
    assert isinstance(await desk.node.ask(PAUSE), Accepted)


async def test_a_run_s_end_ends_the_wait_for_it(desk: Desk) -> None:
    end = await desk.run_is_granted("r1")
    found: list[Any] = []

    async def wait() -> None:
        found.append(await desk.node.wait_ended("r1", timedelta(hours=1)))

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await until(lambda: "run" in desk.store.calls)
            await desk.store.finish([end])
            desk.answers.ended("r1")
    assert found[0].outcome is Outcome.SUCCESS


async def test_an_end_while_the_store_is_asked_is_not_missed(desk: Desk) -> None:
    """It is looked up, found active, and ends before anyone waits."""
    end = await desk.run_is_granted("r1")
    look = desk.store.run

    async def slow_look(run_id: str) -> Any:
        record = await look(run_id)
        if record is not None and record.outcome is None:
            await desk.store.finish([end])
            desk.answers.ended("r1")
        return record

    desk.node._store = type("Slow", (), {"run": staticmethod(slow_look)})()
    with anyio.fail_after(10):
        record = await desk.node.wait_ended("r1", timedelta(hours=1))
    assert record is not None
    assert record.outcome is Outcome.SUCCESS


async def test_a_run_that_has_ended_is_not_waited_for(desk: Desk) -> None:
    await desk.store.finish([await desk.run_is_granted("r1")])
    with anyio.fail_after(10):
        assert await desk.node.wait_ended("r1", timedelta(hours=1)) is not None


async def test_after_its_time_a_run_is_shown_as_it_stands(desk: Desk) -> None:
    await desk.run_is_granted("r1")
    record = await desk.node.wait_ended("r1", timedelta(milliseconds=1))
    assert record is not None
    assert record.outcome is None


async def test_a_run_that_nobody_knows_is_none(desk: Desk) -> None:
    assert await desk.node.wait_ended("r1", timedelta(milliseconds=1)) is None


async def test_a_node_that_is_well_is_ready(desk: Desk) -> None:
    assert desk.node.is_ready() == (True, "")


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (ShutdownAsked(), "this daemon is stopping"),
        (SupervisorLost(), "the supervisor is not there"),
    ],
)
async def test_a_node_that_starts_nothing_is_not_ready(desk: Desk, event: Any, why: str) -> None:
    desk.handle(event)
    is_ready, words = desk.node.is_ready()
    assert (is_ready, words.startswith(why)) == (False, True)


async def test_a_store_that_is_silent_for_less_than_its_ttl_is_borne(desk: Desk) -> None:
    desk.store.is_down = True
    desk.clock.pass_time(59)
    await desk.chores.ping()
    assert desk.node.is_ready() == (True, "")


async def test_a_store_that_is_silent_for_its_ttl_is_not(desk: Desk) -> None:
    desk.store.is_down = True
    desk.clock.pass_time(61)
    await desk.chores.ping()
    assert desk.node.is_ready() == (
        False,
        "the store has not answered for 61 s: the disk is gone",
    )


async def test_a_store_that_hangs_is_told_from_its_silence(desk: Desk) -> None:
    """A call that never returns is no error that anyone could count."""
    desk.clock.pass_time(61)
    assert desk.node.is_ready() == (False, "the store has not answered for 61 s: it hangs")


async def test_a_clock_that_is_set_makes_no_node_unready(desk: Desk) -> None:
    desk.clock.set_wall(86400)
    assert desk.node.is_ready() == (True, "")


async def test_jobs_are_shown_as_the_scheduler_sees_them(desk: Desk) -> None:
    view = desk.node.job_view("a")
    assert view is not None
    assert (view.job.name, view.state) == ("a", JobState.SCHEDULED)
    assert (desk.node.job_view("none"), desk.node.view().jobs) == (None, 1)


async def test_a_reload_reaches_the_reloader(desk: Desk) -> None:
    desk.clock.pass_time(60)
    result = await desk.node.reload("anna")
    assert (result.errors, desk.node.config_state()) == ((), (True, NOON + timedelta(seconds=60)))


async def test_output_is_read_by_run_and_attempt(desk: Desk) -> None:
    keep_output(desk.outputs.path("r1", 2), b"second")
    await desk.run_is_granted("r1")
    record = await desk.store.run("r1")
    assert record is not None
    assert (await desk.node.read_output(record, 2, 0)).data == b"second"


async def test_no_other_node_is_asked_about_a_run_under_this_one_s_former_name(
    write_config: Write, store: FakeStore, clock: FakeClock
) -> None:
    """It runs here, and has written nothing yet; nobody of that name would answer."""
    nobody = object()
    desk = Desk(write_config('[jobs.a]\ncommand = "true"\n'), store, clock, nobody)
    await desk.reloader.at_start()
    wish = ClaimRequest("r1", "a", None, Trigger.MANUAL, Demand(Overlap.SKIP))
    await store.claim([wish], "former", NOON)
    desk.handle(await desk.reloader.at_start())
    record = await store.run("r1")
    assert record is not None
    assert (await desk.node.read_output(record, 1, 0)).data == b""


@pytest.mark.parametrize(
    ("host", "shown"), [("127.0.0.1", "127.0.0.1:9746"), ("::1", "[::1]:9746")]
)
def test_an_address_is_shown_as_it_is_written(host: str, shown: str) -> None:
    assert str(HttpAddress(host, 9746)) == shown


def test_http_that_is_off_is_shown_as_that(write_config: Write) -> None:
    assert identity_of(write_config(daemon='http = ""'), NOON).http == ""
