"""LogFold: who reads the log afterwards finds each start, end and skip, once, and no secret."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jobd.core import effects as fx
from jobd.core import events as ev
from jobd.core.claim import Trigger
from jobd.core.ledger import SkipReason
from jobd.core.outcome import Exit, Outcome, StopCause
from jobd.core.run import record_of
from jobd.telemetry.logfold import LogFold

BY = "uid 1000 (anna)"


class Recorder:
    """Takes the place of a logger and keeps what it is told."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []

    def __getattr__(self, level: str) -> Any:
        def log(event: str, **fields: Any) -> None:
            self.records.append({"level": level, "event": event, **fields})

        return log


class Log:
    """A fold and what it wrote."""

    def __init__(self, now: Any) -> None:
        self._recorder = Recorder()
        self._now = now
        self.fold = LogFold(self._recorder)

    def observe(self, event: ev.Event, *effects: fx.Effect) -> None:
        self.fold.observe(event, effects, self._now)

    @property
    def records(self) -> list[dict[str, Any]]:
        return self._recorder.records

    @property
    def only(self) -> dict[str, Any]:
        (record,) = self.records
        return record

    @property
    def texts(self) -> list[str]:
        return [record["event"] for record in self.records]


@pytest.fixture
def log(make: Any) -> Log:
    return Log(make.NOW)


def start(log: Log, make: Any, **changes: Any) -> None:
    run = make.run(**changes)
    log.observe(ev.Woke(), fx.StartRun(run, make.job()))
    log.observe(ev.RunStarted(run.run_id, make.NOW))


def test_a_start_is_one_line(log: Log, make: Any) -> None:
    log.observe(make.granted(), fx.StartRun(make.run(), make.job()))
    assert log.records == []  # nothing has been executed yet
    log.observe(ev.RunStarted("r1", make.NOW))
    assert log.only == {
        "level": "info",
        "event": "run started",
        "job": "backup",
        "run": "r1",
        "tick": "2026-03-29T01:00:00Z",
        "trigger": "schedule",
        "attempt": 1,
        "token": 7,
    }


def test_a_manual_start_says_who_asked(log: Log, make: Any) -> None:
    start(log, make, fire_time=None, trigger=Trigger.MANUAL, requested_by=BY)
    assert log.only["by"] == BY
    assert "tick" not in log.only


def test_an_end_is_one_line_with_what_it_used(log: Log, make: Any) -> None:
    log.observe(
        ev.Woke(),
        make.finish(
            Outcome.OOM,
            signal=9,
            duration_s=12.34567,
            cpu_s=3.0,
            memory_peak_bytes=1 << 29,
            reason="memory ceiling of 512M reached",
        ),
    )
    assert log.only == {
        "level": "warning",
        "event": "run ended",
        "job": "backup",
        "run": "r1",
        "outcome": "oom",
        "reason": "memory ceiling of 512M reached",
        "signal": 9,
        "attempt": 1,
        "duration_s": 12.346,
        "cpu_s": 3.0,
        "memory_peak_bytes": 1 << 29,
        "output_bytes": 0,
    }


def test_of_a_retried_run_the_log_says_how_long_all_of_it_took(log: Log, make: Any) -> None:
    ended_at = make.NOW + timedelta(seconds=90)
    log.observe(ev.Woke(), make.finish(attempt=2, duration_s=12.0, ended_at=ended_at))
    assert (log.only["duration_s"], log.only["lasted_s"]) == (12.0, 90.0)


def test_an_exit_status_of_zero_is_worth_saying(log: Log, make: Any) -> None:
    log.observe(ev.Woke(), make.finish(exit_code=0))
    assert log.only["exit_code"] == 0
    assert log.only["level"] == "info"


def test_an_attempt_that_will_be_retried_is_told_from_the_end(log: Log, make: Any) -> None:
    log.observe(ev.Woke(), make.finish(Outcome.FAILURE, will_retry=True))
    log.observe(ev.Woke(), make.finish(Outcome.SUCCESS, attempt=2))
    assert log.texts == ["attempt ended, will retry", "run ended"]


def test_a_skip_for_overlap_names_the_blocker(log: Log, make: Any) -> None:
    since = make.NOW - timedelta(minutes=14)
    blocker = make.run("r0", claimed_at=since)
    log.observe(make.denied(SkipReason.OVERLAP, settled=True, blocker=blocker))
    assert log.only == {
        "level": "info",
        "event": "tick skipped",
        "job": "backup",
        "tick": "2026-03-29T01:00:00Z",
        "reason": "overlap",
        "blocker": "r0",
        "blocker_since": "2026-03-29T00:46:00Z",
    }


