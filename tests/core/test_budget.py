"""Budget: what runs take of the node's memory together, and what a node under pressure does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.events import ShutdownAsked
from jobd.core.job import Limits, Retries
from jobd.core.ledger import SkipReason
from tests.core.cluster_desk import ClusterDesk
from tests.core.desk import Desk

MIB = 1 << 20
BUDGET = 1000 * MIB


@pytest.fixture
def desk() -> Desk:
    """A node with a memory budget of 1000M."""
    return Desk(memory_budget=BUDGET, pressure={"memory": 20.0})


def ceiling(mebibytes: int) -> Limits:
    return Limits(memory_max_bytes=mebibytes * MIB)


def reserved(desk: Desk) -> int:
    return desk.scheduler.state.room.reserved_bytes // MIB


# -- the budget --------------------------------------------------------------------------


def test_runs_start_as_long_as_the_budget_holds_their_ceilings(desk: Desk) -> None:
    for name in "abc":
        desk.job(name, every="10m", limits=ceiling(400))
    desk.pass_time("10m")
    assert (desk.running, reserved(desk)) == (["a", "b"], 800)


def test_memory_that_comes_free_is_taken_at_once(desk: Desk) -> None:
    for name in "abc":
        desk.job(name, every="10m", limits=ceiling(400))
    desk.pass_time("10m")
    desk.end("a")
    assert (desk.running, reserved(desk)) == (["b", "c"], 800)


def test_a_small_run_passes_one_that_finds_no_memory(desk: Desk) -> None:
    for name, size in (("a", 600), ("b", 600), ("c", 300)):
        desk.job(name, every="10m", limits=ceiling(size))
    desk.pass_time("10m")
    assert desk.running == ["a", "c"]


def test_a_tick_that_finds_no_memory_in_time_is_skipped_for_that(desk: Desk) -> None:
    desk.job("a", every="1h", limits=ceiling(700))
    desk.job("b", every="1h", limits=ceiling(700), start_deadline="5m")
    desk.pass_time("1h6m")
    (row,) = desk.rows("b")
    assert row.reason is SkipReason.MEMORY_BUDGET
    assert row.detail == (
        "could not start before its start_deadline: "
        "it needs 700M, 300M of limits.memory_budget (1000M) are free"
    )


def test_a_job_that_can_never_fit_is_told_from_one_that_waits(desk: Desk) -> None:
    desk.job("a", every="10m", limits=ceiling(1200))
    desk.pass_time("10m")
    (row,) = desk.rows("a")
    words = "it needs 1.2G, and limits.memory_budget of this node is 1000M"
    assert (row.reason, row.detail) == (SkipReason.MEMORY_BUDGET, words)


def test_an_operator_is_told_that_it_can_never_fit(desk: Desk) -> None:
    desk.job("a", limits=ceiling(1200))
    asked = desk.trigger("a")
    assert (asked.code, "it needs 1.2G" in asked.message) == ("busy", True)


def test_what_was_measured_is_reserved_for_the_next_run(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.end("a", memory_peak_bytes=300 * MIB)
    desk.pass_time("10m")
    assert 360 <= reserved(desk) <= 400


def test_one_large_run_is_not_forgotten_after_a_small_one(desk: Desk) -> None:
    desk.job("a", every="10m")
    for peak in (300, 10):
        desk.pass_time("10m")
        desk.end("a", memory_peak_bytes=peak * MIB)
    desk.pass_time("10m")
    assert reserved(desk) > 300


def test_what_was_learned_survives_a_restart(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.end("a", memory_peak_bytes=300 * MIB)
    desk.restart()
    desk.pass_time("10m")
    assert reserved(desk) > 300


def test_runs_that_are_taken_back_reserve_their_memory(desk: Desk) -> None:
    desk.job("a", every="10m", limits=ceiling(700))
    desk.pass_time("10m")
    desk.restart()
    assert reserved(desk) == 700


def test_between_two_attempts_nothing_is_reserved(desk: Desk) -> None:
    desk.job("a", every="10m", limits=ceiling(700), retries=Retries(max=1))
    desk.pass_time("10m")
    desk.end("a", exit_code=1)
    assert reserved(desk) == 0


def test_a_retry_waits_for_memory_too(desk: Desk) -> None:
    desk.job("a", every="10m", limits=ceiling(700), retries=Retries(max=1))
    desk.job("b", limits=ceiling(700))
    desk.pass_time("10m")
    desk.end("a", exit_code=1)
    desk.trigger("b")
    desk.pass_time("5m")
    assert desk.running == ["b"]
    desk.end("b")
    assert desk.running == ["a"]


def test_a_retry_that_no_longer_fits_the_budget_starts_alone(desk: Desk) -> None:
    """It holds the lease of its job, and would hold it for ever."""
    desk.job("a", every="1h", limits=ceiling(700), retries=Retries(max=1))
    desk.pass_time("1h")
    desk.end("a", exit_code=1)
    desk.memory_budget = 500 * MIB
    desk.reload(*desk.jobs.values())
    desk.pass_time("5m")
    assert (desk.running, reserved(desk)) == (["a"], 500)


def test_a_larger_budget_lets_in_who_waits(desk: Desk) -> None:
    desk.job("a", every="10m", limits=ceiling(700))
    desk.job("b", every="10m", limits=ceiling(700))
    desk.pass_time("10m")
    desk.memory_budget = 2 * BUDGET
    desk.reload(*desk.jobs.values())
    assert desk.running == ["a", "b"]


def test_who_waits_for_more_than_there_will_ever_be_holds_up_nobody(desk: Desk) -> None:
    desk.job("a", every="1h", limits=ceiling(700), start_deadline="2h")
    desk.job("b", every="1h", limits=ceiling(700), start_deadline="2h")
    desk.pass_time("1h")
    desk.memory_budget = 500 * MIB
    desk.reload(*desk.jobs.values())
    assert desk.ledger("b") == ["13:00 memory_budget"]


def test_a_daemon_that_stops_lets_nobody_in_for_a_reload(desk: Desk) -> None:
    """The shared store may come back, and bring a configuration, while it does."""
    desk.job("a", every="1h", limits=ceiling(700), start_deadline="2h")
    desk.job("b", every="1h", limits=ceiling(700), start_deadline="2h")
    desk.pass_time("1h")
    desk.handle(ShutdownAsked())
    desk.memory_budget = 2 * BUDGET
    desk.reload(*desk.jobs.values())
    assert desk.running == ["a"]


# -- nothing starves ----------------------------------------------------------------------


def test_a_large_run_gets_its_turn_among_small_ones(desk: Desk) -> None:
    """Of those one starts as soon as one ends, and each fits in front of the large one."""
    for n in range(6):
        desk.job(f"small{n}", every="1m", limits=ceiling(100), priority=5)
    desk.job("large", every="1h", limits=ceiling(900), start_deadline="30m")
    desk.pass_time("1h")
    waited = 0
    while "large" not in desk.running:
        desk.end(desk.running[0])
        desk.pass_time("1m")
        waited += 1
    assert 15 <= waited <= 15 + 6  # aged after half of its window; then those inside end


def test_a_tick_is_skipped_for_what_held_it_longest(desk: Desk) -> None:
    desk.job("big", limits=ceiling(900))
    desk.job("a", every="1h", limits=ceiling(500), start_deadline="10m")
    desk.trigger("big")
    desk.pass_time("1h8m")
    desk.measure(memory=50.0)
    desk.end("big")
    desk.pass_time("3m")
    assert desk.ledger("a") == ["13:00 memory_budget"]


# -- pressure -------------------------------------------------------------------------------


def test_under_pressure_nothing_new_starts(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.measure(memory=50.0)
    desk.pass_time("10m")
    assert desk.running == []


def test_when_it_eases_what_waited_starts(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.measure(memory=50.0)
    desk.pass_time("10m")
    desk.measure(memory=5.0)
    assert desk.running == ["a"]


def test_a_tick_that_pressure_held_to_the_end_says_so(desk: Desk) -> None:
    desk.job("a", every="1h", start_deadline="5m")
    desk.measure(memory=50.0)
    desk.pass_time("1h6m")
    assert desk.ledger("a") == ["13:00 pressure"]


def test_what_runs_goes_on_under_pressure(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.measure(memory=99.0)
    assert desk.stops == []


# -- in a cluster ---------------------------------------------------------------------------


@pytest.fixture
def cluster() -> ClusterDesk:
    """Two nodes with a memory budget of 1000M each."""
    return ClusterDesk(memory_budget=BUDGET, pressure={"memory": 20.0})


def test_a_tick_that_finds_no_memory_here_runs_elsewhere(cluster: ClusterDesk) -> None:
    cluster.job("a", every="10m", limits=ceiling(700))
    cluster.job("filler", limits=ceiling(700))
    first, second = cluster.first("a"), cluster.second("a")
    first.trigger("filler")
    cluster.pass_time("10m5s")
    assert (first.running, second.running) == (["filler"], ["a"])


def test_a_node_under_pressure_lets_another_one_run_it(cluster: ClusterDesk) -> None:
    cluster.job("a", every="10m")
    first, second = cluster.first("a"), cluster.second("a")
    first.measure(memory=50.0)
    cluster.pass_time("10m5s")
    assert (first.running, second.running) == ([], ["a"])


def test_a_node_that_is_too_small_for_a_job_leaves_it_to_the_others(cluster: ClusterDesk) -> None:
    cluster.job("a", every="10m", limits=ceiling(1200))
    first, second = cluster.first("a"), cluster.second("a")
    second.memory_budget = 2 * BUDGET
    second.reload(*second.jobs.values())
    cluster.pass_time("10m5s")
    assert (first.running, second.running) == ([], ["a"])


def test_a_job_that_is_too_large_for_every_node_is_accounted_for(cluster: ClusterDesk) -> None:
    cluster.job("a", every="10m", limits=ceiling(1200))
    cluster.pass_time("16m")
    (row,) = cluster.nodes["app1"].rows("a")
    words = "it needs 1.2G, and limits.memory_budget of this node is 1000M"
    assert row.reason is SkipReason.MEMORY_BUDGET
    assert row.detail == f"{words}; no other node that may run it was there"


def test_a_tick_that_no_node_had_room_for_is_skipped_once(cluster: ClusterDesk) -> None:
    cluster.job("a", every="10m")
    for node in cluster.nodes.values():
        node.measure(memory=50.0)
    cluster.pass_time("16m")
    assert cluster.ledger("a") == ["12:10 pressure"]


# -- whatever happens --------------------------------------------------------------------------

steps = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from(
            ["pass", "pass", "end", "fail", "trigger", "cancel", "press", "ease", "restart"]
        ),
    ),
    max_size=40,
)


@given(steps)
def test_the_budget_is_never_passed(those: list[tuple[int, str]]) -> None:
    desk = household()
    for n, what in those:
        act(desk, n, what)
        assert desk.scheduler.state.room.reserved_bytes <= BUDGET


@given(steps)
def test_nobody_waits_who_could_start(those: list[tuple[int, str]]) -> None:
    """But for those whom an aged one is in front of: it has been promised the next room."""
    desk = household()
    for n, what in those:
        act(desk, n, what)
        room, line = desk.scheduler.state.room, desk.scheduler.state.waiting.in_order()
        if not any(one.ages_at <= desk.now for one in line):
            assert not any(room.opening().fits(one.need) for one in line)


@given(steps)
def test_what_is_reserved_is_given_back(those: list[tuple[int, str]]) -> None:
    desk = household()
    for n, what in those:
        act(desk, n, what)
    desk.measure(memory=0.0)
    for name in tuple(desk.jobs):
        desk.remove(name)
    while desk.running:
        desk.cancel(run_id=desk.process(desk.running[0]).run.run_id)
        desk.end(desk.running[0])
    assert (reserved(desk), desk.node().running) == (0, 0)


def household() -> Desk:
    """A small node with jobs that need a sixth up to nearly all of its memory."""
    desk = Desk(4, 5, memory_budget=BUDGET, pressure={"memory": 20.0})
    for n in range(6):
        limits = ceiling(150 * (n + 1)) if n % 2 else Limits()
        more = {"limits": limits, "retries": Retries(max=n % 2), "priority": n % 3}
        desk.job(f"j{n}", every=f"{3 + n}m", expected_memory_bytes=150 * (n + 1) * MIB, **more)
    return desk


def act(desk: Desk, n: int, what: str) -> None:
    job = f"j{n}"
    if what == "pass":
        desk.pass_time(f"{n + 1}m")
    elif what in ("end", "fail") and job in desk.running:
        desk.end(job, exit_code=int(what == "fail"), memory_peak_bytes=100 * (n + 1) * MIB)
    elif what == "trigger":
        desk.trigger(job)
    elif what == "cancel":
        desk.cancel(job)
    elif what in ("press", "ease"):
        desk.measure(memory=50.0 if what == "press" else 1.0)
    elif what == "restart":
        desk.restart()
