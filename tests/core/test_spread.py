"""Spread: after a gap, jobs begin to catch up one after another, and within a minute."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.spread import APART, WITHIN, Spread
from tests.core.cluster_desk import ClusterDesk
from tests.core.desk import Desk
from tests.core.surroundings import NOON


def starts_at(desk: Desk) -> list[float]:
    """Return when the processes began, in seconds after the restart."""
    began = min(process.started_at for process in desk.processes.values())
    return [(process.started_at - began).total_seconds() for process in desk.processes.values()]


def after_downtime(desk: Desk, jobs: int, **keys: object) -> Desk:
    """Restart a daemon to which every job owes ticks."""
    for n in range(jobs):
        desk.job(f"j{n}", every="10m", **keys)
    desk.restart(down="27m")
    desk.pass_time("1m")
    return desk


def test_a_single_job_catches_up_at_once(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.restart(down="27m")
    assert desk.starts == ["a 12:20"]


def test_of_several_one_begins_at_once_and_the_others_a_moment_apart(desk: Desk) -> None:
    after_downtime(desk, 4)
    assert starts_at(desk) == [0, 0.25, 0.5, 0.75]


def test_the_most_urgent_of_those_who_wait_is_next(desk: Desk) -> None:
    desk.job("low", every="10m", priority=1)
    desk.job("lower", every="10m", priority=0)
    desk.job("high", every="10m", priority=9)
    desk.restart(down="27m")
    desk.pass_time("1s")
    assert [start.split()[0] for start in desk.starts] == ["low", "high", "lower"]


def test_very_many_begin_within_a_minute(new_desk: type[Desk]) -> None:
    desk = after_downtime(new_desk(max_running=1000, max_waiting=1000), 300)
    assert len(desk.running) == 300
    assert max(starts_at(desk)) <= 60


def test_so_it_is_after_a_jump_of_the_clock(desk: Desk) -> None:
    for n in range(3):
        desk.job(f"j{n}", every="10m")
    desk.pass_time("1m")
    desk.set_clock("27m")
    desk.pass_time("1s")
    assert starts_at(desk) == [0, 0.25, 0.5]


def test_a_tick_on_time_waits_for_nobody(desk: Desk) -> None:
    for n in range(3):
        desk.job(f"j{n}", every="1h", start_deadline="5m")
    desk.restart(down="1h1m")
    assert len(desk.running) == 3


def test_one_that_waits_to_catch_up_may_be_removed(desk: Desk) -> None:
    for name in "abc":
        desk.job(name, every="10m")
    desk.restart(down="27m")
    desk.remove("b")
    desk.pass_time("1s")
    assert desk.running == ["a", "c"]


def test_a_clock_that_is_set_back_keeps_nobody_waiting(desk: Desk) -> None:
    for name in "abc":
        desk.job(name, every="10m")
    desk.restart(down="27m")
    desk.set_clock("-2m")
    desk.pass_time("1s")
    assert desk.running == ["a", "b", "c"]


def test_every_tick_is_accounted_for(desk: Desk) -> None:
    after_downtime(desk, 9, catchup="all", catchup_window="1h")
    for _ in range(4):
        for job in desk.running:
            desk.end(job)
    ledgers = {tuple(desk.ledger(f"j{n}")) for n in range(9)}
    assert ledgers == {("12:10 started", "12:20 started")}


def test_in_a_cluster_each_is_caught_up_on_once(cluster: ClusterDesk) -> None:
    for n in range(6):
        cluster.job(f"j{n}", every="10m")
    for desk in cluster.nodes.values():
        desk.cut()
    cluster.pass_time("27m")
    for desk in cluster.nodes.values():
        desk.mend()
    cluster.pass_time("20s")
    assert sorted(start.split()[1] for start in cluster.starts) == [f"j{n}" for n in range(6)]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=600))
def test_all_are_released_in_order_and_in_time(jobs: list[tuple[int, int]]) -> None:
    spread, now, released = Spread(), NOON, list[str]()
    for n, (priority, age) in enumerate(jobs):
        if spread.begins_at_once(f"j{n}", priority, NOON - age * APART, NOON):
            released.append(f"j{n}")
    while (at := spread.next_at()) is not None:
        now = max(now, at)
        job = spread.release(now)
        assert job is not None
        released.append(job)
    ranks = [(-jobs[n][0], -jobs[n][1], f"j{n}") for n in range(1, len(jobs))]
    assert released == ["j0", *(name for _, _, name in sorted(ranks))]
    assert now - NOON <= WITHIN + timedelta(seconds=1)


@pytest.mark.parametrize("count", [2, 10, 239])
def test_few_are_a_quarter_of_a_second_apart(count: int) -> None:
    spread, now = Spread(), NOON
    for n in range(count):
        spread.begins_at_once(f"j{n}", 0, NOON, NOON)
    at: list[timedelta] = []
    while (next_at := spread.next_at()) is not None:
        now = next_at
        spread.release(now)
        at.append(now - NOON)
    assert at == [APART * (n + 1) for n in range(count - 1)]
