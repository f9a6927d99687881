"""Sight: what other nodes do counts here too; and what the store's silence costs."""

import pytest

from jobd.core.cluster import StopAsked
from jobd.core.effects import Claim, SavePause, SaveSkipNext, StopRun
from jobd.core.job import Retries
from jobd.core.ledger import SkipReason
from jobd.core.outcome import Outcome, StopCause
from tests.core.cluster_desk import BEAT, ClusterDesk, NodeDesk
from tests.core.desk import span
from tests.core.surroundings import run_now

BOTH = ("app1", "app2")


def cut_all(cluster: ClusterDesk) -> None:
    """Let the store go down, for every node."""
    for desk in cluster.nodes.values():
        desk.cut()


def mend_all(cluster: ClusterDesk) -> None:
    """Let the store come back; give everybody time to notice."""
    for desk in cluster.nodes.values():
        desk.mend()
    cluster.pass_time("3s")


def other(cluster: ClusterDesk, desk: NodeDesk) -> NodeDesk:
    return next(one for one in cluster.nodes.values() if one is not desk)


# -- a silent store --------------------------------------------------------------------


def test_ticks_are_not_looked_at_while_the_store_is_silent(cluster: ClusterDesk) -> None:
    """Nobody could decide them; asked for one by one, they would all come at once later."""
    cluster.job("a", every="10m")
    cut_all(cluster)
    cluster.pass_time("1h")
    assert [cluster.nodes[node].of_kind(Claim) for node in BOTH] == [[], []]


def test_when_the_store_is_back_catch_up_says_what_still_counts(cluster: ClusterDesk) -> None:
    cluster.job("a", every="10m", catchup="latest")
    cut_all(cluster)
    cluster.pass_time("28m")
    mend_all(cluster)
    assert cluster.ledger("a") == ["12:10 store_down", "12:20 started"]


def test_with_no_catch_up_what_came_in_the_silence_is_skipped(cluster: ClusterDesk) -> None:
    cluster.job("a", every="10m", catchup="none", start_deadline="1m")
    cut_all(cluster)
    cluster.pass_time("28m")
    mend_all(cluster)
    assert [row.reason for row in cluster.nodes["app1"].rows("a")] == [SkipReason.STORE_DOWN]


def test_with_all_caught_up_everything_runs_in_order(cluster: ClusterDesk) -> None:
    cluster.job("a", every="10m", catchup="all")
    cut_all(cluster)
    cluster.pass_time("28m")
    mend_all(cluster)
    for _ in range(2):
        cluster.holder("a").end("a")
        cluster.pass_time("3s")
    assert cluster.ledger("a")[:2] == ["12:10 started", "12:20 started"]


def test_a_tick_that_is_still_on_time_when_the_store_is_back_starts(cluster: ClusterDesk) -> None:
    cluster.job("a", every="10m")
    cut_all(cluster)
    cluster.pass_time("11m")
    mend_all(cluster)
    assert cluster.ledger("a") == ["12:10 started"]


def test_what_came_in_the_silence_is_decided_once(cluster: ClusterDesk) -> None:
    cluster.job("a", every="10m", catchup="all")
    cut_all(cluster)
    cluster.pass_time("15m")
    mend_all(cluster)
    assert len(cluster.starts) == 1


def test_jobs_of_the_node_do_not_notice_a_silent_store(cluster: ClusterDesk) -> None:
    cluster.job("a", every="10m", scope="node")
    cut_all(cluster)
    cluster.pass_time("10m")
    assert cluster.starts == ["app1: a 12:10", "app2: a 12:10"]


def test_a_turn_that_came_in_the_silence_is_skipped_for_it(cluster: ClusterDesk) -> None:
    """Its deadline has passed, and not for want of room or of a node."""
    cluster.job("a", every="1h", start_deadline="1m")
    first, second = cluster.ranked("a")
    cluster.pass_time("59m59.5s")
    first.die()
    cluster.pass_time("0.6s")
    second.cut()
    cluster.pass_time("5m")
    second.mend()
    cluster.pass_time("3s")
    assert cluster.ledger("a") == ["13:00 store_down"]


def test_a_grant_whose_answer_was_lost_is_found_again(cluster: ClusterDesk) -> None:
    cluster.job("a", every="10m")
    first = cluster.first("a")
    cluster.pass_time("9m59.5s")
    first.is_cut = first.loses_answers = True
    first.next_beat = cluster.now + (first.next_beat - cluster.now) * 4
    cluster.pass_time("1s")
    first.mend()
    cluster.pass_time("3s")
    assert first.starts == ["a 12:10"]


# -- overlap ---------------------------------------------------------------------------


