"""What only the memory store promises."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from jobd.core.claim import ActiveRun, ClaimGranted, PoolDemand
from jobd.core.cluster import Holding, Letter, NodeWord, StopAsked, TakeOver
from jobd.core.ledger import SkipReason
from jobd.core.outcome import Outcome, StopCause
from jobd.errors import StateError
from jobd.ports import Batch
from jobd.store.memory import MemoryStore

TTL = timedelta(seconds=30)
NEVER = datetime(1999, 1, 1, tzinfo=UTC)  # what callers think of the time counts for nothing


def drive(coroutine):
    """Run a coroutine that must not wait for anything, without an event loop."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waited")


def test_it_never_waits(make_scene) -> None:
    """The simulation drives it without an event loop, in virtual time."""
    scene = make_scene(MemoryStore())
    drive(scene.store.open())
    drive(scene.enrol("backup"))
    run = drive(scene.claim("backup", 1))
    assert isinstance(run, ClaimGranted)
    drive(scene.store.save_run(scene.active_run(run), scene.at(1)))
    assert drive(scene.finish(run, 2))
    assert drive(scene.skip(scene.skip_of("backup", 3))) == [1]
    assert len(drive(scene.store.ticks("backup"))) == 2
    assert drive(scene.store.prune(scene.at(10_000), 0)) == []
    drive(scene.store.ping())
    drive(scene.store.close())


