"""Steps: where the time of a job goes."""

from datetime import UTC, datetime, timedelta

from jobd.core.outcome import Outcome
from jobd.core.said import StepTime
from jobd.core.usage import RunUse
from jobd.web.pages.steps import steps_lately, steps_of

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def use(minute: int, outcome: Outcome = Outcome.SUCCESS, **steps: float) -> RunUse:
    times = tuple(StepTime(name, seconds) for name, seconds in steps.items())
    return RunUse(NOON + timedelta(minutes=minute), outcome, 10.0, None, times)


def test_a_step_is_told_with_what_is_usual_and_its_share() -> None:
    load, send = steps_lately(
        [use(1, load=1, send=9), use(2, load=3, send=9), use(3, load=2, send=4)]
    )
    assert (load.name, load.took_s, load.longest_s, load.runs) == ("load", 2, 3, 3)
    assert (send.took_s, round(load.share + send.share, 6)) == (9, 1)


def test_runs_that_were_ended_in_a_step_say_nothing_of_it() -> None:
    assert steps_lately([use(1, Outcome.TIMEOUT, load=99)]) == []


def test_only_the_last_runs_count() -> None:
    runs = [use(n, old=1) for n in range(50)] + [use(50 + n, new=1) for n in range(20)]
    assert [step.name for step in steps_lately(runs)] == ["new"]


def test_the_steps_of_one_run_are_in_their_order() -> None:
    shown = steps_of((StepTime("load", 1.0), StepTime("send", 3.0)))
    assert [(step.name, step.share) for step in shown] == [("load", 0.25), ("send", 0.75)]
