"""Operate: what operators ask for, and that each of them gets one answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.effects import Accepted, Refused
from jobd.core.job import Retries
from tests.core.desk import Desk

# -- trigger -------------------------------------------------------------------------


def test_a_trigger_starts_a_run_under_the_id_that_it_was_promised(desk: Desk) -> None:
    desk.job("a")
    asked = desk.trigger("a")
    assert [record.run_id for record in desk.history("a")] == [asked.run_id]


def test_a_trigger_is_accepted_with_the_run_s_id(desk: Desk) -> None:
    desk.job("a")
    asked = desk.trigger("a")
    assert asked.reply == Accepted(asked.request_id, (asked.run_id,), "started")


def test_a_run_keeps_who_asked_for_it_and_with_what(desk: Desk) -> None:
    desk.job("a")
    desk.trigger("a", params=(("day", "2026-05-31"),))
    record = desk.history("a")[0]
    assert (record.requested_by, record.params) == ("anna", (("day", "2026-05-31"),))


def test_a_trigger_of_an_unknown_job_is_refused(desk: Desk) -> None:
    assert desk.trigger("nothing").code == "no_such_job"


def test_a_trigger_honours_the_overlap_policy(desk: Desk) -> None:
    desk.job("a")
    desk.trigger("a")
    assert desk.trigger("a").code == "busy"


def test_a_refused_trigger_names_the_run_in_its_way(desk: Desk) -> None:
    desk.job("a")
    first = desk.trigger("a")
    reply = desk.trigger("a").reply
    assert isinstance(reply, Refused)
    assert reply.blocker is not None
    assert reply.blocker.run_id == first.run_id


def test_a_refused_trigger_leaves_no_row_in_the_ledger(desk: Desk) -> None:
    desk.job("a", every="1h")
    desk.trigger("a")
    desk.trigger("a")
    assert desk.ledger("a") == []


def test_a_trigger_between_two_attempts_is_refused(desk: Desk) -> None:
    desk.job("a", retries=Retries(max=1))
    desk.trigger("a")
    desk.end("a", exit_code=1)
    assert desk.trigger("a").code == "busy"


def test_a_trigger_races_a_tick_and_one_of_them_runs(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.hold_store()
    desk.pass_time("10m")
    asked = desk.trigger("a")
    desk.let_store_work()
    assert (asked.code, desk.running) == ("busy", ["a"])


def test_queue_waits_for_the_prior_run(desk: Desk) -> None:
    desk.job("a")
    desk.trigger("a")
    asked = desk.trigger("a", queue=True)
    desk.end("a")
    assert (asked.is_accepted, desk.running) == (True, ["a"])


def test_queue_behind_one_that_waits_already_is_refused(desk: Desk) -> None:
    desk.job("a")
    desk.trigger("a")
    desk.trigger("a", queue=True)
    assert desk.trigger("a", queue=True).code == "busy"


def test_two_wishes_of_one_job_may_be_asked_for_at_once(desk: Desk) -> None:
    desk.job("a", overlap="allow", max_instances=2)
    desk.hold_store()
    desk.trigger("a")
    desk.trigger("a")
    desk.let_store_work()
    assert desk.running == ["a", "a"]


def test_queue_works_where_runs_may_overlap(desk: Desk) -> None:
    desk.job("a", overlap="allow", max_instances=2)
    desk.trigger("a")
    desk.trigger("a")
    asked = desk.trigger("a", queue=True)
    desk.end("a")
    assert (asked.is_accepted, len(desk.starts)) == (True, 3)


def test_a_tick_does_not_pass_a_queued_wish(desk: Desk) -> None:
    desk.job("a", every="10m", overlap="queue", start_deadline="1h")
    desk.pass_time("10m")
    desk.trigger("a")
    desk.pass_time("10m")
    desk.end("a")
    assert desk.starts[-1] == "a by hand"


def test_force_runs_beside_what_runs(desk: Desk) -> None:
    desk.job("a", overlap="allow", max_instances=1)
    desk.trigger("a")
    desk.trigger("a", force=True)
    assert desk.running == ["a", "a"]


@pytest.mark.parametrize("policy", ["skip", "queue", "replace"])
def test_force_is_only_for_jobs_that_allow_it(desk: Desk, policy: str) -> None:
    desk.job("a", overlap=policy)
    assert desk.trigger("a", force=True).code == "bad_request"


def test_force_does_not_exceed_max_running(small_desk: Desk) -> None:
    small_desk.job("a", overlap="allow", max_instances=1)
    small_desk.trigger("a")
    small_desk.trigger("a", force=True)
    assert small_desk.running == ["a"]


def test_a_disabled_job_can_be_run_by_hand(desk: Desk) -> None:
    desk.job("a", every="10m", enabled=False)
    desk.trigger("a")
    assert desk.running == ["a"]


def test_a_paused_job_can_be_run_by_hand(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pause("a")
    desk.trigger("a")
    assert desk.running == ["a"]


def test_a_trigger_without_room_waits_and_is_told_so(small_desk: Desk) -> None:
    small_desk.job("busy")
    small_desk.trigger("busy")
    small_desk.job("a")
    assert "waits for room" in small_desk.trigger("a").message


def test_a_trigger_without_supervisor_is_not_told_that_all_places_are_taken(desk: Desk) -> None:
    desk.job("a")
    desk.lose_supervisor()
    assert "places are taken" not in desk.trigger("a").message


def test_a_trigger_at_a_stopping_daemon_is_refused(desk: Desk) -> None:
    desk.job("a")
    desk.shut_down()
    assert desk.trigger("a").code == "shutting_down"


def test_a_trigger_behind_a_silent_store_is_refused(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.store_down()
    desk.pass_time("10m")
    assert desk.trigger("a").code == "busy"


def test_a_wish_waiting_for_room_outlives_a_changed_schedule(small_desk: Desk) -> None:
    """A person asked for it; when the ticks come is no concern of theirs."""
    small_desk.job("busy")
    small_desk.trigger("busy")
    small_desk.job("a", every="10m")
    small_desk.trigger("a")
    small_desk.job("a", every="20m")
    small_desk.end("busy")
    assert small_desk.running == ["a"]


# -- one answer each -----------------------------------------------------------------


wishes = st.lists(
    st.tuples(
        st.sampled_from(
            ["trigger", "queue", "force", "cancel", "pause", "resume", "skip_next", "end", "pass"]
        ),
        st.sampled_from(["a", "b", "gone"]),
    ),
    max_size=40,
)


@given(wishes)
def test_everybody_gets_exactly_one_answer(steps: list[tuple[str, str]]) -> None:
    desk = Desk(max_running=1, max_waiting=1)
    desk.job("a", every="10m", overlap="replace")
    desk.job("b", every="7m", overlap="allow", max_instances=2, retries=Retries(max=1))
    for what, job in steps:
        _wish(desk, what, job)
    assert [len(asked.replies) for asked in desk.asked] == [1] * len(desk.asked)


def _wish(desk: Desk, what: str, job: str) -> None:
    if what == "pass":
        desk.pass_time("3m")
    elif what == "end":
        if job in desk.running:
            desk.end(job, exit_code=1)
    elif what in ("queue", "force"):
        desk.trigger(job, **{what: True})
    else:
        getattr(desk, what)(job)