class Cluster:
    """A shared store with a clock that stands, and a job; minutes from the scene's start."""

    def __init__(self, make_scene) -> None:
        self.now = make_scene(MemoryStore()).at(0)
        self.whole = MemoryStore(lease_ttl=TTL, clock=lambda: self.now)
        ids = count()
        self.a, self.b = (make_scene(self.whole.at(node), ids=ids) for node in ("a", "b"))
        for scene in (self.a, self.b):
            drive(scene.enrol("backup"))

    def pass_s(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def claim(self, node: str, minute: float | None, **wish: Any) -> Any:
        scene = getattr(self, node)
        (answer,) = drive(scene.store.claim([scene.request("backup", minute, **wish)], node, NEVER))
        return answer

    def active(self) -> ActiveRun:
        (run,) = drive(self.a.memory("backup")).active
        return run


@pytest.fixture
def cluster(make_scene) -> Cluster:
    return Cluster(make_scene)


def beat(node: str, **facts: Any) -> NodeWord:
    return NodeWord(node, facts.pop("incarnation", "i1"), f"id of {node}", "1", "d", **facts)


def test_a_lease_bars_the_job_until_it_runs_out(cluster) -> None:
    cluster.claim("a", 0)
    assert cluster.active().lease_until == cluster.now + TTL
    cluster.pass_s(29)
    assert cluster.claim("b", 0.1).reason is SkipReason.OVERLAP
    cluster.pass_s(1)
    assert isinstance(cluster.claim("b", 0.2), ClaimGranted)


def test_a_claim_ends_a_run_whose_lease_ran_out(cluster) -> None:
    run = cluster.claim("a", 0)
    cluster.pass_s(30)
    cluster.claim("b", 0.1)
    record = drive(cluster.whole.run(run.request.run_id))
    assert (record.outcome, record.ended_at) == (Outcome.LOST, cluster.now)
    assert record.reason == "its lease ran out on a"


def test_a_claim_that_may_not_take_over_meets_the_run(cluster) -> None:
    cluster.claim("a", 0)
    cluster.pass_s(99)
    batch = Batch(claims=(cluster.b.request("backup", 0.1),), may_take_over=False)
    (answer,) = drive(cluster.b.store.settle(batch)).answers
    assert answer.reason is SkipReason.OVERLAP


def test_a_late_end_changes_nothing_and_is_noted(cluster) -> None:
    run = cluster.claim("a", 0)
    cluster.pass_s(30)
    cluster.claim("b", 0.1)
    for _ in range(2):
        assert not drive(cluster.a.finish(run, 1))
    (note,) = drive(cluster.whole.audit())
    assert (note.action, note.target, note.by) == ("late end", run.request.run_id, "a")
    assert drive(cluster.whole.run(run.request.run_id)).outcome is Outcome.LOST


def test_a_late_end_that_nobody_was_quicker_than_counts(cluster) -> None:
    run = cluster.claim("a", 0)
    cluster.pass_s(99)
    assert drive(cluster.a.finish(run, 1))
    assert drive(cluster.a.finish(run, 1))


def test_a_renewed_lease_lasts_from_then(cluster) -> None:
    run = cluster.claim("a", 0)
    cluster.pass_s(29)
    holding = Holding(run.request.run_id, run.token)
    assert drive(cluster.a.store.renew([holding])) == [True]
    assert drive(cluster.b.store.renew([holding])) == [False]
    assert cluster.active().lease_until == cluster.now + TTL


def test_a_run_is_taken_over_once_its_lease_has_run_out(cluster) -> None:
    cluster.claim("a", 0)
    run = cluster.active()
    wish = TakeOver(run, cluster.now + TTL)
    assert drive(cluster.b.store.take_over([wish])) == [None]
    cluster.pass_s(30)
    (mine,) = drive(cluster.b.store.take_over([wish]))
    assert (mine.node, mine.token, mine.attempt, mine.run_id) == ("b", 2, 1, run.run_id)
    assert mine.lease_until == cluster.now + TTL
    assert drive(cluster.a.store.take_over([wish])) == [None]


def test_a_claim_repeated_after_its_run_was_taken_over_is_not_granted(cluster) -> None:
    """Its first answer was lost: the run goes on elsewhere, under another token."""
    request = cluster.claim("a", 0).request
    run = cluster.active()
    cluster.pass_s(30)
    drive(cluster.b.store.take_over([TakeOver(run, cluster.now)]))
    (again,) = drive(cluster.a.store.claim([request], "a", NEVER))
    assert (again.reason, again.settled) == (None, True)


def test_a_lease_from_before_the_clock_was_set_back_is_cut_short(cluster) -> None:
    cluster.claim("a", 0)
    cluster.pass_s(-3600)
    drive(cluster.b.store.beat(beat("b"), None))
    assert cluster.active().lease_until == cluster.now + TTL


def test_a_watermark_only_grows(cluster) -> None:
    cluster.claim("a", 0, settled=5)
    cluster.claim("b", 1, settled=3)
    assert drive(cluster.a.memory("backup")).settled_until == cluster.a.at(5)


def test_a_job_is_on_the_roll_while_any_node_has_it(cluster) -> None:
    cluster.claim("a", 0, settled=5)
    drive(cluster.a.enrol("poll"))
    assert [run.node for run in drive(cluster.a.store.orphans())] == ["a"]
    assert drive(cluster.b.store.orphans()) == []
    assert drive(cluster.a.enrol("backup"))["backup"].settled_until == cluster.a.at(5)


def test_a_beat_tells_what_happened_since(cluster) -> None:
    drive(cluster.a.store.beat(beat("a"), None))
    since = cluster.now
    cluster.pass_s(10)
    run = cluster.claim("a", 0, pool=PoolDemand("disk", 2))
    drive(cluster.b.store.ask_stop([StopAsked(run.request.run_id, StopCause.CANCEL)]))
    view = drive(cluster.a.store.beat(beat("a"), since))
    assert [row.run_id for row in view.decided] == [run.request.run_id]
    assert [memory.job for memory in view.jobs] == ["backup"]
    assert view.stops == (StopAsked(run.request.run_id, StopCause.CANCEL),)
    assert (view.pools, view.at) == ({"disk": 1}, cluster.now)
    later = drive(cluster.b.store.beat(beat("b"), cluster.now + TTL))
    assert (later.decided, later.jobs, later.stops) == ((), (), ())


def test_a_beat_under_a_name_that_is_taken_is_refused(cluster) -> None:
    drive(cluster.a.store.beat(beat("a"), None))
    twin = replace(beat("a"), state_id="another")
    cluster.pass_s(10)
    with pytest.raises(StateError, match="another daemon is called a"):
        drive(cluster.a.store.beat(twin, None))
    cluster.pass_s(1)
    drive(cluster.a.store.beat(twin, None))


def test_a_letter_waits_for_its_answer(cluster) -> None:
    letter = Letter("l1", "a", "b", "output", "{}")
    drive(cluster.a.store.send(letter))
    assert drive(cluster.b.store.beat(beat("b"), None)).letters == (letter,)
    drive(cluster.b.store.answer("l1", "42"))
    assert drive(cluster.a.store.reply("l1")) == "42"
    assert drive(cluster.b.store.beat(beat("b"), None)).letters == ()
