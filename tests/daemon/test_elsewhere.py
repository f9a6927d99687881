"""DaemonNode in a cluster: what it asks of other nodes, and what it does itself."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import anyio
import pytest

from jobd.config.model import Config
from jobd.core.claim import ActiveRun, ClaimRequest, Demand, Pause, Trigger
from jobd.core.effects import Accepted, Refused
from jobd.core.events import CancelAsked, DrainAsked, TriggerAsked
from jobd.core.job import Overlap, Scope
from jobd.core.outcome import Outcome
from jobd.core.run import RunRecord
from jobd.core.view import NodeView
from jobd.daemon.elsewhere import cancel_elsewhere
from jobd.errors import NodeUnavailable, OutputGone, StoreUnavailable
from tests.daemon.fakes import NOON, FakeClock, FakeStore, finish_of, keep_output, run_of, until
from tests.daemon.shared import Town, seen, view_of_nodes
from tests.daemon.test_node import Desk

Write = Callable[..., Config]
BY = "uid 0 (root)"


class Pair:
    """app1 is a whole node with a scheduler; app2 is a FakeHere."""

    def __init__(self, desk: Desk, town: Town) -> None:
        self.desk, self.node, self.town = desk, desk.node, town
        self.node._peers = town.peers

    def runs_at_app2(self, run_id: str = "bb22") -> ActiveRun:
        """Let job a run on app2, and app1 know of it."""
        run = replace(run_of("a", run_id), node="app2")
        self.town.store.holders[run_id] = run
        self.node._scheduler.state.tracks["a"].elsewhere = (run,)
        return run


@pytest.fixture
async def pair(write_config: Write, clock: FakeClock) -> AsyncIterator[Pair]:
    jobs = '[jobs.a]\ncommand = "true"\nevery = "1h"\n'
    town = Town(clock)
    desk = Desk(write_config(jobs), town.store, clock)
    desk.handle(await desk.reloader.at_start())
    pair = Pair(desk, town)
    pair.node.view = lambda: town.view
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(desk.turn)
        tasks.start_soon(town.carry)
        yield pair
        tasks.cancel_scope.cancel()


def record_of(run: ActiveRun, **facts: Any) -> RunRecord:
    return replace(finish_of(run).record, **facts)


async def test_a_cancel_reaches_a_job_s_run_on_another_node(pair: Pair) -> None:
    pair.runs_at_app2()
    reply = await pair.node.ask(CancelAsked("q1", BY, job="a"))
    assert reply == Accepted("q1", ("bb22",), "stopping on app2")


async def test_a_cancel_reaches_a_run_on_another_node(pair: Pair) -> None:
    pair.runs_at_app2()
    reply = await pair.node.ask(CancelAsked("q1", BY, run_id="bb22"))
    assert reply == Accepted("q1", ("bb22",), "stopping on app2")


async def test_a_cancel_reaches_a_run_that_no_view_has_yet(pair: Pair) -> None:
    pair.town.store.holders["cc33"] = replace(run_of("a", "cc33"), node="app3")
    reply = await pair.node.ask(CancelAsked("q1", BY, run_id="cc33"))
    assert reply == Accepted("q1", ("cc33",), "stopping on app3")


async def test_a_cancel_of_what_runs_nowhere_is_refused(pair: Pair) -> None:
    reply = await pair.node.ask(CancelAsked("q1", BY, job="a"))
    assert isinstance(reply, Refused)
    assert reply.code == "no_such_run"


async def test_a_cancel_that_reaches_nobody_says_that_the_store_is_silent(pair: Pair) -> None:
    pair.runs_at_app2()
    pair.town.store.is_down = True
    with pytest.raises(StoreUnavailable):
        await pair.node.ask(CancelAsked("q1", BY, job="a"))


async def test_a_cancel_says_whom_it_did_not_reach(pair: Pair) -> None:
    """What runs here is being stopped all the same."""
    there = pair.runs_at_app2()
    pair.town.store.is_down = True
    here = Accepted("q1", ("aa11",), "stopping")
    reply = await cancel_elsewhere(pair.town.peers, [there], CancelAsked("q1", BY, job="a"), here)
    silent = "; not reached: bb22 on app2: connection refused"
    assert reply == Accepted("q1", ("aa11",), f"stopping here{silent}")


async def test_a_cancel_is_kept_with_what_came_of_it(pair: Pair) -> None:
    pair.runs_at_app2()
    await pair.node.ask(CancelAsked("q1", BY, job="a"))
    (entry,) = await pair.desk.store.audit()
    assert (entry.action, entry.detail) == ("cancel", "run bb22")


async def test_output_of_a_run_elsewhere_is_fetched(pair: Pair) -> None:
    run = pair.runs_at_app2()
    pair.town.there.outputs["bb22", 1] = b"hello"
    piece = await pair.node.read_output(record_of(run), 1, 0)
    assert piece.data == b"hello"


async def test_an_attempt_that_was_here_is_read_here(pair: Pair) -> None:
    """The run went on elsewhere after this node had lost its lease."""
    path = pair.desk.outputs.path("bb22", 1)
    keep_output(path, b"first try")
    record = record_of(pair.runs_at_app2(), attempt=2)
    assert (await pair.node.read_output(record, 1, 0)).data == b"first try"
    assert pair.town.store.letters == []


async def test_an_attempt_from_before_a_run_was_taken_over_is_found(pair: Pair) -> None:
    """Only the node of the last attempt is on record."""
    pair.town.view = view_of_nodes(seen("app0", ago_s=180), seen("app1"), seen("app2"))
    pair.town.there.outputs["bb22", 1] = b"first try"
    record = record_of(replace(run_of("a", "bb22"), node="app1"), attempt=2)
    assert (await pair.node.read_output(record, 1, 0)).data == b"first try"


async def test_an_attempt_that_wrote_nothing_anywhere_is_empty(pair: Pair) -> None:
    record = record_of(replace(run_of("a", "bb22"), node="app1"), attempt=2)
    assert (await pair.node.read_output(record, 1, 0)).data == b""


@pytest.mark.parametrize("node", ["app1", "app2"])
async def test_output_that_was_lost_is_said_to_be(pair: Pair, node: str) -> None:
    record = record_of(replace(run_of("a", "bb22"), node=node), output_bytes=20)
    with pytest.raises(OutputGone, match=f"run bb22 wrote 20 bytes on {node}"):
        await pair.node.read_output(record, 1, 0)


async def test_a_run_that_wrote_nothing_has_lost_nothing(pair: Pair) -> None:
    record = record_of(pair.runs_at_app2())
    assert (await pair.node.read_output(record, 1, 0)).data == b""


async def test_the_end_of_a_run_elsewhere_is_noticed(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody here is told of it: only the store is."""
    monkeypatch.setattr("jobd.daemon.node.LOOK_AFAR", timedelta(milliseconds=20))
    store, found = pair.town.store, []
    wish = ClaimRequest("bb22", "a", NOON, Trigger.SCHEDULE, Demand(Overlap.SKIP))
    (granted,) = await store.claim([wish], "app2", NOON)
    end = finish_of(replace(run_of("a", "bb22", token=granted.token), node="app2"))

    async def wait() -> None:
        found.append(await pair.node.wait_ended("bb22", timedelta(seconds=10)))

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await until(lambda: store.calls.count("run") > 2)
            await store.finish([end])
    assert found[0].outcome is Outcome.SUCCESS


