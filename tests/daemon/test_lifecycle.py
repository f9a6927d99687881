"""Lifecycle: started in order, stopped in the opposite one, and nothing lost on either way."""

import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import anyio
import pytest

from jobd.clock import SystemClock
from jobd.config.model import Config
from jobd.core.claim import ClaimRequest, Demand, Trigger
from jobd.core.cluster import NodeWord
from jobd.core.effects import Accepted
from jobd.core.events import AttemptEnded, DrainAsked, HeldRun, RunStarted, TriggerAsked
from jobd.core.job import Overlap
from jobd.core.outcome import Outcome
from jobd.core.view import JobState
from jobd.daemon import gauge, heartbeat, to_shared
from jobd.daemon import lifecycle as module
from jobd.daemon.lifecycle import Daemon
from jobd.daemon.outputs import Outputs
from jobd.errors import ConfigError, StateError, StoreUnavailable, SupervisorError
from jobd.ports import Enrolment
from jobd.store.memory import MemoryStore
from tests.daemon.fakes import (
    FakeMemory,
    FakeStore,
    FakeSupervisor,
    exit_of,
    keep_output,
    run_of,
    until,
)
from tests.daemon.shared import SharedMemory

Write = Callable[..., Config]
JOB = '[jobs.a]\ncommand = "true"\n'


class Notes:
    """A service manager on paper."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def ready(self, status: str = "") -> None:
        self.said.append("ready")

    def reloading(self) -> None:
        self.said.append("reloading")

    def stopping(self) -> None:
        self.said.append("stopping")

    def status(self, text: str) -> None:
        """Not asked for here."""

    def watchdog(self) -> None:
        """Not asked for here."""


@dataclass
class Desk:
    """A daemon on fakes; only its listeners, its clock and its signals are real."""

    config: Config
    store: FakeStore
    supervisor: FakeSupervisor
    owns: bool = True
    shared: SharedMemory | None = None
    memory: FakeMemory = field(default_factory=FakeMemory)
    notes: Notes = field(default_factory=Notes)

    def __post_init__(self) -> None:
        self.daemon = Daemon(
            self.config,
            clock=SystemClock(),
            store=self.store,
            memory=self.memory,
            shared=self.shared,
            supervisor=self.supervisor,
            owns_supervisor=self.owns,
            notifier=self.notes,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let the daemon live; who leaves the context waits for its end."""
        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self.daemon.run)
                await until(lambda: "ready" in self.notes.said)
                yield

    async def trigger(self, run_id: str = "aa11") -> Any:
        """Start a run by hand; return the scheduler's answer."""
        asked = TriggerAsked(f"ask {run_id}", run_id, "a", "anna")
        return await self.daemon.node.ask(asked)

    async def start_run(self, run_id: str = "aa11") -> None:
        """Start a run by hand and let its process be there."""
        assert isinstance(await self.trigger(run_id), Accepted)
        await until(lambda: ("start", [run_id]) in self.supervisor.orders)
        self.supervisor.report(RunStarted(run_id, SystemClock().now()))
        state = self.daemon._parts.scheduler.state
        await until(lambda: state.runs[run_id].started_at is not None)

    def end_run(self, run_id: str = "aa11", **facts: Any) -> None:
        self.supervisor.report(AttemptEnded(run_id, exit_of(**facts), SystemClock().now()))

    async def outcome(self, run_id: str = "aa11") -> Outcome | None:
        record = await self.store.run(run_id)
        return None if record is None else record.outcome


