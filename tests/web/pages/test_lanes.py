"""Lanes: what a row of the timeline shows, says and leads to."""

from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

from jobd.core.job import Overlap
from jobd.core.schedule import AfterSchedule
from jobd.web.pages.lanes import Lane, Light, lane_of
from tests.web.fake_node import job_named, view_of
from tests.web.pages.test_bars import MINUTE, NOON, WINDOW, cell
from tests.web.pages.test_signs import PAUSED, skip

LIGHT = Light(WINDOW, NOON + 200 * MINUTE, UTC, lambda begun, ended: f"/closer?{begun:%H:%M}")


def lane(*runs: Any, skips: Any = (), **changes: Any) -> Lane:
    """Return the lane of a job with an interval of a quarter of an hour."""
    changes.setdefault("next_fire", None)
    return lane_of("backup", runs, skips, LIGHT, view_of(job_named(), **changes))


def told(shown: Lane) -> str:
    return ", ".join(words for _, words in shown.told)


def test_a_bar_leads_to_its_run_and_says_how_long_it_took() -> None:
    (bar,) = lane(cell(10, 5, run_id="a1")).bars
    assert bar.href == "/runs/a1"
    assert bar.title == "success, 12:10:00 to 12:15:00, took 5 min"


def test_a_bar_of_many_leads_to_a_closer_look_and_counts_them() -> None:
    (bar,) = lane(cell(10, runs=3), cell(10.5, outcome="failure")).bars
    assert bar.href == "/closer?12:10"
    assert bar.title.startswith("4 runs (1 failure, 3 successes), 12:10:00 to 12:11:00")
    assert (bar.kind, bar.flaw) == ("success", "failure")


def test_several_of_an_outcome_are_told_in_the_plural() -> None:
    shown = lane(
        cell(10, outcome="failure", runs=17),
        cell(30, outcome="start_error", runs=2),
        cell(50, outcome="lost", runs=3),
        cell(70, outcome="timeout"),
    )
    assert told(shown) == "23 runs, 1 timeout, 3 lost, 2 start errors, 17 failures"
    assert shown.signs[0].title.startswith("17 failures, ")


def test_what_goes_beyond_the_interval_is_drawn_and_told() -> None:
    shown = lane(cell(60, 30))
    (bar,) = shown.bars
    assert bar.late == (31.25, 6.25)  # from a quarter of an hour after its begin, to its end
    assert bar.title.endswith("took 30 min: longer than its interval of 15 min")
    assert "1 over the interval" in told(shown)


def test_a_tick_that_is_overdue_is_not_one_to_come() -> None:
    begun = LIGHT.now - 10 * MINUTE
    titles = [item.title for item in lane(next_fire=begun).coming]
    assert titles[0] == "tick not decided yet, 15:10:00"
    assert titles[-1].startswith("tick to come")


def test_a_job_that_may_overlap_itself_has_no_interval_to_go_beyond() -> None:
    view = view_of(job_named(overlap=Overlap.ALLOW), next_fire=None)
    (bar,) = lane_of("backup", [cell(60, 30)], (), LIGHT, view).bars
    assert bar.late is None


def test_a_skip_says_why_and_leads_to_the_whole_answer() -> None:
    (sign,) = lane(skips=[skip(3)]).signs
    assert sign.title == "skipped: overlap, 12:03:00: at 3; run run3 was active"
    assert sign.href == "/jobs/backup?at=2026-11-23T12%3A03%3A00Z#why"


def test_a_long_row_of_skips_has_its_reason_and_number_in_the_picture() -> None:
    (sign,) = lane(skips=[skip(0, PAUSED, ticks=1200, lasts=60)]).signs
    assert sign.label == "paused 1,200"


def test_skips_stand_below_what_ended_badly() -> None:
    shown = lane(cell(10, 5, "oom"), skips=[skip(3)])
    assert [(sign.kind, sign.row) for sign in shown.signs] == [("oom", 0), ("skipped", 1)]
    assert shown.sign_rows == 2


def test_a_lane_says_in_words_what_it_shows() -> None:
    shown = lane(cell(10), cell(20, outcome="oom"), skips=[skip(3), skip(90, PAUSED, ticks=7)])
    assert told(shown) == "2 runs, 1 oom, skipped: paused 7, overlap 1"
    assert told(lane()) == "no runs"


def test_ticks_to_come_are_those_of_the_schedule_within_the_window() -> None:
    shown = lane(next_fire=NOON + 210 * MINUTE)
    assert [tick.title for tick in shown.coming] == [
        "tick to come 15:30:00",
        "tick to come 15:45:00",
    ]


def test_of_a_job_that_counts_from_its_last_end_one_tick_is_known() -> None:
    job = job_named(schedule=AfterSchedule.of(timedelta(minutes=1)))
    view = view_of(job, next_fire=NOON + 210 * MINUTE)
    assert len(lane_of("backup", (), (), LIGHT, view).coming) == 1


def test_a_job_that_is_turned_off_has_no_ticks_to_come() -> None:
    view = view_of(replace(job_named(), enabled=False), next_fire=NOON + 210 * MINUTE)
    assert lane_of("backup", (), (), LIGHT, view).coming == []


def test_the_lane_of_a_node_leads_to_a_closer_look_at_what_it_skipped() -> None:
    shown = lane_of("app1", [cell(10, 5)], [skip(3)], LIGHT)
    assert shown.signs[0].href == "/closer?12:03"
    assert shown.coming == []
