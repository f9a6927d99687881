"""Each sentence is what somebody reads at night who wants to know why nothing ran."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from jobd.core.attempt import EndedAttempt
from jobd.core.claim import ActiveRun, JobMemory, Pause, Trigger
from jobd.core.ledger import SkipReason, TickRange, TickRecord
from jobd.core.outcome import Outcome
from jobd.core.run import RunRecord, RunState
from jobd.core.schedule import AfterSchedule, CronSchedule
from jobd.core.view import JobState, JobView, RunView, WaitingView
from jobd.web.in_the_way import in_the_way
from jobd.web.when import When
from jobd.web.why import Evidence, Kind, explain
from jobd.web.why_at import explain_at, neighbours
from tests.web.fake_node import job_named, view_of

UTC_ZONE = ZoneInfo("UTC")


def at(time: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-23T{time}").replace(tzinfo=UTC)


def minute(time: str) -> When:
    return When(at(time), at(time) + timedelta(minutes=1))


NOW = at("10:50:00")
BEFORE = tuple(
    EndedAttempt(number, "app1", None, NOW, outcome)
    for number, outcome in enumerate((Outcome.FAILURE, Outcome.TIMEOUT, Outcome.FAILURE), 1)
)


def row(time: str, reason: SkipReason | None = None, **changes: Any) -> TickRecord:
    ticks = TickRange("backup", at(time), at(time), 1)
    record = TickRecord(ticks, reason, None, "", None, at(time), "app1")
    return replace(record, **changes)


def run(run_id: str, started: str, **changes: Any) -> RunRecord:
    began = at(started)
    record = RunRecord(run_id, "backup", "app1", 1, Trigger.SCHEDULE, None, began, started_at=began)
    return replace(record, **changes)


def evidence(*rows: TickRecord, **changes: Any) -> Evidence:
    runs = {one.run_id: one for one in changes.pop("runs", ())}
    return replace(Evidence(view_of(job_named()), UTC_ZONE, NOW, rows, runs), **changes)


def text_of(*rows: TickRecord, **changes: Any) -> str:
    (verdict,) = explain(evidence(*rows, **changes))
    return verdict.text


def test_an_overlap_names_the_run_that_was_in_the_way() -> None:
    blocker = run("3f9a", "10:00:02", ended_at=at("10:16:40"), outcome=Outcome.SUCCESS)
    assert text_of(row("10:15:00", SkipReason.OVERLAP, blocker="3f9a"), runs=[blocker]) == (
        "2026-11-23 10:15:00 skipped: overlap — run 3f9a (on app1, started 10:00:02, "
        "still running then, ended 10:16:40) was active"
    )


def test_a_blocker_that_still_runs_is_said_to() -> None:
    blocker = run("3f9a", "10:00:02")
    text = text_of(row("10:15:00", SkipReason.OVERLAP, blocker="3f9a"), runs=[blocker])
    assert "still running now" in text


def test_a_blocker_on_its_second_attempt_was_there_since_its_first() -> None:
    """A run that began after the tick that it kept from starting is no explanation. The first
    attempt may have been on another node, which no record names."""
    times = {"claimed_at": at("10:14:00"), "ended_at": at("10:16:40")}
    blocker = run("3f9a", "10:15:30", attempt=2, node="app3", outcome=Outcome.SUCCESS, **times)
    assert text_of(row("10:15:00", SkipReason.OVERLAP, blocker="3f9a"), runs=[blocker]) == (
        "2026-11-23 10:15:00 skipped: overlap — run 3f9a (started 10:14:00, attempt 2 on app3, "
        "still running then, ended 10:16:40) was active"
    )


def test_a_blocker_that_was_pruned_is_said_to_be() -> None:
    text = text_of(row("10:15:00", SkipReason.OVERLAP, blocker="3f9a"))
    assert "run 3f9a (no longer in the history) was active" in text


def test_a_blocker_of_the_day_before_shows_its_date() -> None:
    began = at("10:00:02") - timedelta(days=1)
    blocker = replace(run("3f9a", "10:00:02"), claimed_at=began, started_at=began)
    text = text_of(row("10:15:00", SkipReason.OVERLAP, blocker="3f9a"), runs=[blocker])
    assert "started 2026-11-22 10:00:02" in text


@pytest.mark.parametrize("reason", list(SkipReason))
def test_every_reason_has_words_of_its_own(reason: SkipReason) -> None:
    assert text_of(row("10:15:00", reason)).startswith(
        f"2026-11-23 10:15:00 skipped: {reason.value} — "
    )


def test_what_the_scheduler_noted_outranks_the_general_words() -> None:
    skipped = row("10:15:00", SkipReason.PAUSED, detail="paused by uid 0 (root): deploy")
    assert text_of(skipped).endswith("skipped: paused — paused by uid 0 (root): deploy")


def test_ten_thousand_ticks_are_one_sentence() -> None:
    ticks = TickRange("backup", at("00:00:00"), at("10:15:00"), 10_000)
    assert text_of(row("10:15:00", SkipReason.MISFIRE, ticks=ticks)) == (
        "10000 ticks from 2026-11-23 00:00:00 to 2026-11-23 10:15:00 skipped: misfire — "
        "nobody decided it in time"
    )


def test_a_start_says_how_late_it_was_and_how_it_ended() -> None:
    began = at("10:15:00") + timedelta(milliseconds=120)
    started = run(
        "3f9a", "10:15:00", started_at=began, ended_at=at("10:15:03"),
        outcome=Outcome.SUCCESS, duration_s=3.0,
    )  # fmt: skip
    assert text_of(row("10:15:00", run_id="3f9a"), runs=[started]) == (
        "2026-11-23 10:15:00 started as run 3f9a, 120 ms after its due time, "
        "ended success after 3 s"
    )


def test_lateness_does_not_count_the_jitter() -> None:
    view = view_of(job_named(jitter=timedelta(minutes=10)))
    (verdict,) = explain(
        evidence(row("10:15:00", run_id="3f9a"), runs=[run("3f9a", "10:25:00")], view=view)
    )
    assert verdict.lateness_s is not None
    assert 0 < verdict.lateness_s < 600


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"outcome": Outcome.FAILURE, "exit_code": 2}, "ended failure (exit status 2) after 3 s"),
        ({"outcome": Outcome.FAILURE, "signal": 9}, "ended failure (signal 9) after 3 s"),
        (
            {"outcome": Outcome.START_ERROR, "reason": "no such user", "duration_s": None},
            "ended start_error (no such user) after 3 s",
        ),
        (
            {"outcome": Outcome.SUCCESS, "attempt": 2, "started_at": at("10:15:02")},
            "ended success after 3 s, attempt 2",
        ),
        (
            {"outcome": Outcome.SUCCESS, "attempt": 4, "retried": BEFORE},
            "ended success after 3 s, attempt 4 (earlier: 2x failure, timeout)",
        ),
    ],
)
def test_an_end_says_why(changes: dict[str, Any], words: str) -> None:
    ended = run("3f9a", "10:15:00", ended_at=at("10:15:03"), **{"duration_s": 3.0, **changes})
    assert text_of(row("10:15:00", run_id="3f9a"), runs=[ended]).endswith(words)


def test_a_run_between_two_attempts_says_how_the_one_that_is_over_ended() -> None:
    active = run("3f9a", "10:40:00", attempt=1, retried=BEFORE[:1])
    text = text_of(row("10:40:00", run_id="3f9a"), runs=[active])
    assert text.endswith("still active after 10 min, attempt 1 ended failure")
    active = run("3f9a", "10:40:00", attempt=2, retried=BEFORE[:2])
    text = text_of(row("10:40:00", run_id="3f9a"), runs=[active])
    assert text.endswith("attempt 2 ended timeout (earlier: failure)")


def test_a_catch_up_says_that_it_is_one() -> None:
    caught = run("3f9a", "10:45:00", trigger=Trigger.CATCHUP)
    text = text_of(row("10:15:00", run_id="3f9a"), runs=[caught])
    assert "run 3f9a to catch up, 30 min after its due time, still active after 5 min" in text


def test_a_start_whose_run_was_pruned_is_said_to_have_been() -> None:
    text = text_of(row("10:15:00", run_id="3f9a"))
    assert text == "2026-11-23 10:15:00 started as run 3f9a (no longer in the history)"


def test_runs_by_hand_stand_among_the_ticks() -> None:
    by_hand = run("beef", "10:20:00", trigger=Trigger.MANUAL, requested_by="uid 0 (root)")
    verdicts = explain(evidence(row("10:15:00", SkipReason.DUTY), manual=[by_hand]))
    assert [verdict.kind for verdict in verdicts] == [Kind.MANUAL, Kind.SKIPPED]
    assert "run beef started by hand, asked by uid 0 (root)" in verdicts[0].text


def kind_and_text(when: str, *rows: TickRecord, **changes: Any) -> tuple[Kind, str]:
    (verdict,) = explain_at(evidence(*rows, **changes), minute(when))
    return verdict.kind, verdict.text


def test_a_tick_within_the_minute_is_meant() -> None:
    """Nobody types the seconds of a job that runs every 15 minutes from 10:00:23 on."""
    kind, _ = kind_and_text("10:15:00", row("10:15:23", SkipReason.DUTY))
    assert kind is Kind.SKIPPED


def test_no_tick_at_that_time_names_the_nearest_on_either_side() -> None:
    around = (row("10:30:00", SkipReason.DUTY), row("10:15:00", SkipReason.DUTY))
    assert kind_and_text("10:20:00", *around) == (
        Kind.NO_TICK,
        "no tick of this schedule at 2026-11-23 10:20:00; nearest before: 2026-11-23 10:15:00; "
        "nearest after: 2026-11-23 10:30:00",
    )


def test_the_ledger_s_neighbours_come_with_their_verdicts() -> None:
    around = (row("10:30:00", SkipReason.DUTY), row("10:15:00", SkipReason.OVERLAP))
    near = neighbours(evidence(*around), minute("10:20:00"))
    assert [verdict.fire_time for verdict in near] == [at("10:15:00"), at("10:30:00")]


def test_a_tick_that_was_decided_long_ago_is_not_called_undecided() -> None:
    """A full disk leaves no record of it; its job has gone on to later ticks since."""
    memory = JobMemory("backup", settled_until=at("09:00:00"))
    view = replace(view_of(job_named()), memory=memory)
    _, text = kind_and_text("10:00:00", view=view)
    assert "nothing is known of it" in text
    assert text.endswith("or could not be kept")
    in_hand = replace(view, state=JobState.WAITING)
    assert kind_and_text("10:00:00", view=in_hand)[1].endswith("is not decided yet")


def coming(**changes: Any) -> JobView:
    view = view_of(job_named(), next_fire=at("11:00:00"), next_due=at("11:00:00"))
    return replace(view, **changes)


def test_a_tick_to_come_is_said_to_come() -> None:
    answer = kind_and_text("11:00:00", view=coming())
    assert answer == (Kind.FUTURE, "2026-11-23 11:00:00 is still to come")


def test_a_tick_to_come_that_a_pause_will_skip_is_said_to_be_skipped() -> None:
    view = coming(pause=Pause("uid 0 (root)", NOW))
    _, text = kind_and_text("11:00:00", view=view)
    assert text.endswith("paused by uid 0 (root), it will be skipped unless resumed")


def test_the_tick_that_skip_next_is_for_is_said_to_be_skipped() -> None:
    memory = JobMemory("backup", NOW, skip_next=Pause("uid 0 (root)", NOW))
    _, text = kind_and_text("11:00:00", view=coming(memory=memory))
    assert text.endswith("it will be skipped: skip-next by uid 0 (root)")


def test_a_tick_that_waits_says_for_what() -> None:
    waiting = WaitingView("backup", "beef", at("10:45:00"), at("10:45:00"), 0, "max_running")
    answer = kind_and_text("10:45:00", view=coming(waiting=(waiting,)))
    assert answer == (
        Kind.WAITING,
        "2026-11-23 10:45:00 waits since 2026-11-23 10:45:00: max_running",
    )


def test_a_tick_that_its_jitter_holds_back_says_until_when() -> None:
    job = job_named(jitter=timedelta(minutes=14))
    view = view_of(job, memory=JobMemory("backup", at("10:30:00")))
    answer, text = kind_and_text("10:45:00", view=view, now=at("10:45:01"))
    assert (answer, "with its jitter it is due 2026-11-23 10:" in text) == (Kind.UNDECIDED, True)


def test_a_tick_from_before_the_job_was_known_is_not_made_up() -> None:
    view = coming(memory=JobMemory("backup", at("10:45:00")))
    kind, text = kind_and_text("09:00:00", view=view)
    assert (kind, "nothing is known of it" in text) == (Kind.UNDECIDED, True)


def test_a_disabled_job_has_no_ticks() -> None:
    view = replace(view_of(job_named(enabled=False)), next_fire=None, next_due=None)
    kind, text = kind_and_text("10:45:00", view=view)
    assert kind is Kind.NO_TICK
    assert text == "2026-11-23 10:45:00 would be a tick, but the job is disabled"


def test_a_job_without_a_schedule_has_no_ticks() -> None:
    view = view_of(job_named(schedule=None), next_fire=None, next_due=None)
    kind, text = kind_and_text("09:00:00", view=view)
    assert (kind, text) == (
        Kind.NO_TICK,
        "the job has no schedule: it runs only when triggered",
    )


def test_a_job_that_counts_from_its_last_run_names_no_invented_ticks() -> None:
    """Its next fire time depends on a run that has not ended: only the next one is known."""
    job = job_named(schedule=AfterSchedule.of(timedelta(minutes=7)))
    view = view_of(job, next_fire=at("10:57:00"), next_due=at("10:57:00"))
    _, text = kind_and_text("12:00:00", row("10:40:00", SkipReason.DUTY), view=view)
    assert text.endswith("nearest before: 2026-11-23 10:40:00")


def test_times_are_in_the_job_s_own_zone() -> None:
    job = job_named(
        timezone="Asia/Tokyo",
        schedule=CronSchedule.parse("*/15 * * * *", job="backup", timezone="Asia/Tokyo"),
    )
    text = text_of(row("10:15:00", SkipReason.DUTY), view=view_of(job), zone=ZoneInfo("Asia/Tokyo"))
    assert text.startswith("2026-11-23 19:15:00 skipped: duty")


def sentences(view: JobView) -> list[str]:
    return list(in_the_way(view, UTC_ZONE, NOW))


def test_nothing_is_in_the_way_of_a_job_at_rest() -> None:
    assert sentences(view_of(job_named())) == []


def test_everything_in_the_way_is_named() -> None:
    active = ActiveRun("3f9a", "backup", "app1", 1, None, Trigger.SCHEDULE, at("10:45:00"))
    view = view_of(
        job_named(enabled=False),
        memory=JobMemory(
            "backup", NOW, rest_until=at("11:00:00"), skip_next=Pause("uid 1", NOW, "holiday")
        ),
        pause=Pause("uid 0 (root)", at("10:00:00"), "deploy", at("12:00:00")),
        runs=(RunView(active, RunState.RUNNING, at("10:45:01")),),
        waiting=(WaitingView("backup", "beef", at("10:45:00"), at("10:45:00"), 0, "overlap"),),
    )
    assert sentences(view) == [
        "disabled: enabled = false in its configuration",
        'paused by uid 0 (root) since 2026-11-23 10:00:00 "deploy", until 2026-11-23 12:00:00',
        'the next tick will be skipped: skip-next by uid 1 "holiday"',
        "run 3f9a is active on app1 since 2026-11-23 10:45:01; overlap = skip",
        "max_duty: the job rests until 2026-11-23 11:00:00",
        "the tick of 2026-11-23 10:45:00 waits since 2026-11-23 10:45:00: overlap",
    ]


def test_a_further_attempt_that_waits_for_room_is_in_the_way() -> None:
    waits = WaitingView("backup", "3f9a", None, at("10:45:00"), 0, "max_running", is_retry=True)
    assert sentences(view_of(job_named(), waiting=(waits,))) == [
        "the next attempt of run 3f9a waits since 2026-11-23 10:45:00: max_running"
    ]


def test_a_run_that_is_retried_is_in_the_way_since_its_first_attempt() -> None:
    """As the skips that it causes tell it."""
    active = ActiveRun("3f9a", "backup", "app1", 1, None, Trigger.SCHEDULE, at("10:45:00"), 2)
    runs = (RunView(active, RunState.BACKOFF, at("10:55:00")),)
    (sentence,) = sentences(view_of(job_named(), runs=runs))
    assert "active on app1 since 2026-11-23 10:45:00" in sentence
