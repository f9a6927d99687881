"""Beats: what nodes tell the store of themselves, and see of each other through it."""

from datetime import timedelta

import pytest

from jobd.core.claim import Pause
from jobd.core.cluster import StopAsked
from jobd.core.ledger import Skip, SkipReason, TickRange
from jobd.core.outcome import StopCause
from jobd.core.schedule import EverySchedule
from jobd.errors import StateError
from jobd.ports import Batch
from tests.store.shared import word_of


async def test_nodes_see_each_other(cluster) -> None:
    words = {
        node: word_of(node, labels=("ssd", "gpu"), running=3, load=0.25, is_draining=True)
        for node in ("b", "a")
    }
    for node, word in words.items():
        view = await (await cluster.node(node)).beat(word, None)
    assert sorted((seen.word for seen in view.nodes), key=lambda w: w.node) == [
        words["a"],
        words["b"],
    ]
    assert view.at == cluster.now
    assert {(seen.started_at, seen.seen_at) for seen in view.nodes} == {(cluster.now, cluster.now)}


async def test_a_restart_is_seen_and_a_beat_is_not_one(cluster) -> None:
    store = await cluster.node()
    await store.beat(word_of("a"), None)
    await cluster.set(1)
    (same,) = (await store.beat(word_of("a"), None)).nodes
    assert (same.started_at, same.seen_at) == (cluster.at(0), cluster.at(1))
    (new,) = (await store.beat(word_of("a", incarnation="i2"), None)).nodes
    assert (new.started_at, new.seen_at) == (cluster.at(1), cluster.at(1))


async def test_a_node_that_left_is_told_for_a_day(cluster) -> None:
    await (await cluster.node("b")).beat(word_of("b", is_leaving=True), None)
    for minute, expected in ((60 * 23, ["a", "b"]), (60 * 25, ["a"])):
        await cluster.set(minute)
        view = await (await cluster.node()).beat(word_of("a"), None)
        assert sorted(seen.word.node for seen in view.nodes) == expected


async def test_a_second_daemon_of_a_name_is_refused(cluster) -> None:
    store = await cluster.node()
    await store.beat(word_of("a"), None)
    await cluster.set(0.1)
    with pytest.raises(StateError, match="another daemon is called a"):
        await store.beat(word_of("a", state_id="another"), None)


@pytest.mark.parametrize(("minute", "is_leaving"), [(0.2, False), (0.01, True)])
async def test_a_name_is_free_once_its_daemon_is_gone(cluster, minute, is_leaving) -> None:
    store = await cluster.node()
    await store.beat(word_of("a", is_leaving=is_leaving), None)
    await cluster.set(minute)
    view = await store.beat(word_of("a", state_id="another"), None)
    assert [seen.word.state_id for seen in view.nodes] == ["another"]


async def test_what_was_decided_since_is_told(cluster) -> None:
    await cluster.enrol("backup", "poll")
    await cluster.claim("backup", 0, run_id="r1")
    await cluster.set(10)
    await cluster.claim("poll", 10, run_id="r2")
    view = await (await cluster.node("b")).beat(word_of("b"), cluster.at(5))
    assert [(row.run_id, row.node) for row in view.decided] == [("r2", "a")]
    assert [memory.job for memory in view.jobs] == ["poll"]
    assert [run.run_id for run in view.jobs[0].active] == ["r2"]


async def test_a_little_before_is_told_again(cluster) -> None:
    """What was committed late bears an earlier instant."""
    await cluster.enrol("backup")
    await cluster.claim("backup", 0)
    view = await (await cluster.node("b")).beat(word_of("b"), cluster.at(0.05))
    assert len(view.decided) == 1
    view = await (await cluster.node("b")).beat(word_of("b"), cluster.at(0.1))
    assert view.decided == ()


async def test_a_skip_that_is_void_is_not_told(cluster) -> None:
    """The clock was set back behind it: whoever takes its tick for decided loses it."""
    await cluster.enrol("backup")
    await cluster.set(10)
    skip = Skip(TickRange("backup", cluster.at(10), cluster.at(10), 1), SkipReason.MISFIRE)
    store = await cluster.node("b")
    await store.settle(Batch(skips=(skip,)))
    await cluster.set(9)
    assert len((await store.beat(word_of("b"), cluster.at(9))).decided) == 1
    await store.void_skips_after(cluster.now, {})
    assert (await store.beat(word_of("b"), cluster.at(9))).decided == ()


async def test_without_since_there_are_no_ticks_and_no_jobs(cluster) -> None:
    await cluster.enrol("backup")
    await cluster.claim("backup", 0)
    view = await (await cluster.node("b")).beat(word_of("b"), None)
    assert (view.decided, view.jobs) == ((), ())


async def test_a_job_of_which_a_run_ended_is_told(cluster) -> None:
    await cluster.enrol("backup")
    run = await cluster.claim("backup", 0)
    await cluster.set(10)
    await cluster.finish(run, 0.5)
    (memory,) = (await (await cluster.node("b")).beat(word_of("b"), cluster.at(9))).jobs
    assert (memory.last_outcome, memory.active) == ("success", ())


