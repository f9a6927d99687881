"""Peers and Postbox: what one node asks of another, from both ends of the letter."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import anyio
import pytest

from jobd.core import placement
from jobd.core.claim import JobMemory
from jobd.core.cluster import Letter, StopAsked
from jobd.core.effects import Accepted, Refused
from jobd.core.events import DrainAsked, TriggerAsked
from jobd.core.job import Param
from jobd.core.outcome import StopCause
from jobd.core.run import RunRecord
from jobd.core.view import JobState, JobView
from jobd.daemon.answers import NoAnswer
from jobd.errors import NodeUnavailable, StoreUnavailable
from jobd.web.node import OutputSlice
from tests.daemon.fakes import NOON, FakeClock, finish_of, job_of, run_of, until
from tests.daemon.shared import Town, seen, view_of_nodes

WISH = TriggerAsked("q1", "r1", "a", "uid 1000 (anna)", (("table", "orders"),), queue=True)


def record_on(node: str) -> RunRecord:
    return finish_of(replace(run_of("a", "aa11"), node=node)).record


def job_view(**keys: Any) -> JobView:
    job = job_of("a", **keys)
    facts = (None, None, None, None, (), (), None, None)
    return JobView(job, JobState.MANUAL, JobMemory("a", NOON), *facts)


@pytest.fixture
async def town(clock: FakeClock) -> AsyncIterator[Town]:
    town = Town(clock)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(town.carry)
        yield town
        tasks.cancel_scope.cancel()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seconds are long in a test."""
    monkeypatch.setattr("jobd.daemon.peers.PATIENCE", timedelta(seconds=0.5))


async def test_a_wish_reaches_the_other_scheduler_with_its_asker_s_node(town: Town) -> None:
    reply = await town.peers.ask("app2", WISH)
    assert reply == Accepted("q1", ("r1",), "started")
    assert town.there.asked == [replace(WISH, by="uid 1000 (anna) on app1")]


async def test_a_drain_reaches_it_too(town: Town) -> None:
    await town.peers.ask("app2", DrainAsked("q1", "uid 0 (root)", True, "kernel update"))
    assert town.there.asked == [DrainAsked("q1", "uid 0 (root) on app1", True, "kernel update")]


async def test_a_refusal_names_the_run_in_the_way(town: Town) -> None:
    blocker = replace(run_of("a", "bb22"), node="app3")
    town.there.says = Refused("q1", "busy", "a cannot start now (overlap)", blocker)
    assert await town.peers.ask("app2", WISH) == town.there.says


async def test_parameters_are_judged_where_they_are_used(town: Town) -> None:
    """The configurations may have drifted apart: the pattern that guards the job is its own."""
    town.there.views["a"] = job_view(params=(Param("table", pattern="users"),))
    reply = await town.peers.ask("app2", WISH)
    assert isinstance(reply, Refused)
    assert (reply.code, town.there.asked) == ("bad_request", [])


async def test_a_scheduler_that_does_not_answer_there_is_said_so(town: Town) -> None:
    town.there.says = NoAnswer("no answer from the scheduler yet")
    with pytest.raises(NodeUnavailable, match="app2 says: no answer from the scheduler yet"):
        await town.peers.ask("app2", WISH)


async def test_output_comes_from_where_the_run_was(town: Town) -> None:
    town.there.outputs["aa11", 1] = bytes(range(256))
    piece = await town.peers.read_output(record_on("app2"), 1, 10, 20)
    assert piece == OutputSlice(bytes(range(10, 30)), 30)


async def test_no_answer_carries_more_output_than_a_row_should(town: Town) -> None:
    town.there.outputs["aa11", 1] = b"x" * (1 << 20)
    piece = await town.peers.read_output(record_on("app2"), 1, 0, 1 << 30)
    assert len(piece.data) == 1 << 16


async def test_a_run_id_cannot_become_a_path(town: Town) -> None:
    record = replace(record_on("app2"), run_id="../../etc/shadow")
    with pytest.raises(NodeUnavailable, match="could be a path"):
        await town.peers.read_output(record, 1, 0, 100)


async def test_a_wish_cannot_name_the_file_that_its_run_writes_to(town: Town) -> None:
    """Who can write letters can write to the database, and that is not root here."""
    wish = replace(WISH, run_id="../../../etc/cron.d/x")
    with pytest.raises(NodeUnavailable, match="could be a path"):
        await town.peers.ask("app2", wish)
    assert town.there.asked == []


async def test_a_node_that_is_gone_is_not_waited_for(town: Town) -> None:
    town.view = view_of_nodes(seen("app1"), seen("app2", ago_s=180))
    words = "the output of run aa11 is held by app2, which was last seen 3 min ago"
    with pytest.raises(NodeUnavailable, match=words):
        await town.peers.read_output(record_on("app2"), 1, 0, 100)
    assert town.store.letters == []


async def test_a_node_that_left_is_said_to_have_left(town: Town) -> None:
    town.view = view_of_nodes(seen("app1"), seen("app2", ago_s=180, is_leaving=True))
    with pytest.raises(NodeUnavailable, match="app2, which left 3 min ago"):
        await town.peers.ask("app2", WISH)


async def test_a_node_that_nobody_knows_is_said_to_be_unknown(town: Town) -> None:
    with pytest.raises(NodeUnavailable, match="app9, of which nothing is known here"):
        await town.peers.read_output(record_on("app9"), 1, 0, 100)