def share(pair: Pair, *nodes: str, scope: Scope = Scope.CLUSTER) -> None:
    """Let job a be the cluster's, or each node's own, on these nodes; on all if none is named."""
    view = pair.node.job_view("a")
    assert view is not None
    restricted = replace(view, job=replace(view.job, nodes=nodes, scope=scope))
    pair.node.job_view = lambda name: restricted


def drained(view: NodeView) -> NodeView:
    return replace(view, is_draining=True, drain=Pause(BY, NOON))


async def test_a_run_by_hand_belongs_here_if_it_may(pair: Pair) -> None:
    assert pair.node.place_for("a") == "app1"


async def test_a_run_by_hand_goes_elsewhere_from_a_node_that_is_drained(pair: Pair) -> None:
    pair.town.view = drained(pair.town.view)
    share(pair)
    assert pair.node.place_for("a") == "app2"


async def test_a_run_by_hand_goes_to_a_node_that_may(pair: Pair) -> None:
    pair.town.view = view_of_nodes(seen("app1"), seen("app2"), seen("app3", labels=("eu",)))
    share(pair, "eu")
    assert pair.node.place_for("a") == "app3"


async def test_a_run_by_hand_of_a_node_s_own_job_never_goes_elsewhere(pair: Pair) -> None:
    """Who wants this node's clean-up would be told "started", and another node's had run."""
    pair.town.view = drained(pair.town.view)
    share(pair, scope=Scope.NODE)
    assert pair.node.place_for("a") == "app1"


async def test_a_run_by_hand_has_no_place_where_none_may(pair: Pair) -> None:
    share(pair, "mars")
    assert pair.node.place_for("a") is None


async def test_a_wish_for_another_node_is_its_own_affair(pair: Pair) -> None:
    reply = await pair.node.ask_at("app2", TriggerAsked("q1", "r1", "a", BY))
    assert isinstance(reply, Accepted)
    assert (len(pair.town.there.asked), await pair.desk.store.audit()) == (1, [])


async def test_a_lone_node_has_no_others(write_config: Write, clock: FakeClock) -> None:
    node = Desk(write_config(), FakeStore(), clock).node
    assert (node.nodes(), node.shared_health(), node.place_for("a")) == ([], None, "app1")
    assert await node.config_drift() == {}
    with pytest.raises(NodeUnavailable, match="there is no cluster"):
        await node.ask_at("app2", DrainAsked("q1", BY, is_on=True))


async def test_drift_is_asked_for_with_what_is_configured_here(pair: Pair) -> None:
    pair.town.view = view_of_nodes(seen("app1"), seen("app2", digest="d2"))
    pair.town.there.known = {"z": "1"}
    assert await pair.node.config_drift() == {"app2": ["z"]}
