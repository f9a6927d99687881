"""Neighbours: who is there, by the last view, and whether the store answers."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from jobd.core.claim import ActiveRun, Trigger
from jobd.core.cluster import ClusterView, NodeSeen, NodeWord
from jobd.core.job import Job
from jobd.core.lease import LeaseTerms
from jobd.core.neighbours import DELIVERY, LIVE_FOR, Neighbours
from tests.core.desk import make_job
from tests.core.surroundings import NOON

TTL = timedelta(seconds=30)
SECOND = timedelta(seconds=1)


def seen(node: str, ago: timedelta = SECOND, **word: Any) -> NodeSeen:
    """Return a node that beat so long before the view."""
    return NodeSeen(NodeWord(node, "i", "s", "0", "d", **word), NOON, NOON - ago)


def view(*nodes: NodeSeen, at: datetime = NOON, **facts: Any) -> ClusterView:
    return ClusterView(at, nodes, **facts)


@pytest.fixture
def neighbours() -> Neighbours:
    return Neighbours("app1", LeaseTerms(TTL), labels=("db",))


def others(neighbours: Neighbours, *nodes: NodeSeen, job: Job | None = None) -> list[str]:
    neighbours.hear(view(seen("app1"), *nodes), has_stepped=False)
    return neighbours.eligible(job)


def test_before_the_first_view_there_is_nobody_else(neighbours: Neighbours) -> None:
    assert neighbours.eligible(None) == []


def test_this_node_is_none_of_the_others(neighbours: Neighbours) -> None:
    assert others(neighbours, seen("app2")) == ["app2"]


def test_who_was_not_seen_for_long_is_not_waited_for(neighbours: Neighbours) -> None:
    silent = seen("app3", LIVE_FOR + timedelta(milliseconds=1))
    assert others(neighbours, seen("app2", LIVE_FOR), silent) == ["app2"]


def test_slots_of_an_overdue_run_count_while_leases_cannot_be_judged(
    neighbours: Neighbours,
) -> None:
    run = ActiveRun(
        "r", "a", "app2", 1, NOON, Trigger.SCHEDULE, NOON, lease_until=NOON, pool="disk", slots=2
    )
    shown = view(at=NOON + TTL, pools={"disk": 1}, overdue=(run,))
    neighbours.hear(shown, has_stepped=True)
    doubted, judged = shown.at + SECOND, shown.at + 2 * TTL
    taken = [neighbours.slots_taken("disk", at) for at in (doubted, judged)]
    assert taken == [3, 1]


def test_who_leaves_is_not_waited_for(neighbours: Neighbours) -> None:
    assert others(neighbours, seen("app2", is_leaving=True)) == []


def test_who_is_drained_runs_no_job(neighbours: Neighbours) -> None:
    assert others(neighbours, seen("app2", is_draining=True), job=make_job("a")) == []


def test_who_is_drained_still_sees_to_what_nobody_may_run(neighbours: Neighbours) -> None:
    assert others(neighbours, seen("app2", is_draining=True)) == ["app2"]


def test_a_job_s_nodes_choose_among_names_and_labels(neighbours: Neighbours) -> None:
    there = (seen("app2"), seen("app3"), seen("app4", labels=("ssd",)))
    assert others(neighbours, *there, job=make_job("a", nodes=("app3", "ssd"))) == ["app3", "app4"]


@pytest.mark.parametrize(("wanted", "is_home"), [(("db",), True), (("ssd",), False)])
def test_this_node_s_own_labels_count(
    neighbours: Neighbours, wanted: tuple[str, ...], is_home: bool
) -> None:
    assert neighbours.is_home_of(make_job("a", nodes=wanted)) is is_home


def test_leases_are_judged_once_everybody_has_beaten(neighbours: Neighbours) -> None:
    """Whoever has seen the store's clock being set has told so by then."""
    neighbours.hear(view(seen("app2")), has_stepped=False)
    assert not neighbours.may_take_over(NOON + LIVE_FOR - SECOND)
    assert neighbours.may_take_over(NOON + LIVE_FOR)


def test_doubts_about_the_clock_are_shared(neighbours: Neighbours) -> None:
    """This daemon may have been started since the clock was set."""
    doubting = seen("app2", doubts_until=NOON + 20 * SECOND)
    neighbours.hear(view(doubting), has_stepped=False)
    assert not neighbours.may_take_over(NOON + 19 * SECOND)
    assert neighbours.doubts_until(NOON) == NOON + 20 * SECOND
    assert neighbours.doubts_until(NOON + 20 * SECOND) is None


