"""Ticks: every fire time becomes a run or a skip with a reason, exactly once."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.claim import Trigger
from jobd.core.effects import RecordSkips
from jobd.core.schedule import Tick, due_time
from tests.core.desk import Desk, span
from tests.core.surroundings import NOON


def test_a_tick_becomes_a_run_at_its_instant(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    assert desk.starts == ["a 12:10"]


def test_a_tick_does_not_come_early(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("9m59s")
    assert desk.starts == []


def test_the_past_of_a_new_job_is_not_owed(desk: Desk) -> None:
    """Configured at noon: the tick of noon itself was before its time."""
    desk.job("a", every="10m")
    desk.wake()
    assert desk.ledger("a") == []


def test_a_job_without_schedule_has_no_ticks(desk: Desk) -> None:
    desk.job("a")
    desk.pass_time("1d")
    assert desk.starts == []


def test_a_disabled_job_has_no_ticks(desk: Desk) -> None:
    desk.job("a", every="10m", enabled=False)
    desk.pass_time("1h")
    assert desk.ledger("a") == []


def test_a_wake_up_a_little_late_still_runs_the_tick(desk: Desk) -> None:
    desk.job("a", every="10m", catchup="none")
    desk.oversleep("10m3s")
    assert desk.starts == ["a 12:10"]


# -- ticks found late ----------------------------------------------------------------


def test_none_skips_what_is_late(desk: Desk) -> None:
    desk.job("a", every="1h", catchup="none")
    desk.oversleep("3h30m")
    assert desk.ledger("a") == ["13:00-15:00 misfire x3"]


def test_latest_runs_the_newest_and_skips_the_rest(desk: Desk) -> None:
    desk.job("a", every="1h")
    desk.oversleep("3h30m")
    assert desk.ledger("a") == ["13:00-14:00 misfire x2", "15:00 started"]


def test_a_tick_older_than_the_window_is_skipped(desk: Desk) -> None:
    desk.job("a", every="6h", catchup_window="1h")
    desk.oversleep("8h")
    assert desk.ledger("a") == ["18:00 misfire"]


def test_all_runs_one_after_another(desk: Desk) -> None:
    desk.job("a", every="10m", catchup="all")
    desk.oversleep("39m")
    while desk.running:
        desk.end("a")
    assert desk.starts[:2] == ["a 12:10", "a 12:20"]


def test_all_does_not_run_two_at_once(desk: Desk) -> None:
    desk.job("a", every="10m", catchup="all")
    desk.oversleep("38m")
    assert desk.running == ["a"]


def test_a_job_that_may_run_beside_itself_catches_up_beside_what_runs(desk: Desk) -> None:
    """Where runs always overlap, waiting for none to be active would be waiting for ever."""
    desk.job("a", every="10m", catchup="all", overlap="allow", max_instances=2)
    desk.trigger("a")
    desk.oversleep("38m")
    assert desk.running == ["a", "a"]


def test_a_late_tick_says_that_it_was_caught_up(desk: Desk) -> None:
    desk.job("a", every="1h")
    desk.oversleep("1h30m")
    assert [record.trigger for record in desk.history("a")] == [Trigger.CATCHUP]


def test_ten_thousand_missed_ticks_are_one_row(desk: Desk) -> None:
    desk.job("a", every="1m", catchup="none", start_deadline="1s")
    desk.oversleep("7d30s")
    assert desk.ledger("a")[0].endswith("misfire x10080")


def test_a_backlog_that_grew_too_old_is_skipped(desk: Desk) -> None:
    """Caught up one after another, each must still be within the window when its turn comes."""
    desk.job("a", every="20m", catchup="all", catchup_window="1h", overlap="skip")
    desk.oversleep("50m")
    desk.pass_time("2h")
    desk.end("a")
    assert "12:40 misfire" in desk.ledger("a")


def test_a_backlog_behind_a_run_is_skipped_once_it_is_too_old(desk: Desk) -> None:
    """Runs that replace one another never let it pass: it would never be accounted for."""
    desk.job("a", every="1h", catchup="latest", catchup_window="1h")
    desk.pass_time("1h")
    desk.oversleep("1h30m")
    assert desk.ledger("a") == ["13:00 started"]
    desk.pass_time("45m")
    assert desk.ledger("a") == ["13:00 started", "14:00 misfire", "15:00 overlap"]


def test_a_backlog_survives_a_restart(desk: Desk) -> None:
    desk.job("a", every="10m", catchup="all", catchup_window="1d")
    desk.oversleep("38m")
    desk.end("a")
    desk.restart()
    while desk.running:
        desk.end("a")
    assert [row for row in desk.ledger("a") if "started" not in row] == []


def test_a_late_tick_within_the_window_by_its_due_time_runs(desk: Desk) -> None:
    """The window counts from the due time; a long jitter must not use it up."""
    job = desk.job("a", every="6h", jitter="5h", catchup_window="30m", start_deadline="1s")
    due = due_time(Tick("a", NOON + span("6h")), job.jitter)
    desk.now = due + span("20m")
    desk.wake()
    assert desk.ledger("a") == ["18:00 started"]


def test_late_ticks_of_a_paused_job_were_paused(desk: Desk) -> None:
    desk.job("a", every="10m", catchup="none")
    desk.pause("a")
    desk.oversleep("35m")
    assert desk.ledger("a")[0] == "12:10-12:20 paused x2"


# -- jitter --------------------------------------------------------------------------


def test_a_tick_waits_for_its_jitter(desk: Desk) -> None:
    job = desk.job("a", every="1h", jitter="30m")
    due = due_time(Tick("a", NOON + span("1h")), job.jitter)
    desk.now = due - timedelta(seconds=1)
    desk.wake()
    assert desk.starts == []


def test_a_tick_keeps_its_fire_time_as_its_name(desk: Desk) -> None:
    desk.job("a", every="1h", jitter="30m")
    desk.pass_time("1h30m")
    assert desk.starts == ["a 13:00"]


def test_a_restart_between_fire_time_and_due_time_loses_no_tick(desk: Desk) -> None:
    """systemd's RandomizedDelaySec with Persistent never runs on a host that reboots often."""
    job = desk.job("a", every="1h", jitter="30m")
    due = due_time(Tick("a", NOON + span("1h")), job.jitter)
    desk.now = NOON + (due - NOON + span("1h")) / 2
    desk.restart()
    desk.pass_time("45m")
    assert desk.starts == ["a 13:00"]