def test_every_overlap_is_a_line_of_its_own(log: Log, make: Any) -> None:
    for _ in range(3):
        log.observe(make.denied(SkipReason.OVERLAP, settled=True, blocker=make.run("r0")))
    assert log.texts == ["tick skipped"] * 3


def test_overlaps_in_a_row_are_one_warning(log: Log) -> None:
    log.fold.overlaps("backup", 3)
    assert (log.only["level"], log.only["job"], log.only["in_a_row"]) == ("warning", "backup", 3)


def test_pressure_is_told_when_it_begins_and_when_it_ends(log: Log) -> None:
    for words in ("", "memory 31 %", "memory 40 %", "", ""):
        log.fold.pressure(words)
    assert log.texts == ["under pressure, nothing new starts", "the pressure has eased"]


def test_ten_thousand_missed_ticks_are_one_line(log: Log, make: Any) -> None:
    log.observe(make.skipped(SkipReason.MISFIRE, count=10_000))
    assert log.only["count"] == 10_000
    assert log.only["first"] == "2026-03-29T01:00:00Z"
    assert log.only["last"] == "2026-06-06T11:30:00Z"


def test_a_skip_that_somebody_asked_for_is_no_warning(log: Log, make: Any) -> None:
    log.observe(make.skipped(SkipReason.PAUSED, detail="paused by anna"))
    assert (log.only["level"], log.only["detail"]) == ("info", "paused by anna")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda make: make.denied(None, settled=True), id="decided before"),
        pytest.param(lambda make: make.denied(SkipReason.OVERLAP, settled=False), id="waits"),
        pytest.param(lambda make: make.skipped(SkipReason.PAUSED, count=0), id="nothing new"),
    ],
)
def test_what_settles_nothing_is_not_logged(log: Log, make: Any, answer: Any) -> None:
    log.observe(answer(make))
    assert log.records == []


def test_a_store_that_fails_is_one_line_until_that_changes(log: Log, make: Any) -> None:
    """A store that is down for an hour must not write a line for each tick."""
    for error in ("no answer", "no answer", "disk full", "disk full"):
        log.observe(ev.ClaimsFailed((make.request(),), error))
    log.observe(make.granted())
    log.observe(make.granted())
    assert log.texts == ["claims fail", "claims fail", "claims are answered again"]


def test_history_that_is_not_kept_is_one_line_until_that_changes(log: Log) -> None:
    for trouble in ("", "disk full", "disk full", "", ""):
        log.fold.store_trouble(trouble)
    assert log.texts == ["history is not kept", "history is kept again"]


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (ev.TriggerAsked("q1", "r9", "backup", BY), "run triggered"),
        (ev.CancelAsked("q1", BY, job="backup"), "run canceled"),
        (ev.PauseAsked("q1", "backup", BY, "release"), "job paused"),
        (ev.ResumeAsked("q1", "backup", BY), "job resumed"),
        (ev.SkipNextAsked("q1", "backup", BY, "release"), "next tick is to be skipped"),
    ],
    ids=lambda value: value.__class__.__name__ if not isinstance(value, str) else "",
)
def test_what_an_operator_did_is_logged_with_who(log: Log, event: Any, text: str) -> None:
    log.observe(event, fx.Accepted("q1"))
    assert (log.only["event"], log.only["by"], log.only["job"]) == (text, BY, "backup")


def test_an_answer_that_comes_later_is_still_told_from_whom(log: Log, make: Any) -> None:
    """A trigger waits for the store."""
    log.observe(ev.TriggerAsked("q1", "r9", "backup", BY), fx.Claim((make.request("r9"),)))
    assert log.records == []
    log.observe(make.manual("r9"), fx.Accepted("q1", ("r9",)))
    assert (log.only["by"], log.only["runs"]) == (BY, "r9")


def test_what_an_operator_was_refused_is_logged_with_why(log: Log) -> None:
    event = ev.TriggerAsked("q1", "r9", "backup", BY, force=True)
    log.observe(event, fx.Refused("q1", "busy", "r0 is active since 14:00"))
    assert log.only == {
        "level": "warning",
        "event": "request refused",
        "action": "trigger",
        "job": "backup",
        "by": BY,
        "force": True,
        "code": "busy",
        "why": "r0 is active since 14:00",
    }


def test_a_pause_of_all_jobs_is_one_line(log: Log, make: Any) -> None:
    until = make.NOW + timedelta(hours=1)
    log.observe(ev.PauseAsked("q1", None, BY, "release", until), fx.Accepted("q1"))
    assert log.only["job"] == "all jobs"
    assert log.only["until"] == "2026-03-29T02:00:00Z"


