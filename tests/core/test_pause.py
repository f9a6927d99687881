"""Pause and skip-next: a job skips its ticks, from now on or just once."""

import pytest

from jobd.core.effects import SavePause
from tests.core.desk import Desk

# -- pause and resume ----------------------------------------------------------------


def test_a_paused_job_skips_its_ticks(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pause("a")
    desk.pass_time("20m")
    assert desk.ledger("a") == ["12:10 paused", "12:20 paused"]


def test_the_skip_says_who_paused_and_why(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pause("a", reason="index rebuild")
    desk.pass_time("10m")
    assert desk.rows("a")[0].detail == "paused by anna: index rebuild"


def test_a_pause_does_not_stop_what_runs(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.pause("a")
    assert desk.stops == []


def test_a_resumed_job_goes_on_with_its_next_tick(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pause("a")
    desk.pass_time("15m")
    desk.resume("a")
    desk.pass_time("5m")
    assert desk.starts == ["a 12:20"]


def test_a_pause_ends_by_the_clock(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pause("a", until="15m")
    desk.pass_time("20m")
    assert desk.ledger("a") == ["12:10 paused", "12:20 started"]


def test_a_tick_at_the_very_end_of_a_pause_runs(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pause("a", until="10m")
    desk.pass_time("10m")
    assert desk.starts == ["a 12:10"]


def test_a_later_pause_without_end_replaces_one_with_an_end(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pause("a", until="5m")
    desk.pause("a")
    desk.pass_time("10m")
    assert desk.ledger("a") == ["12:10 paused"]


def test_a_later_pause_may_end_earlier(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pause("a", until="1h")
    desk.pause("a", until="5m")
    desk.pass_time("10m")
    assert desk.starts == ["a 12:10"]


def test_a_pause_into_the_past_is_refused(desk: Desk) -> None:
    desk.job("a", every="10m")
    assert desk.pause("a", until="0s").code == "bad_request"


def test_a_pause_of_an_unknown_job_is_refused(desk: Desk) -> None:
    assert desk.pause("nothing").code == "no_such_job"


def test_pause_all_pauses_every_job(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.job("b", every="10m")
    desk.pause()
    desk.pass_time("10m")
    assert desk.starts == []


def test_pause_all_is_written_at_once(desk: Desk) -> None:
    """Ten thousand jobs would be ten thousand waits for the disk."""
    desk.job("a", every="10m")
    desk.job("b", every="10m")
    desk.pause()
    desk.resume()
    assert [save.jobs for save in desk.of_kind(SavePause)] == [("a", "b"), ("a", "b")]


def test_pause_all_says_how_many(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.job("b", every="10m")
    assert desk.pause().message == "2 paused"


def test_resume_all_resumes_every_job(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.job("b", every="10m")
    desk.pause()
    desk.resume()
    desk.pass_time("10m")
    assert sorted(desk.starts) == ["a 12:10", "b 12:10"]


def test_resuming_what_is_not_paused_says_so(desk: Desk) -> None:
    desk.job("a", every="10m")
    assert desk.resume("a").message == "nothing was paused"


def test_a_pause_survives_a_restart(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pause("a")
    desk.restart()
    desk.pass_time("10m")
    assert desk.ledger("a") == ["12:10 paused"]


def test_the_end_of_a_pause_survives_a_restart(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pause("a", until="15m")
    desk.restart()
    desk.pass_time("20m")
    assert desk.ledger("a") == ["12:10 paused", "12:20 started"]


def test_a_pause_that_ended_while_no_daemon_was_there_is_over(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pause("a", until="5m")
    desk.restart(down="6m")
    assert desk.view("a").pause is None


def test_a_pause_survives_a_changed_schedule(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pause("a")
    desk.job("a", every="5m")
    desk.pass_time("5m")
    assert desk.ledger("a") == ["12:05 paused"]


def test_the_store_is_told_once_when_the_clock_ends_a_pause(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pause("a", until="5m")
    desk.pass_time("1h")
    assert [save.pause for save in desk.of_kind(SavePause)][1:] == [None]


# -- skip-next -----------------------------------------------------------------------


def test_skip_next_skips_one_tick(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.skip_next("a")
    desk.pass_time("20m")
    assert desk.ledger("a") == ["12:10 paused", "12:20 started"]


def test_skip_next_names_the_tick(desk: Desk) -> None:
    desk.job("a", every="10m")
    assert desk.skip_next("a").message == "the tick of 2026-06-01T12:10:00Z will be skipped"


def test_the_tick_that_skip_next_names_is_the_one_that_is_skipped(small_desk: Desk) -> None:
    """Another tick of the job waits for room meanwhile."""
    small_desk.job("busy")
    small_desk.trigger("busy")
    small_desk.job("a", every="10m", start_deadline="9m")
    small_desk.pass_time("10m")
    asked = small_desk.skip_next("a")
    small_desk.end("busy")
    small_desk.pass_time("10m")
    skipped = [row for row in small_desk.rows("a") if row.reason is not None]
    assert f"{skipped[0].ticks.first:%H:%M}:00Z" in asked.message


def test_skip_next_twice_skips_one_tick(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.skip_next("a")
    desk.skip_next("a")
    desk.pass_time("20m")
    assert desk.starts == ["a 12:20"]


def test_a_tick_skipped_by_a_pause_uses_up_skip_next(desk: Desk) -> None:
    """It was promised for the tick of 12:10, which did not run; that of 12:20 was not meant."""
    desk.job("a", every="10m")
    desk.skip_next("a")
    desk.pause("a")
    desk.pass_time("15m")
    desk.resume("a")
    desk.pass_time("5m")
    assert desk.starts == ["a 12:20"]


def test_a_manual_run_does_not_use_up_skip_next(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.skip_next("a")
    desk.trigger("a")
    desk.end("a")
    desk.pass_time("10m")
    assert desk.ledger("a") == ["12:10 paused"]


def test_skip_next_survives_a_restart(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.skip_next("a")
    desk.restart()
    desk.pass_time("20m")
    assert desk.ledger("a") == ["12:10 paused", "12:20 started"]


def test_skip_next_used_up_stays_so_after_a_restart(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.skip_next("a")
    desk.pass_time("10m")
    desk.restart()
    desk.pass_time("10m")
    assert desk.starts == ["a 12:20"]


@pytest.mark.parametrize("keys", [{}, {"every": "10m", "enabled": False}])
def test_skip_next_of_a_job_without_ticks_is_refused(desk: Desk, keys: dict[str, object]) -> None:
    desk.job("a", **keys)
    assert desk.skip_next("a").code == "bad_request"
