"""A run names its steps; how many names, and how long they are, is not for it to say."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jobd.supervisor.steps import MOST_STEPS, OTHER, Steps, clean


def steps_of(*begun: tuple[str, float], until: float) -> dict[Any, Any]:
    """Return the seconds of each step of a run that begins these and ends."""
    steps = Steps()
    for name, at in begun:
        steps.begin(name, at)
    steps.end(until)
    return dict(map(tuple, steps.totals()))


def test_a_step_ends_where_the_next_begins_or_the_run_ends() -> None:
    assert steps_of(("load", 1.0), ("send", 4.0), until=9.0) == {"load": 3.0, "send": 5.0}


def test_an_empty_name_ends_a_step_and_begins_none() -> None:
    assert steps_of(("load", 1.0), (" ", 3.0), ("send", 8.0), until=9.0) == {
        "load": 2.0, "send": 1.0,
    }  # fmt: skip


def test_a_step_that_comes_again_goes_on_being_counted() -> None:
    assert steps_of(("a", 0.0), ("b", 1.0), ("a", 3.0), until=7.0) == {"a": 5.0, "b": 2.0}


def test_there_are_so_many_names_and_one_for_the_rest() -> None:
    begun = [(f"step-{number}", float(number)) for number in range(2 * MOST_STEPS)]
    totals = steps_of(*begun, ("step-0", 2.0 * MOST_STEPS), until=2.0 * MOST_STEPS + 5)
    assert len(totals) == MOST_STEPS + 1
    assert totals[OTHER] == float(MOST_STEPS)
    assert totals["step-0"] == 1.0 + 5.0, "a name that is known stays its own"


def test_what_the_job_says_that_a_step_took_counts() -> None:
    """Its output may reach us long after it was written."""
    steps = Steps()
    steps.begin("a", 10.0)
    steps.end(10.0, took_s=3.5)
    assert steps.totals() == [["a", 3.5]]


def test_instants_that_are_told_late_take_no_time_back() -> None:
    assert steps_of(("a", 10.0), ("b", 7.0), until=12.0) == {"a": 0.0, "b": 2.0}


@given(st.text())
def test_a_name_is_fit_for_a_label_whatever_it_was(name: str) -> None:
    made = clean(name)
    assert len(made) <= 100
    assert not set(made) - set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/-"
    )
