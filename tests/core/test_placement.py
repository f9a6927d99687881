"""Placement: all nodes agree on an order without a word, and few jobs move when one goes."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.placement import STEP, delay, may_run, rank

NAMES = st.text(min_size=1, max_size=8)
NODES = st.sets(NAMES, min_size=1, max_size=8)
LOADS = st.floats(min_value=-1.0, max_value=2.0)


@given(NAMES, NODES)
def test_ranks_are_a_permutation_of_any_set_of_nodes(job: str, nodes: set[str]) -> None:
    """Two of one rank would race for every tick; a rank that nobody has would cost a step."""
    assert sorted(rank(job, node, nodes) for node in nodes) == list(range(len(nodes)))


@given(NAMES, NODES, NAMES)
def test_a_node_s_rank_is_the_same_whether_it_counts_itself_or_not(
    job: str, others: set[str], node: str
) -> None:
    assert rank(job, node, others | {node}) == rank(job, node, others - {node})


@given(NAMES, NODES, NAMES)
def test_a_node_that_leaves_lets_only_those_behind_it_move_up(
    job: str, others: set[str], gone: str
) -> None:
    """Its own share of the jobs goes to the next in line; nobody else's moves."""
    staying = others - {gone}
    place = rank(job, gone, staying)
    moved = {n: rank(job, n, staying | {gone}) - rank(job, n, staying) for n in staying}
    behind = {n: int(rank(job, n, staying | {gone}) > place) for n in staying}
    assert moved == behind


def test_every_node_is_first_for_a_fair_share_of_jobs() -> None:
    nodes = [f"app{n}" for n in range(4)]
    firsts = [n for job in range(1000) for n in nodes if rank(f"job{job}", n, nodes) == 0]
    assert all(200 < firsts.count(node) < 300 for node in nodes)


@given(st.integers(0, 20), st.integers(0, 20), LOADS, LOADS)
def test_nobody_further_back_or_busier_waits_for_less(
    place: int, further: int, load: float, more: float
) -> None:
    assert delay(place, load) <= delay(place + further, max(load, more))


@pytest.mark.parametrize("load", [0.0, 0.3, 0.5])
def test_a_node_that_is_half_idle_waits_for_those_before_it_only(load: float) -> None:
    assert [delay(place, load) for place in range(3)] == [timedelta(0), STEP, 2 * STEP]


def test_a_full_node_lets_an_idle_one_behind_it_go_first() -> None:
    assert delay(1, 0.0) < delay(0, 1.0)


@pytest.mark.parametrize(
    ("wanted", "may"),
    [((), True), (("app1",), True), (("db",), True), (("app2",), False), (("APP1",), False)],
)
def test_a_job_s_nodes_are_names_or_labels(wanted: tuple[str, ...], may: bool) -> None:
    assert may_run(wanted, "app1", ("db", "ssd")) is may


def test_a_name_that_is_no_text_can_be_ranked() -> None:
    """Job names come from file names, which may hold any byte."""
    assert rank("a\udcff", "app1", ["app2"]) in (0, 1)
