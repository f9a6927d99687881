"""Silent store: a claim without an answer is neither given up nor granted twice."""

from jobd.core.claim import Trigger
from jobd.core.effects import StopRun
from jobd.core.ledger import SkipReason
from jobd.core.outcome import Outcome
from tests.core.desk import Desk


def test_a_claim_without_answer_is_asked_again(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.store_down()
    desk.pass_time("10m")
    desk.store_up()
    desk.pass_time("1s")
    assert desk.starts == ["a 12:10"]


def test_a_grant_whose_answer_was_lost_is_found_again(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.store_down(loses_answers=True)
    desk.pass_time("10m")
    desk.store_up()
    desk.pass_time("1s")
    assert [run.run.token for run in desk.view("a").runs] == [1]


def test_a_later_tick_is_skipped_while_the_store_is_silent(desk: Desk) -> None:
    desk.job("a", every="10m", start_deadline="1h")
    desk.store_down()
    desk.pass_time("20m")
    desk.store_up()
    desk.pass_time("1s")
    assert desk.rows("a")[-1].reason is SkipReason.STORE_DOWN


def test_a_grant_whose_answer_was_lost_survives_a_pause(desk: Desk) -> None:
    """It holds the lease: given up, it would block the job until the daemon is restarted."""
    desk.job("a", every="10m")
    desk.store_down(loses_answers=True)
    desk.pass_time("10m")
    desk.pause("a")
    desk.store_up()
    desk.pass_time("1s")
    assert desk.running == ["a"]


def test_a_grant_whose_answer_was_lost_survives_a_changed_schedule(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.store_down(loses_answers=True)
    desk.pass_time("10m")
    desk.job("a", every="20m")
    desk.store_up()
    desk.pass_time("1s")
    assert desk.running == ["a"]


def test_a_grant_whose_answer_was_lost_survives_the_removal_of_its_job(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.store_down(loses_answers=True)
    desk.pass_time("10m")
    desk.remove("a")
    desk.store_up()
    desk.pass_time("1s")
    assert desk.running == ["a"]


def test_a_wish_without_answer_survives_the_removal_of_its_job(desk: Desk) -> None:
    """The store may have granted it: dropped, the daemon would stumble over its answer."""
    desk.job("a")
    desk.store_down()
    desk.trigger("a")
    desk.remove("a")
    desk.store_up()
    desk.pass_time("1s")
    desk.end("a")
    assert desk.node().running == 0


def test_a_grant_whose_answer_was_lost_survives_a_full_node(small_desk: Desk) -> None:
    small_desk.job("a", every="10m", start_deadline="2m")
    small_desk.job("b")
    small_desk.store_down(loses_answers=True)
    small_desk.pass_time("10m")
    small_desk.store_is_down = False
    small_desk.trigger("b")
    small_desk.pass_time("5m")
    assert "a" in small_desk.running


def test_a_silent_store_does_not_empty_the_waiting_room(small_desk: Desk) -> None:
    """Who waits keeps the deadline; only who was asked for must be asked for again."""
    small_desk.job("a", every="1h", priority=9, start_deadline="50m")
    small_desk.job("b", every="1h", start_deadline="2m")
    small_desk.store_down()
    small_desk.pass_time("1h10m")
    small_desk.store_up()
    assert small_desk.ledger("b") == ["13:00 max_running"]


def test_a_silent_store_does_not_take_places_for_ever(small_desk: Desk) -> None:
    small_desk.job("a", every="1h", start_deadline="50m")
    small_desk.store_down()
    small_desk.pass_time("1h10m")
    small_desk.store_up()
    small_desk.pass_time("1s")
    small_desk.end("a")
    assert small_desk.node().running == 0


def test_a_clock_set_back_does_not_stop_the_asking(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.store_down()
    desk.pass_time("10m")
    desk.set_clock("-30d")
    desk.store_up()
    desk.pass_time("5s")
    assert len(desk.starts) == 1


def test_a_tick_that_the_store_kept_waiting_for_hours_is_not_started(desk: Desk) -> None:
    """It could not start within its start_deadline, whoever is to blame."""
    desk.job("a", every="1d", start_deadline="5m")
    desk.store_down()
    desk.pass_time("15h")
    desk.store_up()
    desk.pass_time("1s")
    assert desk.ledger("a") == ["00:00 store_down"]


def test_a_tick_claimed_before_the_daemon_died_is_lost_not_forgotten(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.store_down(loses_answers=True)
    desk.pass_time("10m")
    desk.store_up()
    desk.restart()
    assert desk.outcomes("a") == [Outcome.LOST]


def test_a_manual_run_says_that_it_is_one(desk: Desk) -> None:
    desk.job("a")
    desk.trigger("a")
    assert [record.trigger for record in desk.history("a")] == [Trigger.MANUAL]


def test_a_stop_is_asked_for_no_run_that_is_over(desk: Desk) -> None:
    desk.job("a", every="1m", overlap="replace")
    desk.pass_time("1m")
    desk.end("a")
    desk.pass_time("1m")
    assert desk.of_kind(StopRun) == []