def test_a_restart_after_the_start_does_not_repeat_the_tick(desk: Desk) -> None:
    desk.job("a", every="1h", jitter="30m")
    desk.pass_time("1h30m")
    desk.end("a")
    desk.restart()
    desk.pass_time("29m")
    assert desk.starts == ["a 13:00"]


# -- start_deadline and the fresher tick ---------------------------------------------


def test_a_tick_that_cannot_start_in_time_is_skipped_with_what_held_it(small_desk: Desk) -> None:
    small_desk.job("busy")
    small_desk.trigger("busy")
    small_desk.job("a", every="1h", start_deadline="5m")
    small_desk.pass_time("1h5m")
    assert small_desk.ledger("a") == ["13:00 max_running"]


def test_a_tick_may_wait_up_to_its_deadline(small_desk: Desk) -> None:
    small_desk.job("busy")
    small_desk.trigger("busy")
    small_desk.job("a", every="1h", start_deadline="5m")
    small_desk.pass_time("1h4m59s")
    small_desk.end("busy")
    assert small_desk.starts[-1] == "a 13:00"


def test_by_default_a_tick_waits_five_minutes_at_most(small_desk: Desk) -> None:
    small_desk.job("busy")
    small_desk.trigger("busy")
    small_desk.job("a", every="1h")
    small_desk.pass_time("1h5m")
    assert small_desk.ledger("a") == ["13:00 max_running"]


def test_the_deadline_counts_from_the_due_time(small_desk: Desk) -> None:
    small_desk.job("busy")
    small_desk.trigger("busy")
    job = small_desk.job("a", every="1h", jitter="30m", start_deadline="1m")
    due = due_time(Tick("a", NOON + span("1h")), job.jitter)
    small_desk.pass_time("1h")
    small_desk.pass_time(f"{(due - small_desk.now).total_seconds() + 59}s")
    assert small_desk.view("a").waiting != ()


def test_a_fresher_tick_takes_the_place_of_one_that_waits_for_room(small_desk: Desk) -> None:
    small_desk.job("busy")
    small_desk.trigger("busy")
    small_desk.job("a", every="10m", start_deadline="1h")
    small_desk.pass_time("20m")
    small_desk.end("busy")
    assert small_desk.ledger("a") == ["12:10 max_running", "12:20 started"]


def test_where_runs_may_overlap_no_tick_takes_another_ones_place(small_desk: Desk) -> None:
    small_desk.job("busy")
    small_desk.trigger("busy")
    small_desk.job("a", every="10m", start_deadline="1h", overlap="allow", max_instances=3)
    small_desk.pass_time("20m")
    assert [wait.fire_time for wait in small_desk.view("a").waiting] == [
        NOON + span("10m"),
        NOON + span("20m"),
    ]


# -- exactly once --------------------------------------------------------------------


actions = st.lists(
    st.tuples(
        st.sampled_from(["pass", "oversleep", "end", "fail", "pause", "resume", "skip", "restart"]),
        st.integers(1, 90),
    ),
    max_size=25,
)


@pytest.mark.parametrize("catchup", ["none", "latest", "all"])
@pytest.mark.parametrize("policy", ["skip", "queue", "replace", "allow"])
@given(actions)
def test_every_tick_is_decided_exactly_once(
    catchup: str, policy: str, steps: list[tuple[str, int]]
) -> None:
    """For any window, ticks due = started + skipped (contract, section 4)."""
    desk = Desk(max_running=2)
    desk.job("a", every="5m", catchup=catchup, overlap=policy, max_instances=2)
    for what, minutes in steps:
        _act(desk, what, minutes)
    _settle_all(desk)
    due = int((desk.now - NOON) / span("5m"))
    assert sum(row.ticks.count for row in desk.rows("a")) == due


def _act(desk: Desk, what: str, minutes: int) -> None:
    if what == "pass":
        desk.pass_time(f"{minutes}m")
    elif what == "oversleep":
        desk.oversleep(f"{minutes}m")
    elif what in ("end", "fail") and desk.running:
        desk.end("a", exit_code=int(what == "fail"))
    elif what == "pause":
        desk.pause("a")
    elif what == "resume":
        desk.resume("a")
    elif what == "skip":
        desk.skip_next("a")
    elif what == "restart":
        desk.restart(down=f"{minutes}m")


def _settle_all(desk: Desk) -> None:
    """Let everything that waits come to its end, but no further tick."""
    for _ in range(200):
        if not desk.running:
            break
        desk.end("a")
    desk.wake()


def test_a_skip_carries_the_watermark_that_a_restart_may_trust(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pause("a")
    desk.pass_time("10m")
    skips = [skip for effect in desk.of_kind(RecordSkips) for skip in effect.skips]
    assert skips[-1].settled_until == desk.now