async def test_without_the_shared_store_nobody_can_be_asked(town: Town) -> None:
    town.view = view_of_nodes(seen("app1"), seen("app2"), is_silent=True)
    with pytest.raises(NodeUnavailable, match="the shared store does not answer"):
        await town.peers.ask("app2", WISH)


@pytest.mark.usefixtures("impatient")
async def test_a_node_that_does_not_answer_is_given_up(town: Town) -> None:
    town.store.is_mute = True
    with pytest.raises(NodeUnavailable, match=r"app2, .* does not answer within"):
        await town.peers.ask("app2", WISH)


@pytest.mark.usefixtures("impatient")
async def test_a_wish_that_arrives_too_late_is_not_followed(town: Town) -> None:
    """Whoever was told that nobody answered has gone on to another node."""
    town.store.is_mute = True
    with pytest.raises(NodeUnavailable):
        await town.peers.ask("app2", WISH)
    town.clock.pass_time(11)
    (letter,) = town.store.letters
    await town.postbox.answer(letter)
    assert "too late" in town.store.replies[letter.letter_id]
    assert town.there.asked == []


async def test_a_letter_that_is_shown_twice_is_followed_once(town: Town) -> None:
    await town.peers.ask("app2", WISH)
    await town.postbox.answer(town.store.letters[0])
    assert len(town.there.asked) == 1


async def test_an_answer_that_cannot_be_written_ends_nothing(town: Town) -> None:
    town.store.is_down = True
    await town.postbox.answer(Letter("l1", "app1", "app2", "digests", "{}"))


@pytest.mark.parametrize(
    "body", ["", "7", "[]", "null", "{}", '{"until": 5}', '{"until": "2026-06-01T12:00:00"}',
             '{"until": "2026-06-01T13:00:00Z", "request_id": 1}', '{"error": "boo"}', "[" * 9999]
)  # fmt: skip
@pytest.mark.parametrize("kind", ["trigger", "drain", "output", "stew"])
async def test_whatever_a_letter_holds_it_is_answered(town: Town, kind: str, body: str) -> None:
    await town.postbox.answer(Letter("l1", "app1", "app2", kind, body))
    assert list(json.loads(town.store.replies["l1"])) == ["error"]


@pytest.mark.parametrize("body", ["", "7", "{}", '{"accepted": true}', '{"message": 5}'])
async def test_an_answer_of_another_version_is_no_accident(town: Town, body: str) -> None:
    town.store.is_mute = True

    async def answer() -> None:
        await until(lambda: bool(town.store.letters))
        await town.store.answer(town.store.letters[0].letter_id, body)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(answer)
        with pytest.raises(NodeUnavailable, match="do both run the same version"):
            await town.peers.ask("app2", WISH)


async def test_what_differs_is_asked_of_nodes_that_differ(town: Town) -> None:
    town.view = view_of_nodes(
        seen("app1"), seen("app2", digest="d2"), seen("app3"), seen("app4", 180, digest="d4")
    )
    town.there.known = {"a": "1", "b": "2", "d": "4"}
    drift = await town.peers.drift({"a": "1", "b": "3", "c": "5"})
    assert drift == {"app2": ["b", "c", "d"], "app4": ()}


async def test_nobody_is_asked_while_all_are_alike(town: Town) -> None:
    assert (await town.peers.drift({"a": "1"}), town.store.letters) == ({}, [])


def first_and_second(job: str) -> tuple[str, str]:
    """Return app2 and app3 in the order in which they try the job's ticks."""
    is_second = placement.rank(job, "app2", ["app2", "app3"])
    return ("app3", "app2") if is_second else ("app2", "app3")


FIRST, SECOND = first_and_second("a")


@pytest.mark.parametrize(
    ("nodes", "best"),
    [
        ([seen(SECOND), seen(FIRST)], FIRST),
        ([seen(SECOND), seen(FIRST, load=1.0)], SECOND),
        ([seen(SECOND), seen(FIRST, is_draining=True)], SECOND),
        ([seen(SECOND), seen(FIRST, is_leaving=True)], SECOND),
        ([seen(SECOND), seen(FIRST, ago_s=60)], SECOND),
        ([seen(FIRST, ago_s=60)], None),
    ],
)
async def test_a_run_by_hand_goes_to_the_node_whose_turn_comes_first(
    town: Town, nodes: list[Any], best: str | None
) -> None:
    town.view = view_of_nodes(seen("app1"), *nodes)
    assert town.peers.best_for(job_of("a")) == best


async def test_a_node_that_may_not_run_the_job_is_not_the_best(town: Town) -> None:
    town.view = view_of_nodes(seen("app1"), seen("app2", labels=("eu",)), seen("app3"))
    assert town.peers.best_for(job_of("a", nodes=("eu",))) == "app2"


async def test_a_stop_goes_to_whoever_holds_the_run(town: Town) -> None:
    town.store.holders["aa11"] = run = run_of("a", "aa11")
    assert await town.peers.stop(["aa11", "bb22"]) == [run]
    assert town.store.stops == [StopAsked(one, StopCause.CANCEL) for one in ("aa11", "bb22")]


async def test_a_stop_needs_the_store(town: Town) -> None:
    town.store.is_down = True
    with pytest.raises(StoreUnavailable):
        await town.peers.stop(["aa11"])
