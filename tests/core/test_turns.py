"""Turns: one node tries a tick at once, the others when their turn comes; one decides it."""

from jobd.core.effects import Claim, LookAround
from tests.core.cluster_desk import ClusterDesk, NodeDesk


def claims(desk: NodeDesk) -> int:
    """Return how many runs a node has asked the store for."""
    return sum(len(effect.requests) for effect in desk.of_kind(Claim))


def test_the_first_in_rank_starts_a_tick_at_its_fire_time(cluster: ClusterDesk) -> None:
    cluster.job("a", every="10m")
    cluster.pass_time("10m")
    assert cluster.starts == [f"{cluster.first('a').node_name}: a 12:10"]


def test_a_tick_is_started_once(cluster: ClusterDesk) -> None:
    cluster.job("a", every="10m")
    cluster.pass_time("15m")
    assert cluster.ledger("a") == ["12:10 started"]


def test_who_comes_later_asks_the_store_for_nothing(cluster: ClusterDesk) -> None:
    """One write per tick, whatever the number of nodes."""
    cluster.job("a", every="10m")
    cluster.pass_time("15m")
    assert claims(cluster.second("a")) == 0


def test_who_comes_later_looks_around_first(cluster: ClusterDesk) -> None:
    """What the others have decided by then, nobody need be asked for."""
    cluster.job("a", every="10m")
    cluster.pass_time("9m59s")
    cluster.first("a").die()
    cluster.pass_time("1.5s")
    second = cluster.second("a")
    assert (len(second.of_kind(LookAround)), claims(second)) == (1, 0)


def test_no_turn_that_comes_during_a_stop_starts_anything(cluster: ClusterDesk) -> None:
    cluster.job("a", every="10m")
    cluster.pass_time("9m59s")
    cluster.first("a").die()
    cluster.pass_time("1.5s")
    cluster.second("a").shut_down()
    cluster.pass_time("3s")
    assert cluster.starts == []


def test_a_tick_of_a_node_that_has_just_died_is_late_by_less_than_two_seconds(
    cluster: ClusterDesk,
) -> None:
    cluster.job("a", every="10m")
    cluster.pass_time("9m59s")
    cluster.first("a").die()
    cluster.pass_time("3s")
    assert cluster.starts == [f"{cluster.second('a').node_name}: a 12:10"]


def test_ticks_of_a_node_that_is_known_to_be_gone_are_not_late_at_all(
    cluster: ClusterDesk,
) -> None:
    cluster.job("a", every="10m")
    cluster.first("a").die()
    cluster.pass_time("10m")
    assert cluster.starts == [f"{cluster.second('a').node_name}: a 12:10"]


def test_a_tick_of_a_node_that_is_cut_off_is_started_by_another(cluster: ClusterDesk) -> None:
    cluster.job("a", every="10m")
    cluster.first("a").cut()
    cluster.pass_time("10m3s")
    assert cluster.starts == [f"{cluster.second('a').node_name}: a 12:10"]


def test_a_full_node_leaves_a_tick_to_one_that_has_room(new_cluster: type[ClusterDesk]) -> None:
    cluster = new_cluster(max_running=1)
    cluster.job("a", every="10m")
    cluster.job("b")
    cluster.first("a").trigger("b")
    cluster.pass_time("10m3s")
    assert cluster.starts[-1] == f"{cluster.second('a').node_name}: a 12:10"


def test_a_tick_that_another_node_has_decided_leaves_the_line(
    new_cluster: type[ClusterDesk],
) -> None:
    cluster = new_cluster(max_running=1)
    cluster.job("a", every="10m")
    cluster.job("b")
    cluster.first("a").trigger("b")
    cluster.pass_time("10m5s")
    assert cluster.first("a").view("a").waiting == ()


def test_a_tick_that_nobody_has_room_for_is_skipped_once_at_its_deadline(
    new_cluster: type[ClusterDesk],
) -> None:
    cluster = new_cluster(max_running=1)
    cluster.job("a", every="1h", start_deadline="2m")
    cluster.job("b", overlap="allow", max_instances=2)
    for desk in cluster.nodes.values():
        desk.trigger("b")
    cluster.pass_time("1h5m")
    assert cluster.ledger("a") == ["13:00 max_running"]


def test_no_tick_of_a_new_node_is_tried_that_was_decided_before_it_came(
    cluster: ClusterDesk,
) -> None:
    cluster.job("a", every="10m")
    cluster.pass_time("10m")
    cluster.add("app3")
    cluster.job("a", every="10m")
    cluster.pass_time("5s")
    assert len(cluster.starts) == 1


