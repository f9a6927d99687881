"""Cancel: one run, or all of a job; what runs, what retries and what waits."""

from jobd.core.outcome import Outcome
from tests.core.desk import Desk


def test_cancel_stops_the_job_s_run(desk: Desk) -> None:
    desk.job("a")
    desk.trigger("a")
    desk.cancel("a")
    assert desk.stops == ["a cancel"]


def test_cancel_stops_every_run_of_the_job(desk: Desk) -> None:
    desk.job("a", overlap="allow", max_instances=2)
    desk.trigger("a")
    desk.trigger("a")
    desk.cancel("a")
    assert desk.stops == ["a cancel", "a cancel"]


def test_cancel_of_one_run_leaves_the_others(desk: Desk) -> None:
    desk.job("a", overlap="allow", max_instances=2)
    first = desk.trigger("a")
    desk.trigger("a")
    desk.cancel(run_id=first.run_id)
    assert len(desk.stops) == 1


def test_a_run_may_be_named_by_the_beginning_of_its_id(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    run_id = desk.process("a").run.run_id
    assert desk.cancel(run_id=run_id[:6]).is_accepted


def test_a_beginning_that_two_runs_share_stops_neither(desk: Desk) -> None:
    desk.job("a", overlap="allow", max_instances=2)
    desk.trigger("a")
    desk.trigger("a")
    assert (desk.cancel(run_id="run-").code, desk.stops) == ("no_such_run", [])


def test_an_empty_run_id_stops_nothing(desk: Desk) -> None:
    desk.job("a")
    desk.trigger("a")
    assert (desk.cancel(run_id="").code, desk.stops) == ("no_such_run", [])


def test_cancel_without_a_run_is_refused(desk: Desk) -> None:
    desk.job("a")
    assert desk.cancel("a").code == "no_such_run"


def test_cancel_of_an_unknown_job_is_refused_once(desk: Desk) -> None:
    assert desk.cancel("nothing").code == "no_such_job"


def test_a_cancelled_run_ends_as_canceled(desk: Desk) -> None:
    desk.job("a")
    desk.trigger("a")
    desk.cancel("a")
    desk.end("a")
    assert desk.outcomes("a") == [Outcome.CANCELED]


def test_cancelling_twice_does_no_harm(desk: Desk) -> None:
    desk.job("a")
    desk.trigger("a")
    desk.cancel("a")
    assert desk.cancel("a").is_accepted


def test_a_wish_that_waits_for_room_can_be_cancelled(small_desk: Desk) -> None:
    small_desk.job("busy")
    small_desk.trigger("busy")
    small_desk.job("a")
    small_desk.trigger("a")
    small_desk.cancel("a")
    small_desk.end("busy")
    assert small_desk.running == []


def test_a_queued_wish_can_be_cancelled_by_its_run_id(desk: Desk) -> None:
    desk.job("a")
    desk.trigger("a")
    queued = desk.trigger("a", queue=True)
    desk.cancel(run_id=queued.run_id)
    desk.end("a")
    assert desk.running == []


def test_the_removed_job_s_run_can_be_cancelled_by_its_id(desk: Desk) -> None:
    desk.job("a")
    asked = desk.trigger("a")
    desk.remove("a")
    desk.cancel(run_id=asked.run_id)
    assert desk.stops == ["a cancel"]


def test_the_removed_job_s_run_can_be_cancelled_by_the_job_s_name(desk: Desk) -> None:
    """`ctl jobs` still shows it, and that it runs."""
    desk.job("a")
    desk.trigger("a")
    desk.remove("a")
    desk.cancel("a")
    assert desk.stops == ["a cancel"]


def test_cancel_while_the_claim_is_under_way_does_not_lose_the_grant(desk: Desk) -> None:
    """Whatever is answered: the store's grant must become a run that somebody ends."""
    desk.job("a")
    desk.store_down(loses_answers=True)
    desk.trigger("a")
    desk.cancel("a")
    desk.store_up()
    desk.pass_time("1s")
    if desk.running:
        desk.end("a")
    assert None not in desk.outcomes("a")
