"""SqliteNodeMemory: what a node must not forget, in the file of its embedded store."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from jobd.core.outcome import Outcome
from jobd.ports import NodeMemory
from jobd.store.sqlite import SqliteStore


@pytest.fixture
async def store(database: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(database, node="app1")
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def memory(store: SqliteStore) -> NodeMemory:
    return store.node_memory


@pytest.fixture
async def ends(make_scene: Any, store: SqliteStore) -> list[Any]:
    """Return the reports of three runs' ends."""
    scene = make_scene(store)
    await scene.enrol("a", "b", "c")
    runs = [await scene.claim(job, 0) for job in "abc"]
    return [scene.end(run, 1, outcome=Outcome.FAILURE, rest=2) for run in runs]


async def test_ends_wait_in_the_order_in_which_they_were_posted(
    memory: NodeMemory, ends: list[Any]
) -> None:
    await memory.post(ends[:2])
    await memory.post(ends[2:])
    assert [posted.finish for posted in await memory.posted()] == ends


async def test_what_is_told_of_a_post_is_what_is_found_later(
    memory: NodeMemory, ends: list[Any]
) -> None:
    assert await memory.post(ends) == await memory.posted()


async def test_what_was_delivered_waits_no_more(memory: NodeMemory, ends: list[Any]) -> None:
    posted = await memory.post(ends)
    await memory.take_out([posted[0].number, posted[2].number])
    assert [one.finish for one in await memory.posted()] == [ends[1]]


async def test_what_has_gone_may_be_taken_out_again(memory: NodeMemory, ends: list[Any]) -> None:
    (posted,) = await memory.post(ends[:1])
    for _ in range(2):
        await memory.take_out([posted.number])
    assert await memory.posted() == []


async def test_a_number_is_never_given_twice(memory: NodeMemory, ends: list[Any]) -> None:
    """Taken out late, by a daemon that could not before, it must not take another one with it."""
    (first,) = await memory.post(ends[:1])
    await memory.take_out([first.number])
    (second,) = await memory.post(ends[1:2])
    assert second.number > first.number


async def test_nothing_is_posted_for_nothing(memory: NodeMemory) -> None:
    assert (await memory.post([]), await memory.posted()) == ([], [])


async def test_the_outbox_outlives_the_daemon(
    memory: NodeMemory, ends: list[Any], store: SqliteStore, database: Path
) -> None:
    await memory.post(ends)
    await store.close()
    again = SqliteStore(database, node="app1")
    await again.open()
    found = await again.node_memory.posted()
    await again.close()
    assert [posted.finish for posted in found] == ends


async def test_a_fact_is_kept_until_it_is_forgotten(memory: NodeMemory) -> None:
    assert await memory.fact("drain") is None
    await memory.keep_fact("drain", "{}")
    await memory.keep_fact("drain", '{"by": "anna"}')
    assert await memory.fact("drain") == '{"by": "anna"}'
    await memory.keep_fact("drain", None)
    assert await memory.fact("drain") is None


async def test_what_is_not_known_can_be_forgotten(memory: NodeMemory) -> None:
    await memory.keep_fact("drain", None)
    assert await memory.fact("drain") is None


async def test_facts_do_not_disturb_each_other(memory: NodeMemory) -> None:
    await memory.keep_fact("drain", "1")
    await memory.keep_fact("state_id", "2")
    await memory.keep_fact("drain", None)
    assert await memory.fact("state_id") == "2"
