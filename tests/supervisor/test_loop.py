"""Whose turn it is, when more is due than there is time for."""

import os
import select
import time

from jobd.supervisor.alarm import Alarm
from jobd.supervisor.loop import READABLE, Loop


def steady_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def turn(loop: Loop, done: list[str], count: int) -> list[str]:
    """Run until so much was done; return what, in order."""

    def work() -> bool:
        if len(done) >= count:
            loop.stop()
        return False

    loop.run(work, lambda: None)
    return done


def test_what_is_urgent_waits_for_one_callback_at_most() -> None:
    """A thousand stop signals may be due; the SIGKILL that becomes due comes between them."""
    loop, done = Loop(), list[str]()

    def stop_signal() -> None:
        if not done:
            loop.call_at(steady_s(), lambda: done.append("kill"), is_urgent=True)
        done.append("stop")

    for _ in range(3):
        loop.call_at(0.0, stop_signal)
    assert turn(loop, done, 4) == ["stop", "kill", "stop", "stop"]


def test_what_is_urgent_is_followed_up_after_all_else_that_is_and_before_the_rest() -> None:
    """Who searches before everybody was told keeps the last from being told in time."""
    loop, done = Loop(), list[str]()

    def first() -> None:
        done.append("first")
        loop.follow_up(follow_up)

    def follow_up() -> None:
        if "follow-up" not in done:
            loop.call_at(steady_s(), lambda: done.append("late first"), is_urgent=True)
        done.append("follow-up")

    loop.call_at(0.0, lambda: done.append("timer"))
    for _ in range(2):
        loop.call_at(0.0, first, is_urgent=True)
    expected = ["first", "first", "follow-up", "late first", "follow-up", "timer"]
    assert turn(loop, done, len(expected)) == expected


def test_a_follow_up_is_not_slept_over() -> None:
    """Nothing else is due, and nothing is to come."""
    loop, done = Loop(), list[str]()
    ours, theirs = os.pipe()
    loop.watch(ours, READABLE, lambda: loop.unwatch(ours))
    os.write(theirs, b"x")
    loop.follow_up(lambda: loop.follow_up(lambda: done.append("followed up")))
    assert turn(loop, done, 1) == ["followed up"]
    os.close(ours)
    os.close(theirs)


def test_whoever_wakes_does_what_is_urgent_before_it_reads() -> None:
    loop, done = Loop(), list[str]()
    ours, theirs = os.pipe()
    loop.watch(ours, READABLE, lambda: done.append("read") or loop.unwatch(ours))
    os.write(theirs, b"x")
    loop.call_at(0.0, lambda: done.append("timer"))
    loop.call_at(0.0, lambda: done.append("kill"), is_urgent=True)
    assert turn(loop, done, 3) == ["kill", "read", "timer"]
    os.close(ours)
    os.close(theirs)


def test_due_timers_do_not_keep_descriptors_waiting() -> None:
    """Renewals come by a descriptor, and save from the stop signals that are due next."""
    loop, done = Loop(), list[str]()
    ours, theirs = os.pipe()

    def slow() -> None:
        done.append("slow")
        loop.watch(ours, READABLE, lambda: done.append("read") or loop.unwatch(ours))
        time.sleep(0.03)  # more than the slice that timers have of a turn

    os.write(theirs, b"x")
    loop.call_at(0.0, slow)
    loop.call_at(0.0, lambda: done.append("timer"))
    assert turn(loop, done, 3) == ["slow", "read", "timer"]
    os.close(ours)
    os.close(theirs)


def test_a_cancelled_timer_of_either_kind_is_silent() -> None:
    loop, done = Loop(), list[str]()
    for is_urgent in (False, True):
        loop.call_at(0.0, lambda: done.append("never"), is_urgent=is_urgent).cancel()
    loop.call_at(steady_s() + 0.02, lambda: done.append("kept"), is_urgent=True)
    assert turn(loop, done, 1) == ["kept"]


def test_the_alarm_goes_off_at_its_instant_by_the_clock_that_sleep_does_not_stop() -> None:
    alarm = Alarm()
    alarm.set(steady_s() + 600)
    assert select.select([alarm.fd], [], [], 0) == ([], [], [])
    instant = steady_s() + 0.05
    alarm.set(instant)
    assert select.select([alarm.fd], [], [], 20)[0] == [alarm.fd]
    assert steady_s() >= instant
    alarm.clear()
    alarm.clear()
    assert select.select([alarm.fd], [], [], 0) == ([], [], [])
    os.close(alarm.fd)