def test_requests_that_were_answered_are_forgotten(log: Log) -> None:
    log.observe(ev.ResumeAsked("q1", None, BY), fx.Accepted("q1"))
    log.observe(ev.ResumeAsked("q2", None, BY), fx.Refused("q2", "no_such_job", ""))
    assert not log.fold._asked


def test_runs_taken_back_are_named(log: Log, make: Any) -> None:
    """After a daemon's restart; those that have ended meanwhile get their end's line."""
    ended = Exit(0, None, None, False, 1.0, 0.1, None)
    held = (
        ev.HeldRun(make.run("r1"), make.NOW, None),
        ev.HeldRun(make.run("r2"), make.NOW, ended),
    )
    log.observe(ev.Recovered(held))
    assert log.texts == ["supervisor connected", "run taken back"]
    assert log.records[1]["run"] == "r1"


def test_a_run_that_died_with_its_node_is_in_the_log_of_the_node_that_ended_it(
    log: Log, make: Any
) -> None:
    """Its own node may never say so: no log told what had become of the run."""
    lost = replace(record_of(make.run("r1"), outcome=Outcome.LOST), node="b", reason="it is gone")
    log.observe(ev.TakenOver((make.run("r2"),), 0.0, (lost,)))
    log.observe(ev.ClaimsDecided((), 0.0, (lost,)))
    ended, taken, again = log.records
    assert (ended["event"], ended["level"]) == ("run of a silent node ended", "warning")
    assert (ended["run"], ended["node"], ended["outcome"]) == ("r1", "b", "lost")
    assert (taken["event"], taken["run"]) == ("run taken over from a silent node", "r2")
    assert again == ended


def test_only_the_first_configuration_is_logged_by_itself(log: Log, make: Any) -> None:
    """Later ones are reloads: they are logged with who asked and what changed."""
    for _ in range(2):
        log.observe(ev.Configured({"backup": make.job()}, {}, 16, 200))
    assert log.texts == ["configuration in force"]
    log.fold.reloaded(["a"], [], ["b"], BY)
    assert log.records[1]["added"] == ["a"]
    assert log.records[1]["by"] == BY


def test_a_reload_of_very_many_jobs_is_a_short_line(log: Log) -> None:
    log.fold.reloaded([f"job{number}" for number in range(10_000)], [], [], BY)
    assert log.only["added"][-1] == "and 9980 more"


def test_a_refused_reload_is_an_error_with_its_reasons(log: Log) -> None:
    log.fold.config_refused(["jobs.d/a.toml:12: …"], BY)
    assert (log.only["level"], log.only["errors"]) == ("error", ["jobs.d/a.toml:12: …"])


@pytest.mark.parametrize(
    ("event", "level"),
    [
        (ev.SupervisorLost(), "error"),
        (ev.ClockJumped(timedelta(hours=-1)), "warning"),
        (ev.ShutdownAsked(), "info"),
        (ev.ShutdownAsked(stop_runs=True), "info"),
    ],
)
def test_what_happens_to_the_node_is_logged(log: Log, event: Any, level: str) -> None:
    log.observe(event)
    assert log.only["level"] == level


def test_a_stop_says_which_run_and_why(log: Log) -> None:
    log.observe(ev.Woke(), fx.StopRun("r1", StopCause.REPLACE))
    assert (log.only["run"], log.only["cause"]) == ("r1", "replace")


def test_no_argument_environment_or_parameter_is_ever_logged(log: Log, make: Any) -> None:
    """They are where passwords are."""
    params = (("token", make.SECRET),)
    request = make.request(params=params)
    log.observe(ev.Configured({"backup": make.job()}, {}, 16, 200))
    log.observe(ev.TriggerAsked("q1", "r1", "backup", BY, params), fx.Accepted("q1", ("r1",)))
    log.observe(ev.ClaimsFailed((request,), "no answer"))
    log.observe(ev.Recovered((ev.HeldRun(make.run("r0", params=params), make.NOW, None),)))
    start(log, make, params=params)
    log.observe(ev.Woke(), make.finish(params=params))
    assert len(log.records) == 7
    assert make.SECRET not in repr(log.records)


def test_starts_that_never_came_are_not_remembered_for_ever(log: Log, make: Any) -> None:
    log.observe(ev.Woke(), fx.StartRun(make.run(), make.job()))
    log.observe(ev.RunNotStarted("r1", "no such user"), make.finish(Outcome.START_ERROR))
    assert not log.fold._starting
