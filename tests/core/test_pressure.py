"""Pressure: what is over its limit holds until it is well below."""

import pytest

from jobd.core.pressure import EASED, Pressure, Strain


@pytest.fixture
def pressure() -> Pressure:
    pressure = Pressure()
    pressure.limit({Strain.MEMORY: 20.0, Strain.STORE: 1.0})
    return pressure


def test_up_to_the_limit_nothing_is_held(pressure: Pressure) -> None:
    pressure.measure({Strain.MEMORY: 20.0})
    assert not pressure.holding


def test_above_it_new_runs_are_held(pressure: Pressure) -> None:
    pressure.measure({Strain.MEMORY: 20.1})
    assert pressure.holding == {Strain.MEMORY}


def test_a_little_below_it_they_still_are(pressure: Pressure) -> None:
    for measured in (25.0, 20.0 * EASED + 0.1):
        pressure.measure({Strain.MEMORY: measured})
    assert pressure.holding == {Strain.MEMORY}


def test_well_below_it_they_are_not(pressure: Pressure) -> None:
    for measured in (25.0, 20.0 * EASED, 19.9):
        pressure.measure({Strain.MEMORY: measured})
    assert not pressure.holding


def test_what_has_no_limit_holds_nothing(pressure: Pressure) -> None:
    pressure.measure({Strain.CPU: 100.0})
    assert not pressure.holding


def test_what_cannot_be_measured_any_more_holds_nothing(pressure: Pressure) -> None:
    pressure.measure({Strain.MEMORY: 99.0})
    pressure.measure({})
    assert not pressure.holding


def test_a_limit_that_is_raised_lets_go(pressure: Pressure) -> None:
    pressure.measure({Strain.MEMORY: 25.0})
    pressure.limit({Strain.MEMORY: 90.0})
    assert not pressure.holding


def test_what_holds_is_said_in_words(pressure: Pressure) -> None:
    pressure.measure({Strain.MEMORY: 31.4, Strain.STORE: 1.25})
    words = "memory 31 % (limit 20 %), the store answers in 1.25 s (limit 1 s)"
    assert pressure.words() == words


def test_what_does_not_hold_is_shown_too(pressure: Pressure) -> None:
    pressure.measure({Strain.MEMORY: 3.0, Strain.CPU: 99.0})
    assert (pressure.words(), pressure.all_words()) == ("", "memory 3 % (limit 20 %)")


def test_a_fast_store_is_told_in_milliseconds(pressure: Pressure) -> None:
    pressure.measure({Strain.STORE: 0.0123})
    assert pressure.all_words() == "the store answers in 12 ms (limit 1 s)"
