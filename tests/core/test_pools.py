"""Pools: named bottlenecks that jobs share, on a node or over all nodes."""

from jobd.core.effects import Claim
from jobd.core.job import Pool, Retries, Scope
from tests.core.cluster_desk import ClusterDesk
from tests.core.desk import Desk, span

OF_CLUSTER = Pool("db", 1)
OF_NODE = Pool("disk", 1, Scope.NODE)


# -- of the cluster --------------------------------------------------------------------


def test_runs_of_all_nodes_share_a_pool_of_the_cluster(cluster: ClusterDesk) -> None:
    cluster.job("a", every="1h", pool=OF_CLUSTER)
    cluster.job("b", every="1h", pool=OF_CLUSTER)
    cluster.pass_time("1h3s")
    assert len(cluster.running) == 1


def test_a_tick_waits_for_a_place_in_the_pool(cluster: ClusterDesk) -> None:
    cluster.job("a", every="1h", pool=OF_CLUSTER)
    cluster.job("b", every="1h", pool=OF_CLUSTER)
    cluster.pass_time("1h3s")
    (running,) = cluster.running
    cluster.holder(running).end(running)
    cluster.pass_time("2s")
    assert sorted(start.split()[1] for start in cluster.starts) == ["a", "b"]


def test_a_tick_that_finds_no_place_before_its_deadline_is_skipped_for_the_pool(
    cluster: ClusterDesk,
) -> None:
    cluster.job("b", pool=OF_CLUSTER)
    cluster.nodes["app1"].trigger("b")
    cluster.job("a", every="1h", start_deadline="2m", pool=OF_CLUSTER)
    cluster.pass_time("1h5m")
    assert cluster.ledger("a") == ["13:00 pool"]


def test_a_run_takes_as_many_slots_as_it_says(cluster: ClusterDesk) -> None:
    pool = Pool("db", 3)
    for name in ("a", "b"):
        cluster.job(name, every="1h", pool=pool, slots=2)
    cluster.pass_time("1h5s")
    assert len(cluster.running) == 1


def test_a_pool_that_is_known_to_be_full_is_not_asked_for(cluster: ClusterDesk) -> None:
    """The last view says so; the store is asked once a place may be free."""
    cluster.job("b", pool=OF_CLUSTER)
    cluster.nodes["app1"].trigger("b")
    cluster.pass_time("2s")
    cluster.job("a", every="1h", pool=OF_CLUSTER, start_deadline="30m")
    before = len(cluster.nodes["app2"].effects)
    cluster.pass_time("1h20m")
    effects = cluster.nodes["app2"].effects[before:]
    assert [effect for effect in effects if isinstance(effect, Claim)] == []


def test_a_place_that_a_dead_node_held_is_free_again(cluster: ClusterDesk) -> None:
    cluster.job("a", every="1h", pool=OF_CLUSTER, start_deadline="5m", overlap="allow")
    cluster.pass_time("59m")
    first, second = cluster.ranked("a")
    cluster.job("b", pool=OF_CLUSTER)
    first.trigger("b")
    first.die()
    cluster.pass_time("2m")
    assert second.running == ["a"]


def test_a_pool_counts_its_own_runs_before_a_view_shows_them(cluster: ClusterDesk) -> None:
    desk = cluster.nodes["app1"]
    cluster.job("a", pool=OF_CLUSTER)
    cluster.job("b", pool=OF_CLUSTER)
    desk.trigger("a")
    asked = desk.trigger("b")
    assert asked.message == "waits for room in pool db"


def test_on_a_node_alone_a_pool_of_the_cluster_is_counted_here(desk: Desk) -> None:
    desk.job("a", every="1h", pool=OF_CLUSTER)
    desk.job("b", every="1h", pool=OF_CLUSTER)
    desk.pass_time("1h")
    assert len(desk.running) == 1


# -- of a node -------------------------------------------------------------------------


def test_each_node_has_a_pool_of_its_own(cluster: ClusterDesk) -> None:
    for name in ("a", "b"):
        cluster.job(name, every="1h", scope="node", pool=OF_NODE)
    cluster.pass_time("1h5s")
    assert [len(desk.running) for desk in cluster.nodes.values()] == [1, 1]


def test_a_job_of_the_cluster_may_be_in_a_pool_of_the_node(cluster: ClusterDesk) -> None:
    cluster.job("b", scope="node", pool=OF_NODE)
    cluster.job("a", every="1h", pool=OF_NODE)
    first, second = cluster.ranked("a")
    first.trigger("b")
    cluster.pass_time("1h3s")
    assert second.running == ["a"]


def test_a_claim_without_an_answer_keeps_its_place_in_a_pool_of_the_node(
    cluster: ClusterDesk,
) -> None:
    """It may have been granted: started beside another, both would press on the bottleneck."""
    cluster.job("b", scope="node", pool=OF_NODE)
    cluster.job("a", pool=OF_NODE)
    desk = cluster.nodes["app1"]
    desk.is_cut = desk.loses_answers = True
    desk.trigger("a")
    desk.trigger("b")
    desk.mend()
    cluster.pass_time("2s")
    assert len(desk.running) == 1


# -- the line --------------------------------------------------------------------------


def test_the_first_in_line_is_the_most_urgent_then_the_oldest(desk: Desk) -> None:
    desk.job("holder", pool=OF_NODE)
    desk.trigger("holder")
    for name, priority in (("old", 0), ("young", 0), ("urgent", 5)):
        desk.job(name, pool=OF_NODE, priority=priority)
        desk.pass_time("1s")
        desk.trigger(name)
    for name in ("holder", "urgent", "old"):
        desk.end(name)
    assert desk.starts == [f"{n} by hand" for n in ("holder", "urgent", "old", "young")]


def test_a_small_run_passes_a_large_one_that_finds_no_room(desk: Desk) -> None:
    pool = Pool("disk", 2, Scope.NODE)
    desk.job("holder", pool=pool)
    desk.job("large", pool=pool, slots=2)
    desk.job("small", pool=pool)
    for name in ("holder", "large", "small"):
        desk.trigger(name)
    assert desk.running == ["holder", "small"]


def test_a_retry_has_its_slots_already(desk: Desk) -> None:
    desk.job("a", every="1h", pool=OF_NODE, retries=Retries(max=1, delay=span("30s"), jitter=0.0))
    desk.pass_time("1h")
    desk.end("a", exit_code=1)
    desk.pass_time("1m")
    assert desk.running == ["a"]


def test_a_larger_pool_lets_in_who_waits(desk: Desk) -> None:
    desk.job("a", pool=OF_NODE)
    desk.job("b", pool=OF_NODE)
    desk.trigger("a")
    desk.trigger("b")
    larger = Pool("disk", 2, Scope.NODE)
    desk.change("a", pool=larger)
    desk.change("b", pool=larger)
    desk.pass_time("1s")
    assert sorted(desk.running) == ["a", "b"]
