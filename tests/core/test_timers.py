"""Timers: one valid entry per kind and key, popped in order."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from jobd.core.timers import TimerKind, Timers

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
TICK, RETRY = TimerKind.TICK_DUE, TimerKind.RETRY_DUE


def at(second: int) -> datetime:
    return NOON + timedelta(seconds=second)


def test_without_entries_nothing_lies_ahead() -> None:
    assert Timers().next() is None


def test_the_earliest_entry_comes_next() -> None:
    timers = Timers()
    timers.set(TICK, "late", at(9))
    timers.set(TICK, "early", at(3))
    assert timers.next() == at(3)


def test_what_is_due_comes_in_order() -> None:
    timers = Timers()
    for name, second in (("c", 3), ("a", 1), ("b", 2), ("d", 4)):
        timers.set(TICK, name, at(second))
    assert [key for _, key in timers.pop_due(at(3))] == ["a", "b", "c"]


def test_of_the_same_instant_the_one_set_first_comes_first() -> None:
    """A replay must decide in the same order."""
    timers = Timers()
    for name in "zay":
        timers.set(TICK, name, at(1))
    assert [key for _, key in timers.pop_due(at(1))] == ["z", "a", "y"]


def test_setting_an_entry_anew_voids_the_old_one() -> None:
    timers = Timers()
    timers.set(TICK, "a", at(1))
    timers.set(TICK, "a", at(5))
    assert list(timers.pop_due(at(4))) == []


def test_an_entry_set_anew_is_popped_once() -> None:
    timers = Timers()
    timers.set(TICK, "a", at(5))
    timers.set(TICK, "a", at(1))
    assert list(timers.pop_due(at(9))) == [(TICK, "a")]


def test_kinds_with_the_same_key_do_not_touch_each_other() -> None:
    timers = Timers()
    timers.set(TICK, "a", at(1))
    timers.set(RETRY, "a", at(1))
    timers.cancel(TICK, "a")
    assert list(timers.pop_due(at(1))) == [(RETRY, "a")]


def test_a_cancelled_entry_wakes_nobody() -> None:
    timers = Timers()
    timers.set(TICK, "a", at(1))
    timers.cancel(TICK, "a")
    assert timers.next() is None


def test_cancelling_what_was_never_set_does_no_harm() -> None:
    Timers().cancel(TICK, "a")


def test_what_is_set_while_popping_is_popped_too_if_due() -> None:
    timers = Timers()
    timers.set(TICK, "a", at(1))
    popped = []
    for _, key in timers.pop_due(at(5)):
        popped.append(key)
        if key == "a":
            timers.set(TICK, "b", at(2))
    assert popped == ["a", "b"]


def test_what_is_cancelled_while_popping_is_not_popped() -> None:
    timers = Timers()
    timers.set(TICK, "a", at(1))
    timers.set(TICK, "b", at(2))
    popped = []
    for _, key in timers.pop_due(at(5)):
        popped.append(key)
        timers.cancel(TICK, "b")
    assert popped == ["a"]


def test_setting_one_timer_anew_for_ever_does_not_grow_the_heap() -> None:
    """A reload sets every timer anew; a daemon lives for months."""
    timers = Timers()
    for second in range(10_000):
        timers.set(TICK, "a", at(second))
    assert len(timers._heap) < 100


operations = st.lists(
    st.tuples(st.sampled_from(["set", "cancel"]), st.sampled_from("abcdef"), st.integers(0, 20)),
    max_size=200,
)


@given(operations)
def test_timers_agree_with_a_dictionary(steps: list[tuple[str, str, int]]) -> None:
    timers, model = Timers(), dict[str, datetime]()
    for what, key, second in steps:
        if what == "set":
            timers.set(TICK, key, at(second))
            model[key] = at(second)
        else:
            timers.cancel(TICK, key)
            model.pop(key, None)
    assert timers.next() == min(model.values(), default=None)
    due = {key for key, when in model.items() if when <= at(10)}
    assert {key for _, key in timers.pop_due(at(10))} == due