def start_a(cluster: ClusterDesk, **keys: object) -> NodeDesk:
    """Start a run by hand on the node that is not first in rank for its ticks."""
    cluster.job("a", **{"every": "10m", **keys})
    holder = cluster.second("a")
    holder.trigger("a")
    cluster.pass_time("2s")
    return holder


def test_a_run_elsewhere_is_in_the_way(cluster: ClusterDesk) -> None:
    start_a(cluster, overlap="skip")
    cluster.pass_time("10m")
    assert cluster.ledger("a") == ["12:10 overlap"]


def test_a_tick_waits_for_the_end_of_a_run_elsewhere(cluster: ClusterDesk) -> None:
    holder = start_a(cluster, overlap="queue", start_deadline="8m")
    cluster.pass_time("12m")
    holder.end("a")
    cluster.pass_time("2s")
    assert cluster.ledger("a") == ["12:10 started"]


def test_a_tick_that_waits_notices_an_end_that_no_view_showed_the_run_of(
    cluster: ClusterDesk,
) -> None:
    """Started and ended between two views: nothing of it was there to be seen going."""
    cluster.job("a", every="10m", overlap="queue", start_deadline="8m")
    first, second = cluster.ranked("a")
    cluster.pass_time("9m59.9s")
    second.trigger("a")
    cluster.nodes.pop(second.node_name)  # no turn of its own
    first.next_beat = cluster.now + BEAT
    cluster.pass_time("0.2s")
    second.end("a")
    cluster.pass_time("2s")
    assert first.starts == ["a 12:10"]


def test_a_run_elsewhere_is_replaced(cluster: ClusterDesk) -> None:
    holder = start_a(cluster, overlap="replace")
    cluster.pass_time("10m")
    assert holder.stops == ["a replace"]
    holder.end("a")
    cluster.pass_time("2s")
    assert cluster.ledger("a") == ["12:10 started"]
    assert cluster.outcomes("a") == [Outcome.CANCELED, None]


def test_a_backlog_waits_for_a_run_elsewhere(cluster: ClusterDesk) -> None:
    cluster.job("a", every="10m", catchup="all")
    cut_all(cluster)
    cluster.pass_time("35m")
    mend_all(cluster)
    cluster.pass_time("10m")
    assert len(cluster.starts) == 1


# -- operators -------------------------------------------------------------------------


def test_a_pause_holds_on_every_node(cluster: ClusterDesk) -> None:
    cluster.job("a", every="10m")
    cluster.second("a").pause("a")
    cluster.pass_time("10m5s")
    assert cluster.ledger("a") == ["12:10 paused"]


def test_a_pause_is_shown_on_every_node(cluster: ClusterDesk) -> None:
    cluster.job("a", every="10m")
    cluster.nodes["app1"].pause("a", reason="migration")
    cluster.pass_time("4s")
    pause = cluster.nodes["app2"].view("a").pause
    assert pause is not None
    assert pause.reason == "migration"


def test_a_pause_that_was_made_elsewhere_ends_by_itself(cluster: ClusterDesk) -> None:
    cluster.job("a", every="10m")
    cluster.nodes["app1"].pause("a", until="5m")
    cluster.pass_time("6m")
    assert [cluster.nodes[node].view("a").pause for node in BOTH] == [None, None]


def test_a_pause_may_be_ended_on_another_node(cluster: ClusterDesk) -> None:
    cluster.job("a", every="10m")
    cluster.nodes["app1"].pause("a")
    cluster.pass_time("4s")
    cluster.nodes["app2"].resume("a")
    cluster.pass_time("10m")
    assert cluster.ledger("a") == ["12:10 started"]


def test_a_view_that_was_under_way_does_not_undo_a_wish(cluster: ClusterDesk) -> None:
    cluster.job("a", every="10m")
    desk = cluster.nodes["app1"]
    desk.is_cut = True  # its wish is not with the store yet
    desk.pause("a")
    desk.is_cut = False
    waiting, desk.ways[1]._waiting = desk.ways[1]._waiting, []
    other(cluster, desk).skip_next("a")  # so that the view speaks of the job
    desk.beat()
    assert desk.view("a").pause is not None
    assert [type(effect) for effect in waiting] == [SavePause]


def test_a_pause_that_ends_here_by_the_clock_ends_no_other(cluster: ClusterDesk) -> None:
    """The second pause is with the store, and no view has told of it here yet."""
    cluster.job("a", every="10m")
    desk, unheard = cluster.nodes["app1"], cluster.nodes["app2"]
    desk.pause("a", until="5m")
    cluster.pass_time("4m55s")
    desk.next_beat = desk.now + span("1m")
    unheard.pause("a")
    cluster.pass_time("15m")
    assert cluster.ledger("a") == ["12:10 paused"]


