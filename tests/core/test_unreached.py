"""Unreached: the cluster's jobs while the shared store is away since the daemon's start."""

import pytest

from jobd.core.job import Limits
from jobd.core.view import JobState
from tests.core.cluster_desk import ClusterDesk, NodeDesk
from tests.core.surroundings import Asked


@pytest.fixture
def node(new_cluster: type[ClusterDesk]) -> NodeDesk:
    """A node that was restarted while it was cut off from the shared store."""
    cluster = new_cluster("app1")
    cluster.job("all", every="10m")
    cluster.job("own", every="10m", scope="node")
    node = cluster.nodes["app1"]
    node.cut()
    node.restart()
    return node


def test_a_job_that_nobody_can_decide_is_listed(node: NodeDesk) -> None:
    assert node.view("all").state is JobState.STORE_DOWN


def test_it_counts_among_the_jobs(node: NodeDesk) -> None:
    assert node.node().jobs == 2


def test_no_next_tick_is_promised(node: NodeDesk) -> None:
    assert (node.view("all").next_fire, node.view("all").next_due) == (None, None)


@pytest.mark.parametrize("ask", ["trigger", "pause", "resume", "skip_next", "cancel"])
def test_what_is_asked_of_it_is_refused_for_the_store_s_sake(node: NodeDesk, ask: str) -> None:
    asked: Asked = getattr(node, ask)("all")
    assert (asked.code, asked.message.split(" does")[0]) == (
        "store_down",
        "the store that decides all",
    )


def test_a_wish_for_every_job_says_that_it_is_left_out(node: NodeDesk) -> None:
    assert node.pause().message.endswith("not 1 of the cluster: their store has not answered yet")


def test_once_the_store_answers_it_is_a_job_like_any_other(node: NodeDesk) -> None:
    node.join()
    assert (node.view("all").state, node.node().jobs) == (JobState.SCHEDULED, 2)


def test_a_wish_for_every_job_says_where_it_counts(node: NodeDesk) -> None:
    node.join()
    words = '2 paused: 1 on every node; 1 of scope = "node" on app1 only'
    assert node.pause().message == words


def test_a_run_that_the_supervisor_held_reserves_its_ceiling_once_its_job_is_known(
    new_cluster: type[ClusterDesk],
) -> None:
    cluster = new_cluster("app1", memory_budget=1 << 30)
    cluster.job("a", every="10m", limits=Limits(memory_max_bytes=700 << 20))
    node = cluster.nodes["app1"]
    cluster.pass_time("10m")
    node.cut()
    node.restart()
    node.join()
    assert node.node().room.memory_reserved_bytes == 700 << 20
