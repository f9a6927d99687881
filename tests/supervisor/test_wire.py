"""What the daemon says survives the way to the supervisor and back."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from jobd.core.attempt import EndedAttempt
from jobd.core.claim import ActiveRun, Trigger
from jobd.core.events import AttemptEnded, HeldRun, RunNotStarted, RunSaid
from jobd.core.outcome import Exit, StopCause
from jobd.core.said import Said, StepTime
from jobd.supervisor.protocol import decode, encode
from jobd.supervisor.wire import decode_held, decode_report, decode_run, encode_run

instants = st.datetimes(timezones=st.just(UTC))
words = st.text(st.characters(exclude_categories=()))
runs = st.builds(
    ActiveRun,
    run_id=words,
    job=words,
    node=words,
    token=st.integers(0),
    fire_time=st.none() | instants,
    trigger=st.sampled_from(Trigger),
    claimed_at=instants,
    attempt=st.integers(1),
    retry_at=st.none() | instants,
    requested_by=words,
    params=st.lists(st.tuples(words, words)).map(tuple),
    lease_until=st.none() | instants,
    pool=st.none() | words,
    slots=st.integers(0),
    retried=st.lists(
        st.builds(EndedAttempt, st.integers(1), words, st.none() | instants, instants)
    ).map(tuple),
)


@given(runs)
def test_an_active_run_comes_back_as_it_was(run: ActiveRun) -> None:
    assert decode_run(decode(encode({"run": encode_run(run)}))["run"]) == run


@given(runs)
def test_a_held_end_carries_run_and_exit(run: ActiveRun) -> None:
    exit_ = {
        "exit_code": None, "signal": 9, "stop_cause": "timeout", "oom_killed": False,
        "duration_s": 1.5, "cpu_s": 0.25, "memory_peak_bytes": None, "output_bytes": 3,
        "output_dropped_bytes": 1,
    }  # fmt: skip
    held = decode_held({"run": encode_run(run), "started_at": 86_400.5, "exit": exit_})
    assert held == HeldRun(
        run=run,
        started_at=datetime(1970, 1, 2, 0, 0, 0, 500_000, tzinfo=UTC),
        exit=Exit(None, 9, StopCause.TIMEOUT, False, 1.5, 0.25, None, 3, 1),
    )
    report = decode_report({"ev": "ended", "run": "r", "at": 86_400.0, "exit": exit_})
    assert report == AttemptEnded("r", held.exit, datetime(1970, 1, 2, tzinfo=UTC))


def test_steps_stand_beside_the_exit_that_older_daemons_know() -> None:
    """They make an Exit of what stands in it, whatever that is."""
    exit_ = {
        "exit_code": 0, "signal": None, "stop_cause": None, "oom_killed": False, "duration_s": 1.5,
        "cpu_s": 0.25, "memory_peak_bytes": None, "output_bytes": 0, "output_dropped_bytes": 0,
    }  # fmt: skip
    frame = {"ev": "ended", "run": "r", "at": 0.0, "exit": exit_, "steps": [["load", 0.5]]}
    frame |= {"steps_trouble": "part of it"}
    report = decode_report(decode(encode(frame)))
    assert isinstance(report, AttemptEnded)
    assert report.exit.steps == (StepTime("load", 0.5),)
    assert report.exit.steps_trouble == "part of it"


def test_what_a_run_says_comes_over() -> None:
    words = {"status": "half way", "progress": 0.5, "step": None, "step_since": None}
    assert decode_report({"ev": "said", "run": "r", **words}) == RunSaid("r", Said("half way", 0.5))
    words = {"status": "", "progress": None, "step": "load", "step_since": 86_400.0}
    since = datetime(1970, 1, 2, tzinfo=UTC)
    said = Said(step="load", step_since=since)
    assert decode_report({"ev": "said", "run": "r", **words}) == RunSaid("r", said)


@given(runs)
def test_a_run_that_an_older_daemon_started_is_understood(run: ActiveRun) -> None:
    """Its supervisor holds it through the upgrade, and hands back the frame as it was."""
    frame = encode_run(run)
    for name in ("lease_until", "pool", "slots"):
        del frame[name]
    assert decode_run(frame) == replace(run, lease_until=None, pool=None, slots=0)


def test_a_refusal_keeps_its_reason() -> None:
    frame = {"ev": "not_started", "run": "r", "reason": "no such file"}
    assert decode_report(frame) == RunNotStarted("r", "no such file")