def test_a_pause_that_is_over_wakes_nobody(cluster: ClusterDesk) -> None:
    """The store still has it, and tells of it with every change of the job."""
    cluster.job("a", every="10m")
    cluster.nodes["app1"].pause("a", until="5m")
    cluster.pass_time("6m")
    cluster.nodes["app2"].trigger("a")
    desk = cluster.nodes["app1"]
    desk.beat()
    wakeup = desk.scheduler.next_wakeup()
    assert wakeup is not None
    assert wakeup > cluster.now


def test_no_node_forgets_a_skip_next_for_all(cluster: ClusterDesk) -> None:
    """The store does, with the tick's claim: it may be another wish by then."""
    cluster.job("a", every="10m")
    cluster.first("a").skip_next("a")
    cluster.pass_time("20m")
    effects = [e for desk in cluster.nodes.values() for e in desk.effects]
    saved = [e.skip_next is not None for e in effects if isinstance(e, SaveSkipNext)]
    assert (saved, cluster.ledger("a")[0]) == ([True], "12:10 paused")


def test_skip_next_is_fulfilled_by_whichever_node(cluster: ClusterDesk) -> None:
    cluster.job("a", every="10m")
    cluster.second("a").skip_next("a")
    cluster.pass_time("20m")
    assert cluster.ledger("a") == ["12:10 paused", "12:20 started"]


def cancel_elsewhere(cluster: ClusterDesk, holder: NodeDesk) -> None:
    """Let an operator on the other node ask for the stop of a run."""
    run_id = holder.process("a").run.run_id
    run_now(other(cluster, holder).store.ask_stop([StopAsked(run_id, StopCause.CANCEL)]))


def test_a_run_is_stopped_that_somebody_elsewhere_wants_stopped(cluster: ClusterDesk) -> None:
    holder = start_a(cluster)
    cancel_elsewhere(cluster, holder)
    cluster.pass_time("1s")
    assert holder.stops == ["a cancel"]


def test_a_stop_that_is_told_again_is_asked_of_the_run_once(cluster: ClusterDesk) -> None:
    holder = start_a(cluster)
    cancel_elsewhere(cluster, holder)
    cluster.pass_time("10s")
    assert len(holder.of_kind(StopRun)) == 1


def test_a_canceled_run_gets_no_further_attempt_anywhere(cluster: ClusterDesk) -> None:
    holder = start_a(cluster, retries=Retries(max=3, on=frozenset(Outcome)))
    cancel_elsewhere(cluster, holder)
    cluster.pass_time("2s")
    holder.end("a")
    cluster.pass_time("5m")
    assert (cluster.running, cluster.outcomes("a")) == ([], [Outcome.CANCELED])


def test_a_wish_that_the_silent_store_cannot_grant_is_refused_at_once(
    cluster: ClusterDesk,
) -> None:
    cluster.job("a")
    cut_all(cluster)
    assert cluster.nodes["app1"].trigger("a").code == "store_down"


def test_a_pause_in_the_silence_says_that_the_others_do_not_know(cluster: ClusterDesk) -> None:
    cluster.job("a", every="10m")
    cut_all(cluster)
    assert "other nodes hear of it once it does" in cluster.nodes["app1"].pause("a").message


# -- what is known of a job ------------------------------------------------------------


def test_a_run_elsewhere_is_shown(cluster: ClusterDesk) -> None:
    holder = start_a(cluster)
    (run,) = other(cluster, holder).view("a").elsewhere
    assert run.node == holder.node_name


def test_how_a_run_ended_is_known_everywhere(cluster: ClusterDesk) -> None:
    holder = start_a(cluster)
    holder.end("a", exit_code=1)
    cluster.pass_time("2s")
    memory = other(cluster, holder).view("a").memory
    assert (memory.last_outcome, memory.last_ended is None) == ("failure", False)


def test_what_ended_here_last_is_better_known_here(cluster: ClusterDesk) -> None:
    """The view may be older than the end, which is still on its way to the store."""
    holder = start_a(cluster)
    holder.is_cut = True
    holder.end("a")
    holder.is_cut = False
    waiting, holder.ways[1]._waiting = holder.ways[1]._waiting, []
    other(cluster, holder).pause("a")
    holder.beat()
    assert holder.view("a").memory.last_outcome == "success"
    assert waiting


@pytest.mark.parametrize("node", BOTH)
def test_a_view_of_a_job_that_is_not_configured_here_is_let_pass(
    cluster: ClusterDesk, node: str
) -> None:
    cluster.job("a", every="10m")
    cluster.nodes[node].remove("a")
    cluster.pass_time("10m5s")
    assert len(cluster.starts) == 1