def test_no_doubt_lasts_longer_than_a_lease(neighbours: Neighbours) -> None:
    """It may be told by a clock that has been set back since."""
    doubting = seen("app2", doubts_until=NOON + timedelta(days=1))
    neighbours.hear(view(doubting), has_stepped=False)
    assert neighbours.may_take_over(NOON + TTL)


def test_doubts_of_a_node_that_is_gone_count_for_nothing(neighbours: Neighbours) -> None:
    doubting = seen("app2", LIVE_FOR + SECOND, doubts_until=NOON + 20 * SECOND)
    neighbours.hear(view(doubting, seen("app3")), has_stepped=False)
    assert neighbours.may_take_over(NOON + LIVE_FOR)


def test_where_nobody_has_watched_the_clock_leases_are_judged_after_their_length(
    neighbours: Neighbours,
) -> None:
    """It may have been set while this daemon was down, and those who saw it are cut off."""
    neighbours.hear(view(seen("app1"), seen("app2", LIVE_FOR + SECOND)), has_stepped=False)
    assert not neighbours.may_take_over(NOON + TTL - SECOND)
    assert neighbours.may_take_over(NOON + TTL)
    assert neighbours.doubts_until(NOON) == NOON + TTL


def test_after_a_step_of_the_clock_leases_are_judged_once_all_were_renewed(
    neighbours: Neighbours,
) -> None:
    """A lease that seems to have run out may be one whose end the clock jumped over."""
    neighbours.hear(view(), has_stepped=True)
    assert not neighbours.may_take_over(NOON + TTL - SECOND)
    assert neighbours.may_take_over(NOON + TTL)


def test_a_silence_lasts_from_its_first_word_to_the_next_view(neighbours: Neighbours) -> None:
    neighbours.fall_silent(NOON)
    neighbours.fall_silent(NOON + SECOND)
    assert neighbours.is_silent
    assert neighbours.end_silence(NOON + 2 * SECOND)
    assert [neighbours.was_silent_at(NOON + n * SECOND) for n in (-1, 0, 2, 3)] == [
        False,
        True,
        True,
        False,
    ]


def test_there_is_no_silence_to_end_while_the_store_answers(neighbours: Neighbours) -> None:
    assert not neighbours.end_silence(NOON)
    assert not neighbours.was_silent_at(NOON)


def test_a_silence_during_which_the_clock_was_set_back_is_not_upside_down(
    neighbours: Neighbours,
) -> None:
    neighbours.fall_silent(NOON)
    neighbours.end_silence(NOON - SECOND)
    assert neighbours.was_silent_at(NOON - SECOND)


def test_after_a_silence_others_may_deliver_their_ends_before_their_runs_are_taken_over(
    neighbours: Neighbours,
) -> None:
    """A run that is over by the word of its own node is not lost."""
    neighbours.fall_silent(NOON)
    neighbours.end_silence(NOON + 60 * SECOND)
    assert not neighbours.may_take_over(NOON + 59 * SECOND + DELIVERY)
    assert neighbours.may_take_over(NOON + 60 * SECOND + DELIVERY)


def test_a_node_that_falls_silent_does_not_keep_the_others_from_taking_over(
    neighbours: Neighbours,
) -> None:
    """Its silence is no doubt about the clock, which would be theirs, too."""
    neighbours.fall_silent(NOON)
    neighbours.end_silence(NOON + SECOND)
    assert neighbours.doubts_until(NOON + SECOND) is None


def test_after_a_clock_was_set_back_nobody_waits_by_the_old_time(neighbours: Neighbours) -> None:
    neighbours.hear(view(), has_stepped=False)
    neighbours.fall_silent(NOON)
    neighbours.end_silence(NOON)
    back = NOON - timedelta(days=1)
    neighbours.hear(view(at=back), has_stepped=True)
    assert neighbours.may_take_over(back + TTL)


def test_since_when_the_store_answers_is_known(neighbours: Neighbours) -> None:
    neighbours.hear(view(), has_stepped=False)
    neighbours.hear(view(at=NOON + SECOND), has_stepped=False)
    assert neighbours.heard_since == NOON


def test_after_a_silence_it_answers_anew(neighbours: Neighbours) -> None:
    neighbours.hear(view(), has_stepped=False)
    neighbours.fall_silent(NOON)
    neighbours.hear(view(at=NOON + SECOND), has_stepped=False)
    assert neighbours.heard_since == NOON + SECOND


def test_what_was_asked_for_may_be_asked_for_again_after_a_silence(neighbours: Neighbours) -> None:
    neighbours.taking.add("r1")
    neighbours.fall_silent(NOON)
    assert neighbours.taking == set()