async def test_a_job_of_which_a_wish_changed_is_told(cluster) -> None:
    await cluster.enrol("backup", "poll")
    await cluster.set(10)
    pause = Pause("anna", cluster.now, "moving")
    await (await cluster.node()).save_pause(["poll"], pause)
    (memory,) = (await (await cluster.node("b")).beat(word_of("b"), cluster.at(9))).jobs
    assert (memory.job, memory.pause) == ("poll", pause)


async def test_runs_whose_lease_ran_out_are_told(cluster) -> None:
    await cluster.enrol("backup", "poll")
    await cluster.claim("backup", 0, run_id="r1")
    await cluster.set(0.4)
    await cluster.claim("poll", 0.4)
    await cluster.set(0.5)
    view = await (await cluster.node("b")).beat(word_of("b"), None)
    assert [run.run_id for run in view.overdue] == ["r1"]


async def test_a_stop_reaches_the_holder_until_the_run_ended(cluster) -> None:
    await cluster.enrol("backup")
    run = await cluster.claim("backup", 0, run_id="r1")
    (asked,) = await (await cluster.node("b")).ask_stop([StopAsked("r1", StopCause.REPLACE)])
    assert asked.node == "a"
    for node, expected in (("b", []), ("a", [StopCause.REPLACE]), ("a", [StopCause.REPLACE])):
        view = await (await cluster.node(node)).beat(word_of(node), None)
        assert [stop.cause for stop in view.stops] == expected
    await cluster.finish(run, 0.1)
    assert (await (await cluster.node()).beat(word_of("a"), None)).stops == ()


async def test_a_run_that_is_not_active_cannot_be_stopped(cluster) -> None:
    await cluster.enrol("backup")
    run = await cluster.claim("backup", 0, run_id="r1")
    await cluster.finish(run, 0.1)
    store = await cluster.node()
    wishes = [StopAsked(run_id, StopCause.CANCEL) for run_id in ("r1", "nobody")]
    assert list(await store.ask_stop(wishes)) == [None, None]


async def test_stops_are_asked_for_together(cluster) -> None:
    """Of two wishes for one run the later counts, as if they had come one by one."""
    jobs = ("backup", "poll", "sync")
    await cluster.enrol(*jobs)
    for job in jobs:
        await cluster.claim(job, 0, run_id=f"r-{job}")
    cancel, replace = StopCause.CANCEL, StopCause.REPLACE
    wishes = (("r-sync", cancel), ("nobody", cancel), ("r-backup", replace), ("r-sync", replace))
    asked = await (await cluster.node("b")).ask_stop([StopAsked(*wish) for wish in wishes])
    assert [run and run.run_id for run in asked] == ["r-sync", None, "r-backup", "r-sync"]
    stops = (await (await cluster.node()).beat(word_of("a"), None)).stops
    assert {(s.run_id, s.cause) for s in stops} == {("r-sync", replace), ("r-backup", replace)}


async def test_no_stop_is_asked_of_nobody(cluster) -> None:
    assert list(await (await cluster.node()).ask_stop([])) == []


async def test_a_job_is_on_the_roll_while_any_node_has_it(cluster) -> None:
    await cluster.enrol("backup", node="a")
    await cluster.set(1)
    await cluster.enrol("backup", node="b")
    await cluster.enrol(node="a")
    await cluster.set(2)
    assert (await cluster.enrol("backup", node="a"))["backup"].settled_until == cluster.at(0)
    await cluster.enrol(node="a")
    await cluster.enrol(node="b")
    await cluster.set(3)
    assert (await cluster.enrol("backup", node="a"))["backup"].settled_until == cluster.at(3)


async def test_orphans_are_this_node_s(cluster) -> None:
    await cluster.enrol("backup", node="a")
    await cluster.enrol("backup", node="b")
    await cluster.claim("backup", 0, node="b", run_id="r1")
    await cluster.enrol(node="a")
    assert list(await (await cluster.node("a")).orphans()) == []
    await cluster.enrol(node="b")
    assert [run.run_id for run in await (await cluster.node("b")).orphans()] == ["r1"]


async def test_a_skip_that_was_void_is_told_no_more(cluster) -> None:
    """By the clock that was ahead it was decided only just now, for as long as that was ahead."""
    store, tick = await cluster.node(), cluster.at(30)
    await cluster.enrol("backup")
    await cluster.set(40)
    await store.skip([Skip(TickRange("backup", tick, tick, 1), SkipReason.MISFIRE)], "a", tick)
    assert (await store.beat(word_of("a"), cluster.at(39))).decided
    await cluster.set(10)
    schedule = EverySchedule.of(timedelta(minutes=10), job="backup")
    await store.void_skips_after(cluster.now, {"backup": schedule})
    assert (await store.beat(word_of("a"), cluster.at(10))).decided == ()
