"""Routes: what concerns the cluster's jobs goes to the shared store, the rest to the node's."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jobd.core.claim import ClaimRequest, Demand, Pause, Trigger
from jobd.core.effects import (
    Claim,
    FinishRun,
    RecordSkips,
    SavePause,
    SaveRun,
    SaveSkipNext,
    StopElsewhere,
    TakeRuns,
    VoidSkips,
)
from jobd.core.job import Overlap, Scope
from jobd.core.ledger import Skip, SkipReason, TickRange
from jobd.core.schedule import AfterSchedule
from jobd.daemon.routes import Routes
from tests.daemon.fakes import NOON, finish_of, job_of, run_of

PAUSE = Pause("anna", NOON)
SCHEDULE = AfterSchedule.of(timedelta(minutes=1))


class Way:
    """A lane on paper."""

    def __init__(self) -> None:
        self.got: list[Any] = []

    def put(self, effect: Any) -> None:
        self.got.append(effect)


class Desk:
    """Routes of a node with a job of its own, and one of the cluster."""

    def __init__(self) -> None:
        self.local, self.shared = Way(), Way()
        self.routes = Routes(self.local, self.shared)
        self.routes.configure([job_of("own"), job_of("all", scope=Scope.CLUSTER)])

    def sent(self, effect: Any) -> tuple[list[Any], list[Any]]:
        """Return what of an effect comes to the node's store, and to the shared one."""
        self.routes.put(effect)
        return self.local.got, self.shared.got


@pytest.fixture
def desk() -> Desk:
    return Desk()


def wish(job: str) -> ClaimRequest:
    return ClaimRequest(f"of {job}", job, NOON, Trigger.SCHEDULE, Demand(Overlap.SKIP))


def skip(job: str) -> Skip:
    return Skip(TickRange(job, NOON, NOON, 1), SkipReason.PAUSED)


BOTH = [
    (Claim((wish("own"), wish("all"))), Claim((wish("own"),)), Claim((wish("all"),))),
    (
        RecordSkips((skip("all"), skip("own"))),
        RecordSkips((skip("own"),)),
        RecordSkips((skip("all"),)),
    ),
    (
        SavePause(("own", "all"), PAUSE, "anna"),
        SavePause(("own",), PAUSE, "anna"),
        SavePause(("all",), PAUSE, "anna"),
    ),
    (
        VoidSkips(NOON, {"own": SCHEDULE, "all": SCHEDULE}),
        VoidSkips(NOON, {"own": SCHEDULE}),
        VoidSkips(NOON, {"all": SCHEDULE}),
    ),
]


@pytest.mark.parametrize(("effect", "own", "shared"), BOTH)
def test_an_effect_about_both_is_cut_in_two(desk: Desk, effect: Any, own: Any, shared: Any) -> None:
    assert desk.sent(effect) == ([own], [shared])


OF_ONE_JOB = [
    lambda job: Claim((wish(job),)),
    lambda job: RecordSkips((skip(job),)),
    lambda job: SavePause((job,), None, "anna"),
    lambda job: SaveSkipNext(job, None, "anna"),
]


@pytest.mark.parametrize("make", OF_ONE_JOB)
def test_an_effect_about_one_job_comes_to_one_store(make: Any) -> None:
    assert Desk().sent(make("own")) == ([make("own")], [])
    assert Desk().sent(make("all")) == ([], [make("all")])


@pytest.mark.parametrize("job", ["own", "all"])
def test_a_run_stays_with_the_store_that_granted_it(job: str) -> None:
    """A reload may have changed its job's scope: the other store would refuse its end, and it
    would be lost, and bar its job until the end of its lease."""
    run, end = run_of(job), FinishRun(finish_of(run_of(job)))
    leased = SaveRun(replace(run, lease_until=NOON)), replace(end, is_shared=True)
    for own, shared in zip((SaveRun(run), end), leased, strict=True):
        assert Desk().sent(own) == ([own], [])
        assert Desk().sent(shared) == ([], [shared])


@pytest.mark.parametrize("effect", [TakeRuns(()), StopElsewhere(())])
def test_what_concerns_other_nodes_is_for_the_shared_store(desk: Desk, effect: Any) -> None:
    assert desk.sent(effect) == ([], [effect])


def test_a_node_alone_has_one_store(desk: Desk) -> None:
    local = Way()
    routes = Routes(local, None)
    routes.configure([job_of("all", scope=Scope.CLUSTER)])
    routes.put(SaveRun(run_of("all")))
    assert (local.got, routes.is_shared("all")) == ([SaveRun(run_of("all"))], False)


def test_a_job_that_has_left_keeps_its_store(desk: Desk) -> None:
    """Its runs still end."""
    desk.routes.configure([job_of("own")])
    assert desk.routes.is_shared("all")


def test_a_job_whose_scope_was_changed_has_the_other_store(desk: Desk) -> None:
    desk.routes.configure([job_of("own", scope=Scope.CLUSTER), job_of("all")])
    assert [desk.routes.is_shared(job) for job in ("own", "all")] == [True, False]


def test_runs_of_jobs_that_are_configured_no_more_are_learned_of(desk: Desk) -> None:
    desk.routes.learn(["gone"])
    assert desk.routes.is_shared("gone")
