"""What waits in a run's queue when it is judged, or over: a voice without a supervisor."""

import os
from collections import deque
from typing import Any

import pytest

from jobd.supervisor.deadlines import Deadlines
from jobd.supervisor.instants import steady_s
from jobd.supervisor.loop import Loop
from jobd.supervisor.spec import Spec
from jobd.supervisor.voice import Voice
from tests.supervisor.test_spec import GOOD

WATCHDOG_S = 60.0
STEPS = [f"step-{number}" for number in range(20)]


class Queue:
    """A mailbox that holds more than this machine may let wait (net.unix.max_dgram_qlen)."""

    def __init__(self, messages: list[str]) -> None:
        self.fd = os.eventfd(1)
        self.dropped = 0
        self.messages = deque(message.encode() for message in messages)

    def take(self) -> bytes | None:
        return self.messages.popleft() if self.messages else None

    def close(self) -> None:
        os.close(self.fd)


class Run:
    """A run that began half a minute ago."""

    def __init__(self, messages: list[str], *, timeout_s: float | None = None) -> None:
        self.queue: Any = Queue(messages)
        self.deadlines = Deadlines(timeout_s, 1.0, None, WATCHDOG_S)
        self.voice = Voice(Spec(GOOD), self.queue, Loop(), self.deadlines)
        self.began_s = steady_s() - 30.0
        self.deadlines.begin(self.began_s)
        self.voice.begin(self.began_s)
        self.voice.listen()
        assert self.queue.messages, "it sent more than is taken in a moment"


def test_a_sign_of_life_behind_much_talk_is_heard_before_the_run_is_judged() -> None:
    run = Run([*["STATUS=busy"] * 300, "WATCHDOG=1"])
    run.voice.hear_out()
    silent_from = run.deadlines.stop_instant()
    assert silent_from is not None
    assert silent_from > run.began_s + WATCHDOG_S + 29.0


def test_the_last_steps_of_a_run_are_known_however_short_they_are() -> None:
    run = Run([f"X_JOBD_STEP={word}" for step in STEPS for word in (step, "")])
    ended: list[bool] = []
    run.voice.end(steady_s(), lambda: ended.append(True))
    assert [name for name, _ in run.voice.steps()] == STEPS
    assert ended == [True]


@pytest.mark.parametrize("message", ["EXTEND_TIMEOUT_USEC=1", "STATUS=x"])
def test_a_run_that_floods_is_not_heard_out_again_and_again(
    message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is judged as often as it asks for the next microsecond."""
    now_s = steady_s()
    monkeypatch.setattr("jobd.supervisor.voice.steady_s", lambda: now_s)
    run = Run([message] * 5000, timeout_s=30.0)
    run.voice.hear_out()
    left = len(run.queue.messages)
    for _ in range(100):
        run.voice.hear_out()
    assert left == len(run.queue.messages) > 4000
