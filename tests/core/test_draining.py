"""Draining: a node starts nothing new; what waited goes to the others, or is accounted for."""

from jobd.core.effects import SaveDrain
from jobd.core.job import Retries
from tests.core.cluster_desk import ClusterDesk, NodeDesk
from tests.core.desk import Desk, span


def fill(desk: NodeDesk) -> None:
    """Take the only place of a node."""
    desk.job("filler", scope="node")
    desk.trigger("filler")


# -- a node alone ----------------------------------------------------------------------


def test_a_drained_node_skips_its_ticks_and_says_who_drained_it(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.drain_node("new kernel")
    desk.pass_time("10m")
    assert [(row.reason, row.detail) for row in desk.rows("a")] == [
        ("draining", "drained by anna: new kernel")
    ]


def test_what_runs_goes_on_to_its_end(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.drain_node()
    desk.end("a")
    assert desk.outcomes("a") == ["success"]


def test_a_run_that_was_started_gets_its_retries(desk: Desk) -> None:
    desk.job("a", every="1h", retries=Retries(max=1, delay=span("30s"), jitter=0.0))
    desk.pass_time("1h")
    desk.drain_node()
    desk.end("a", exit_code=1)
    desk.pass_time("1m")
    assert desk.running == ["a"]


def test_what_waits_for_room_is_skipped(small_desk: Desk) -> None:
    small_desk.job("b")
    small_desk.trigger("b")
    small_desk.job("a", every="10m")
    small_desk.pass_time("10m")
    small_desk.drain_node()
    assert small_desk.ledger("a") == ["12:10 draining"]


def test_a_wish_that_waits_is_given_up(small_desk: Desk) -> None:
    """No other node has heard of it; whoever made it was told that it waits here."""
    small_desk.job("b")
    small_desk.job("a")
    small_desk.trigger("b")
    small_desk.trigger("a")
    small_desk.drain_node()
    assert small_desk.view("a").waiting == ()


def test_a_wish_is_not_for_this_node(desk: Desk) -> None:
    desk.job("a")
    desk.drain_node("new kernel")
    asked = desk.trigger("a")
    assert (asked.code, "new kernel" in asked.message) == ("not_here", True)


def test_a_node_may_go_on(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.drain_node()
    desk.drain_node(is_on=False)
    desk.pass_time("10m")
    assert desk.ledger("a") == ["12:10 started"]


def test_a_drain_outlives_the_daemon(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.drain_node()
    desk.restart()
    desk.pass_time("10m")
    assert desk.ledger("a") == ["12:10 draining"]


def test_a_reload_ends_no_drain(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.drain_node()
    desk.drain = None  # as if its keeping were still under way
    desk.job("b")
    desk.pass_time("10m")
    assert desk.ledger("a") == ["12:10 draining"]


def test_each_wish_to_drain_is_answered_in_words(desk: Desk) -> None:
    asked = [desk.drain_node(is_on=is_on) for is_on in (False, True, True, False)]
    assert [one.message for one in asked] == [
        "it was not drained",
        "nothing new starts here",
        "it was drained already",
        "this node starts runs again",
    ]


def test_a_wish_that_changes_nothing_is_not_written_down(desk: Desk) -> None:
    desk.drain_node()
    desk.drain_node("again")
    assert len(desk.of_kind(SaveDrain)) == 1


# -- a node of several -----------------------------------------------------------------


def test_ticks_go_to_the_other_nodes_at_once(cluster: ClusterDesk) -> None:
    cluster.job("a", every="10m")
    cluster.first("a").drain_node()
    cluster.pass_time("10m")
    assert cluster.starts == [f"{cluster.second('a').node_name}: a 12:10"]


def test_a_tick_that_waits_here_goes_to_another_node(new_cluster: type[ClusterDesk]) -> None:
    cluster = new_cluster(max_running=1)
    cluster.job("a", every="1h", start_deadline="5m")
    first, second = cluster.ranked("a")
    fill(first)
    fill(second)
    cluster.pass_time("1h1m")
    first.drain_node()
    second.end("filler")
    cluster.pass_time("2s")
    assert second.running == ["a"]
    assert cluster.ledger("a") == ["13:00 started"]


def test_a_tick_whose_turn_has_not_come_is_not_skipped_while_another_node_may_run_it(
    new_cluster: type[ClusterDesk],
) -> None:
    """The other holds it in its line until its deadline, which is minutes away."""
    cluster = new_cluster(max_running=1)
    cluster.job("a", every="1h", start_deadline="5m")
    first, second = cluster.ranked("a")
    fill(first)
    cluster.pass_time("1h")
    second.drain_node()
    cluster.pass_time("1m")
    first.end("filler")
    cluster.pass_time("1s")
    assert cluster.ledger("a") == ["13:00 started"]


def test_a_tick_for_which_every_node_is_drained_is_accounted_for(cluster: ClusterDesk) -> None:
    cluster.job("a", every="1h", start_deadline="2m")
    for desk in cluster.nodes.values():
        desk.drain_node("new kernel")
    cluster.pass_time("1h3m")
    assert cluster.ledger("a") == ["13:00 draining"]


def test_a_tick_that_was_passed_on_is_tried_as_soon_as_the_node_goes_on(
    cluster: ClusterDesk,
) -> None:
    cluster.job("a", every="1h", start_deadline="5m")
    for desk in cluster.nodes.values():
        desk.drain_node()
    cluster.pass_time("1h1m")
    cluster.nodes["app1"].drain_node(is_on=False)
    cluster.pass_time("2s")
    assert cluster.starts == ["app1: a 13:00"]


def test_jobs_of_the_node_are_skipped_where_it_is_drained(cluster: ClusterDesk) -> None:
    cluster.job("a", every="10m", scope="node")
    cluster.nodes["app1"].drain_node()
    cluster.pass_time("10m")
    assert [cluster.nodes[node].ledger("a") for node in ("app1", "app2")] == [
        ["12:10 draining"],
        ["12:10 started"],
    ]


def test_what_the_store_may_have_granted_is_not_passed_on(cluster: ClusterDesk) -> None:
    """Given up, its lease would bar the job until it ran out."""
    cluster.job("a", every="10m")
    first = cluster.first("a")
    cluster.pass_time("9m59.5s")
    first.is_cut = first.loses_answers = True
    first.next_beat += span("5s")
    cluster.pass_time("1s")
    first.drain_node()
    first.mend()
    cluster.pass_time("3s")
    assert first.running == ["a"]
