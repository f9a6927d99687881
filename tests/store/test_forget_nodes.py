"""Nodes that are gone for good are forgotten by retention; one that comes back is told."""

from jobd.ports import RunFilter
from tests.store.shared import Cluster, word_of

EVERYTHING = 1_000


async def beat(cluster: Cluster, node: str) -> bool:
    """Let a node beat; return whether it was unknown."""
    view = await (await cluster.node(node)).beat(word_of(node), None)
    return bool(view.was_unknown)


async def prune(cluster: Cluster, older_than: float) -> None:
    await (await cluster.node()).prune(cluster.at(older_than), EVERYTHING)


async def settled_until(cluster: Cluster, job: str) -> object:
    """Return a job's watermark as a node is told that enrols it now."""
    return (await cluster.enrol(job, node="c"))[job].settled_until


async def known(cluster: Cluster) -> list[str]:
    view = await (await cluster.node()).beat(word_of("a"), None)
    return sorted(seen.word.node for seen in view.nodes)


async def test_nodes_not_seen_since_are_forgotten_and_no_others(cluster) -> None:
    """Else names of machines that were replaced years ago stay for ever."""
    for minute, node in enumerate(("b", "c", "d")):
        await cluster.set(minute)
        await beat(cluster, node)
    await prune(cluster, 2)
    assert await known(cluster) == ["a", "d"]


async def test_a_job_that_only_a_forgotten_node_had_leaves_the_roll(cluster) -> None:
    """It would count as one of the cluster's for ever; and if it came back, its past, in which
    nobody wanted it, would be owed."""
    await beat(cluster, "b")
    await cluster.enrol("backup", node="b")
    await cluster.set(10)
    await prune(cluster, 5)
    assert await settled_until(cluster, "backup") == cluster.at(10)


async def test_a_job_stays_on_the_roll_while_a_node_that_is_seen_has_it(cluster) -> None:
    for node in ("a", "b"):
        await beat(cluster, node)
        await cluster.enrol("backup", node=node)
    await cluster.set(10)
    await beat(cluster, "a")
    await prune(cluster, 5)
    assert await settled_until(cluster, "backup") == cluster.at(0)


async def test_a_node_that_is_seen_keeps_its_jobs(cluster) -> None:
    await beat(cluster, "b")
    await cluster.enrol("backup", node="b")
    await cluster.set(10)
    await prune(cluster, 0)
    assert await settled_until(cluster, "backup") == cluster.at(0)


async def test_history_of_a_job_outlives_its_last_node(cluster) -> None:
    """It goes when it is old enough itself, and its token never."""
    await beat(cluster, "b")
    await cluster.enrol("backup", node="b")
    await cluster.set(8)
    run = await cluster.claim("backup", 8, run_id="r1")
    await cluster.finish(run, 9)
    await prune(cluster, 5)
    store = await cluster.node()
    assert [record.run_id for record in await store.runs(RunFilter())] == ["r1"]
    assert [row.run_id for row in await store.ticks("backup")] == ["r1"]
    assert (await cluster.enrol("backup", node="a"))["backup"].token == 1


async def test_a_node_is_told_that_it_was_unknown_once(cluster) -> None:
    assert [await beat(cluster, "b") for _ in range(2)] == [True, False]


async def test_a_node_that_comes_back_is_told_that_it_was_forgotten(cluster) -> None:
    """It was cut off for longer than history is kept: what it had enrolled is gone."""
    await beat(cluster, "b")
    await cluster.set(10)
    await prune(cluster, 5)
    assert await beat(cluster, "b")