@pytest.fixture(autouse=True)
def at_ease(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy this machine is: under pressure no daemon would start what it is to start."""
    monkeypatch.setattr(gauge, "FILES", {})


@pytest.fixture
def make(write_config: Write, store: FakeStore, supervisor: FakeSupervisor) -> Callable[..., Desk]:
    def desk(jobs: str = JOB, *, owns: bool = True, grace: str = "10s", http: str = "") -> Desk:
        head = f'shutdown_grace = "{grace}"\nhttp = "{http}"\n'
        return Desk(write_config(jobs, head), store, supervisor, owns)

    return desk


@pytest.fixture
def desk(make: Callable[..., Desk]) -> Desk:
    return make()


def kill(number: int) -> None:
    os.kill(os.getpid(), number)


async def held_before(desk: Desk, ended: bool = False, run_id: str = "bb22") -> None:
    """Let an earlier daemon have left a run, active or ended since."""
    now = SystemClock().now()
    await desk.store.enrol([Enrolment("a", "")], now)
    demand = Demand(Overlap.SKIP)
    wish = ClaimRequest(run_id, "a", None, Trigger.MANUAL, demand)
    (granted,) = await desk.store.claim([wish], "app1", now)
    run = run_of("a", run_id, token=granted.token, fire_time=None, trigger=Trigger.MANUAL)
    exit_ = exit_of() if ended else None
    desk.supervisor.held = [HeldRun(run, now, exit_, ended_at=now if ended else None)]


# -- the start ---------------------------------------------------------------------------


async def test_a_daemon_says_ready_and_stopping(desk: Desk) -> None:
    async with desk.running():
        desk.daemon.stop()
    assert desk.notes.said == ["ready", "stopping"]


async def test_who_is_told_ready_may_ask(desk: Desk) -> None:
    async with desk.running():
        assert desk.daemon.node.is_ready() == (True, "")
        async with await anyio.connect_unix(desk.config.daemon.socket):
            desk.daemon.stop()


async def test_http_that_is_off_is_not_served(desk: Desk, log: list[Any]) -> None:
    async with desk.running():
        desk.daemon.stop()
    assert [record["http"] for record in log if record["event"] == "listening"] == ["off"]


async def test_signals_are_obeyed_from_ready_on(desk: Desk) -> None:
    """Their default is the end of the process, here of the test's."""
    desk.notes.ready = lambda status="": (desk.notes.said.append("ready"), kill(signal.SIGTERM))
    async with desk.running():
        pass
    assert desk.notes.said == ["ready", "stopping"]


async def test_a_store_that_is_held_leaves_the_supervisor_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse() -> None:
        raise StateError("held by jobd on app1")

    monkeypatch.setattr(desk.store, "open", refuse)
    with pytest.raises(StateError, match="held by jobd on app1"):
        await desk.daemon.run()
    assert (desk.supervisor.connects, desk.supervisor.parted) == (0, "")


async def test_a_supervisor_that_is_not_there_lets_go_of_the_store(desk: Desk) -> None:
    desk.supervisor.refuses = "no supervisor answers"
    with pytest.raises(SupervisorError, match="no supervisor answers"):
        await desk.daemon.run()
    assert not desk.store.is_open


async def test_a_store_that_fails_during_the_start_is_let_go_of(desk: Desk) -> None:
    desk.store.fails_next = 1
    with pytest.raises(StoreUnavailable):
        await desk.daemon.run()
    assert (desk.store.is_open, desk.supervisor.parted) == (False, "shutdown")


@pytest.fixture
def taken_port() -> Any:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def test_a_port_that_is_taken_is_told_and_everything_let_go_of(
    make: Callable[..., Desk], taken_port: int
) -> None:
    desk = make(http=f"127.0.0.1:{taken_port}")
    with pytest.raises(ConfigError, match=r"daemon\.http: cannot listen on"):
        await desk.daemon.run()
    assert (desk.store.is_open, desk.supervisor.parted) == (False, "shutdown")
    assert (desk.notes.said, desk.config.daemon.socket.exists()) == ([], False)


async def test_a_start_that_fails_does_not_cost_the_runs_of_an_earlier_daemon(
    make: Callable[..., Desk], taken_port: int
) -> None:
    """A supervisor of our own lives on for a while: the next try takes them back."""
    desk = make(http=f"127.0.0.1:{taken_port}")
    await held_before(desk)
    with pytest.raises(ConfigError):
        await desk.daemon.run()
    assert desk.supervisor.parted == "release"


async def test_a_defect_does_not_cost_the_running_jobs(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a defect")

    async def live() -> None:
        async with desk.running():
            await desk.start_run()
            monkeypatch.setattr(desk.daemon._parts.loop, "handle", broken)
            desk.end_run()
            await anyio.sleep_forever()

    with pytest.raises(ExceptionGroup):
        await live()
    assert (desk.supervisor.parted, desk.store.is_open) == ("release", False)


# -- runs of an earlier daemon -------------------------------------------------------------


async def test_a_run_that_went_on_without_a_daemon_is_taken_back(desk: Desk) -> None:
    await held_before(desk)
    async with desk.running():
        assert list(desk.daemon._parts.scheduler.state.runs) == ["bb22"]
        desk.end_run("bb22")
        await until(lambda: ("forget", ["bb22"]) in desk.supervisor.orders)
        desk.daemon.stop()
    assert await desk.outcome("bb22") is Outcome.SUCCESS


async def test_an_end_that_no_daemon_saw_is_recorded_then_forgotten(desk: Desk) -> None:
    await held_before(desk, ended=True)
    async with desk.running():
        await until(lambda: ("forget", ["bb22"]) in desk.supervisor.orders)
        assert await desk.outcome("bb22") is Outcome.SUCCESS
        desk.daemon.stop()


async def test_an_end_that_no_daemon_saw_is_judged_by_its_output(
    make: Callable[..., Desk],
) -> None:
    desk = make(f'{JOB}failure_pattern = "^ERROR"\n')
    await held_before(desk, ended=True)
    keep_output(Outputs(desk.config.daemon.state_dir).path("bb22", 1), b"ERROR\n")
    async with desk.running():
        await until(lambda: desk.supervisor.orders)
        desk.daemon.stop()
    assert await desk.outcome("bb22") is Outcome.FAILURE


async def test_a_run_whose_end_nobody_knows_is_lost(desk: Desk) -> None:
    await held_before(desk)
    desk.supervisor.held = []
    desk.supervisor.since_s = SystemClock().steady_s()  # a new one
    async with desk.running():
        desk.daemon.stop()
    assert await desk.outcome("bb22") is Outcome.LOST


# -- the way of a run ----------------------------------------------------------------------


async def test_a_run_goes_from_a_wish_to_its_record(desk: Desk) -> None:
    async with desk.running():
        await desk.start_run()
        desk.end_run(code=3)
        record = await desk.daemon.node.wait_ended("aa11", timedelta(seconds=20))
        desk.daemon.stop()
    assert record is not None
    assert (record.outcome, record.exit_code) == (Outcome.FAILURE, 3)


async def test_a_run_that_cannot_be_prepared_ends_as_a_start_error(
    make: Callable[..., Desk],
) -> None:
    desk = make(f'{JOB}env_file = "/does/not/exist"\n')
    async with desk.running():
        await desk.trigger()
        record = await desk.daemon.node.wait_ended("aa11", timedelta(seconds=20))
        desk.daemon.stop()
    assert record is not None
    assert record.outcome is Outcome.START_ERROR
    assert record.reason == "env_file /does/not/exist cannot be read: No such file or directory"


async def test_a_supervisor_that_dies_costs_its_runs_and_not_the_daemon(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobd.daemon.reports.RECONNECT_S", 0.001)
    async with desk.running():
        await desk.start_run()
        desk.supervisor.die()
        await until(lambda: desk.supervisor.connects == 2)
        await until(lambda: desk.daemon.node.is_ready()[0])
        await desk.start_run("cc33")
        desk.end_run("cc33")
        desk.daemon.stop()
    assert await desk.outcome("aa11") is Outcome.LOST
    assert await desk.outcome("cc33") is Outcome.SUCCESS


# -- signals -------------------------------------------------------------------------------


async def test_sighup_reloads_and_tells_both_ends_of_it(desk: Desk, write_config: Write) -> None:
    async with desk.running():
        write_config(f'{JOB}[jobs.b]\ncommand = "true"\n', 'http = ""\n')
        kill(signal.SIGHUP)
        await until(lambda: desk.daemon.node.job_view("b"))
        await until(lambda: len(desk.notes.said) == 3)
        desk.daemon.stop()
    assert desk.notes.said == ["ready", "reloading", "ready", "stopping"]


async def test_a_bad_file_at_sighup_is_told_and_over(desk: Desk) -> None:
    """RELOADING without READY would leave the unit reloading for ever."""
    async with desk.running():
        desk.config.path.write_text("nonsense")
        kill(signal.SIGHUP)
        await until(lambda: len(desk.notes.said) == 3)
        desk.daemon.stop()
    assert desk.notes.said == ["ready", "reloading", "ready", "stopping"]


async def test_a_silent_store_at_sighup_does_not_end_the_daemon(desk: Desk) -> None:
    async with desk.running():
        desk.store.is_down = True
        kill(signal.SIGHUP)
        await until(lambda: len(desk.notes.said) == 3)
        desk.store.is_down = False
        desk.daemon.stop()
    assert desk.notes.said == ["ready", "reloading", "ready", "stopping"]


async def test_a_stop_does_not_wait_for_a_reload_that_hangs(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(by: str) -> None:
        await anyio.sleep_forever()

    monkeypatch.setattr(desk.daemon._parts.reloader, "reload", hang)
    async with desk.running():
        kill(signal.SIGHUP)
        await until(lambda: "reloading" in desk.notes.said)
        kill(signal.SIGTERM)
    assert desk.notes.said == ["ready", "reloading", "stopping"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_both_signals_to_stop_are_obeyed(desk: Desk, number: int) -> None:
    async with desk.running():
        kill(number)
    assert desk.supervisor.parted == "shutdown"


# -- the stop ------------------------------------------------------------------------------


async def test_a_stop_waits_for_what_runs(desk: Desk) -> None:
    async with desk.running():
        await desk.start_run()
        desk.daemon.stop()
        await until(lambda: "stopping" in desk.notes.said)
        desk.end_run()
    assert await desk.outcome() is Outcome.SUCCESS
    assert not [order for order in desk.supervisor.orders if order[0] == "stop"]


async def test_a_stop_starts_nothing_more(desk: Desk) -> None:
    async with desk.running():
        await desk.start_run()
        desk.daemon.stop()
        await until(lambda: desk.daemon.node.view().is_stopping)
        reply = await desk.trigger("cc33")
        desk.end_run()
    assert reply.code == "shutting_down"


@pytest.mark.parametrize("how", ["grace", "second signal"])
async def test_after_the_grace_or_a_second_signal_runs_are_stopped(
    make: Callable[..., Desk], how: str
) -> None:
    desk = make(grace="0s" if how == "grace" else "1h")
    async with desk.running():
        await desk.start_run()
        kill(signal.SIGTERM)
        await until(lambda: "stopping" in desk.notes.said)
        if how == "second signal":
            kill(signal.SIGTERM)
        await until(lambda: ("stop", ("aa11", "shutdown")) in desk.supervisor.orders)
        desk.end_run()
    assert desk.supervisor.parted == "shutdown"


async def test_a_run_that_does_not_stop_is_waited_for_in_bounds(
    make: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as its kill_after and a margin; then the supervisor's end is its own."""
    monkeypatch.setattr(module, "STOP_MARGIN", timedelta(milliseconds=50))
    desk = make(f'{JOB}kill_after = "0s"\n', grace="0s")
    async with desk.running():
        await desk.start_run()
        desk.daemon.stop()
    assert desk.supervisor.parted == "shutdown"


async def test_a_stop_writes_down_what_it_knows(desk: Desk) -> None:
    """The store comes back after a moment: the end must be in it, and told to be."""
    async with desk.running():
        await desk.start_run()
        desk.store.fails_next = 2
        desk.end_run()
        desk.daemon.stop()
    assert await desk.outcome() is Outcome.SUCCESS
    assert ("forget", ["aa11"]) in desk.supervisor.orders


async def test_a_dead_store_does_not_keep_a_stop_for_ever(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, log: list[Any]
) -> None:
    monkeypatch.setattr(module, "WRITE_DOWN", timedelta(milliseconds=50))
    async with desk.running():
        await desk.start_run()
        desk.store.is_down = True
        desk.end_run()
        desk.daemon.stop()
    assert desk.supervisor.parted == "shutdown"
    assert any(record["event"].startswith("stopping before all is written") for record in log)


async def test_a_supervisor_of_its_own_kind_keeps_the_runs(make: Callable[..., Desk]) -> None:
    """systemctl restart jobd: nothing is stopped, and nothing waited for."""
    desk = make(owns=False, grace="1h")
    async with desk.running():
        await desk.start_run()
        desk.daemon.stop()
    assert desk.supervisor.parted == "release"
    assert [op for op, _ in desk.supervisor.orders] == ["start"]


async def test_a_claim_that_is_granted_during_a_stop_is_started(
    make: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tick is in the ledger as started: the next daemon would find a run without a
    process and call it lost."""
    desk = make(owns=False)
    may_decide = anyio.Event()
    claim = desk.store.claim

    async def slow(*arguments: Any) -> Any:
        await may_decide.wait()
        return await claim(*arguments)

    async with desk.running():
        monkeypatch.setattr(desk.daemon._parts.to_store._store, "claim", slow)
        desk.daemon._parts.inbox.put(TriggerAsked("q", "aa11", "a", "anna"))
        await until(lambda: desk.daemon._parts.scheduler.state.claiming)
        desk.daemon.stop()
        await until(lambda: desk.daemon.node.view().is_stopping)
        may_decide.set()
    assert desk.supervisor.orders == [("start", ["aa11"])]


async def test_a_supervisor_that_is_gone_at_the_end_spoils_no_clean_stop(
    desk: Desk, log: list[Any]
) -> None:
    async with desk.running():
        desk.supervisor.die()
        desk.supervisor.refuses = "gone"
        await until(lambda: not desk.daemon.node.is_ready()[0])
        desk.daemon.stop()
    assert not desk.store.is_open
    assert log[-1]["event"] == "the supervisor did not part in order"


async def test_the_socket_is_removed_at_the_end(desk: Desk) -> None:
    async with desk.running():
        desk.daemon.stop()
    assert not os.path.exists(desk.config.daemon.socket)  # noqa: ASYNC240 - nobody waits


# -- one of several nodes ------------------------------------------------------------------

CLUSTER = 'url = "postgresql://jobd@db/jobd"\nlease_ttl = "30s"\n'
OWN = '[jobs.own]\ncommand = "true"\nscope = "node"\n'
ALL = '[jobs.a]\ncommand = "true"\nscope = "cluster"\n'


@pytest.fixture
def clustered(
    write_config: Write,
    store: FakeStore,
    supervisor: FakeSupervisor,
    monkeypatch: pytest.MonkeyPatch,
) -> Desk:
    """A daemon that shares a store; its beats come in quick succession."""
    monkeypatch.setattr(heartbeat, "BEAT_S", 0.01)
    monkeypatch.setattr(heartbeat, "SOONEST_S", 0.001)
    monkeypatch.setattr(to_shared, "RIDE_S", 0.001)
    config = write_config(OWN + ALL, 'http = ""\n', store=CLUSTER)
    shared = SharedMemory(MemoryStore(timedelta(seconds=30), SystemClock().now))
    return Desk(config, store, supervisor, shared=shared)


async def shared_outcome(desk: Desk, run_id: str = "aa11") -> Outcome | None:
    assert desk.shared is not None
    record = await desk.shared.view.run(run_id)
    return None if record is None else record.outcome


async def test_a_run_of_the_cluster_goes_from_a_wish_to_its_record(clustered: Desk) -> None:
    async with clustered.running():
        await clustered.start_run()
        clustered.end_run()
        await clustered.daemon.node.wait_ended("aa11", timedelta(seconds=20))
        clustered.daemon.stop()
    assert await shared_outcome(clustered) is Outcome.SUCCESS
    assert await clustered.outcome() is None


async def test_a_run_of_the_cluster_is_started_with_its_deadline(clustered: Desk) -> None:
    async with clustered.running():
        await clustered.start_run()
        clustered.end_run()
        clustered.daemon.stop()
    (launch,) = clustered.supervisor.launches
    assert launch.until_steady_s is not None
    assert launch.until_steady_s <= SystemClock().steady_s() + 27.0


def state_of(desk: Desk, job: str) -> JobState:
    view = desk.daemon.node.job_view(job)
    assert view is not None
    return view.state


async def test_a_daemon_starts_without_the_shared_store_and_joins_it_later(
    clustered: Desk,
) -> None:
    shared = clustered.shared
    assert shared is not None
    shared.is_down = True
    async with clustered.running():
        assert state_of(clustered, "a") is JobState.STORE_DOWN
        shared.is_down = False
        await until(lambda: state_of(clustered, "a") is JobState.MANUAL)
        await clustered.start_run()
        clustered.end_run()
        clustered.daemon.stop()
    assert await shared_outcome(clustered) is Outcome.SUCCESS


async def test_jobs_of_the_node_run_while_the_shared_store_is_away(clustered: Desk) -> None:
    shared = clustered.shared
    assert shared is not None
    shared.is_down = True
    async with clustered.running():
        asked = TriggerAsked("q", "cc33", "own", "anna")
        assert isinstance(await clustered.daemon.node.ask(asked), Accepted)
        await until(lambda: ("start", ["cc33"]) in clustered.supervisor.orders)
        clustered.end_run("cc33")
        await until(lambda: ("forget", ["cc33"]) in clustered.supervisor.orders)
        clustered.daemon.stop()
    assert await clustered.outcome("cc33") is Outcome.SUCCESS


async def test_an_end_that_the_shared_store_has_not_taken_is_the_next_daemon_s(
    clustered: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WRITE_DOWN", timedelta(seconds=0.05))
    shared = clustered.shared
    assert shared is not None
    async with clustered.running():
        await clustered.start_run()
        shared.is_down = True
        clustered.end_run()
        await until(lambda: ("forget", ["aa11"]) in clustered.supervisor.orders)
        clustered.daemon.stop()
    shared.is_down = False
    again = replace(clustered, notes=Notes(), supervisor=FakeSupervisor())
    async with again.running():
        await until(lambda: not again.memory.outbox)
        again.daemon.stop()
    assert await shared_outcome(clustered) is Outcome.SUCCESS


async def test_a_second_daemon_of_the_same_name_is_refused(clustered: Desk) -> None:
    """And touches none of what the first one's supervisor holds."""
    shared = clustered.shared
    assert shared is not None
    async with clustered.running():
        supervisor = FakeSupervisor()
        second = replace(clustered, memory=FakeMemory(), supervisor=supervisor, notes=Notes())
        second.store = FakeStore()
        with pytest.raises(StateError, match="another daemon is called app1"):
            await second.daemon.run()
        clustered.daemon.stop()
    assert (supervisor.connects, second.notes.said) == (0, [])


async def test_a_stop_is_told_to_the_other_nodes(clustered: Desk) -> None:
    async with clustered.running():
        clustered.daemon.stop()
    shared = clustered.shared
    assert shared is not None
    view = await shared.whole.at("app2").beat(NodeWord("app2", "i", "s", "0", "d"), None)
    assert view.nodes[0].word.is_leaving


async def test_a_drain_outlives_the_daemon(clustered: Desk) -> None:
    async with clustered.running():
        assert isinstance(await clustered.daemon.node.ask(DrainAsked("q", "anna", True)), Accepted)
        clustered.daemon.stop()
    again = replace(clustered, notes=Notes(), supervisor=FakeSupervisor())
    async with again.running():
        reply = await again.trigger()
        again.daemon.stop()
    assert reply.code == "not_here"


async def test_at_the_end_both_stores_are_let_go_of(clustered: Desk) -> None:
    async with clustered.running():
        clustered.daemon.stop()
    shared = clustered.shared
    assert shared is not None
    assert (clustered.store.is_open, shared.is_open) == (False, False)