def test_jobs_are_spread_over_the_nodes(new_cluster: type[ClusterDesk]) -> None:
    cluster = new_cluster("app1", "app2", "app3")
    for number in range(12):
        cluster.job(f"job{number}", every="10m")
    cluster.pass_time("10m5s")
    assert len(cluster.starts) == 12
    assert {start.split(":")[0] for start in cluster.starts} == {"app1", "app2", "app3"}


# -- nodes that may not run it ---------------------------------------------------------


def test_a_job_s_ticks_run_on_its_nodes_only(new_cluster: type[ClusterDesk]) -> None:
    cluster = new_cluster("app1", "app2", "app3")
    cluster.job("a", every="10m", nodes=("app2",))
    cluster.pass_time("10m")
    assert cluster.starts == ["app2: a 12:10"]


def test_a_label_names_nodes_too(cluster: ClusterDesk) -> None:
    cluster.add("db1", labels=["db"])
    cluster.job("a", every="10m", nodes=("db",))
    cluster.pass_time("10m")
    assert cluster.starts == ["db1: a 12:10"]


def test_a_tick_whose_nodes_are_all_gone_is_accounted_for(cluster: ClusterDesk) -> None:
    """Else nobody would know that the job does not run."""
    cluster.add("db1", labels=["db"])
    cluster.job("a", every="1h", nodes=("db",), start_deadline="2m")
    cluster.nodes["db1"].die()
    cluster.pass_time("1h3m")
    assert cluster.ledger("a") == ["13:00 no_node"]


def test_nobody_is_ahead_of_the_nodes_that_may_run_it(cluster: ClusterDesk) -> None:
    """A node that may gets its whole start_deadline, e.g. to come up again."""
    cluster.add("db1", labels=["db"])
    cluster.job("a", every="1h", nodes=("db",), start_deadline="2m")
    cluster.nodes["db1"].die()
    cluster.pass_time("1h1m")
    cluster.nodes["db1"].revive()
    cluster.pass_time("5s")
    assert cluster.starts == ["db1: a 13:00"]


def test_a_job_of_the_node_is_not_for_nodes_that_it_does_not_name(cluster: ClusterDesk) -> None:
    """Each node runs its own: there is nothing to account for where it is not wanted."""
    cluster.add("db1", labels=["db"])
    cluster.job("a", every="10m", nodes=("db",), scope="node")
    cluster.pass_time("20m")
    assert cluster.starts == ["db1: a 12:10"]
    assert cluster.nodes["app1"].ledger("a") == []


def test_a_job_of_the_node_runs_on_every_node(cluster: ClusterDesk) -> None:
    cluster.job("a", every="10m", scope="node")
    cluster.pass_time("10m")
    assert cluster.starts == ["app1: a 12:10", "app2: a 12:10"]


# -- `after` ---------------------------------------------------------------------------


def next_fires(cluster: ClusterDesk, job: str) -> set[object]:
    """Return what the nodes hold for a job's next fire time."""
    return {desk.view(job).next_fire for desk in cluster.nodes.values()}


def test_nodes_agree_on_what_follows_a_run(cluster: ClusterDesk) -> None:
    cluster.job("a", after="10m")
    cluster.pass_time("3s")
    cluster.holder("a").end("a")
    ended = cluster.now
    cluster.pass_time("2s")
    assert next_fires(cluster, "a") == {ended + cluster.nodes["app1"].jobs["a"].schedule.delay}


def test_nothing_follows_a_run_that_goes_on_elsewhere(cluster: ClusterDesk) -> None:
    cluster.job("a", after="10m")
    cluster.pass_time("1h")
    assert next_fires(cluster, "a") == {None}
    assert len(cluster.starts) == 1


def test_nodes_agree_on_what_follows_a_skip(cluster: ClusterDesk) -> None:
    cluster.job("a", after="10m")
    cluster.pass_time("3s")
    cluster.nodes["app1"].pause("a")
    cluster.holder("a").end("a")
    cluster.pass_time("10m5s")
    assert cluster.ledger("a")[-1].endswith("paused")
    assert len(next_fires(cluster, "a")) == 1


def test_a_skip_that_is_told_again_does_not_set_the_count_back(cluster: ClusterDesk) -> None:
    """A view says for seconds what was decided; the run that came after counts."""
    cluster.job("a", after="2s")
    cluster.nodes["app1"].skip_next("a")
    cluster.pass_time("2.5s")
    cluster.holder("a").end("a")
    ended = cluster.now
    cluster.pass_time("1.5s")
    delay = cluster.nodes["app1"].jobs["a"].schedule.delay
    assert next_fires(cluster, "a") == {ended + delay}


def test_an_after_goes_on_and_on(new_cluster: type[ClusterDesk]) -> None:
    cluster = new_cluster("app1", "app2", "app3")
    cluster.job("a", after="10m")
    for _ in range(5):
        cluster.pass_time("10m5s")
        cluster.holder("a").end("a")
    assert len(cluster.starts) == 5
