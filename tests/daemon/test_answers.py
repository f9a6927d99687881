"""Answers: replies find their asker, ends find those who wait for them."""

from datetime import timedelta

import anyio
import pytest

from jobd.core.effects import Accepted
from jobd.daemon import answers as module
from jobd.daemon.answers import Answers, NoAnswer

HOUR = timedelta(hours=1)
MOMENT = timedelta(milliseconds=5)


@pytest.fixture
def answers() -> Answers:
    return Answers()


async def test_a_reply_reaches_the_one_who_asked(answers: Answers) -> None:
    answers.expect("mine")
    answers.expect("yours")
    answers.give(Accepted("yours", message="for you"))
    answers.give(Accepted("mine", message="for me"))
    assert (await answers.receive("mine")).message == "for me"


async def test_a_reply_may_come_before_anyone_waits(answers: Answers) -> None:
    answers.expect("mine")
    answers.give(Accepted("mine"))
    assert await answers.receive("mine") == Accepted("mine")


def test_a_reply_whose_asker_has_gone_is_dropped(answers: Answers) -> None:
    answers.give(Accepted("nobody's"))


async def test_an_asker_who_goes_leaves_nothing_behind(answers: Answers) -> None:
    answers.expect("mine")
    with anyio.move_on_after(0.001):
        await answers.receive("mine")
    answers.give(Accepted("mine"))
    assert answers._slots == {}


async def test_a_scheduler_that_stays_silent_is_an_error(
    answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", MOMENT)
    answers.expect("mine")
    with pytest.raises(NoAnswer, match="no answer from the scheduler yet"):
        await answers.receive("mine")


async def test_everyone_who_waits_for_an_end_is_told(answers: Answers) -> None:
    with answers.end_of("run") as first, answers.end_of("run") as second:
        answers.ended("run")
        with anyio.fail_after(10):
            await first(HOUR)
            await second(HOUR)


async def test_an_end_between_listening_and_waiting_is_not_missed(answers: Answers) -> None:
    """That is the moment at which a caller asks the store whether it has ended already."""
    with answers.end_of("run") as has_ended:
        answers.ended("run")
        with anyio.fail_after(10):
            await has_ended(HOUR)


async def test_another_run_s_end_wakes_nobody(answers: Answers) -> None:
    with answers.end_of("run") as has_ended:
        answers.ended("other")
        with anyio.move_on_after(0.01) as bound:
            await has_ended(HOUR)
    assert bound.cancelled_caught


async def test_the_wait_is_bounded(answers: Answers) -> None:
    with answers.end_of("run") as has_ended:
        await has_ended(MOMENT)


def test_who_stops_listening_leaves_nothing_behind(answers: Answers) -> None:
    with answers.end_of("run"), answers.end_of("run"):
        pass
    assert dict(answers._ends) == {}
