"""Periods in days become schedules that catch up."""

from datetime import timedelta

import pytest

from jobd.config.importers.crontab import anacron
from jobd.config.units import parse_duration


@pytest.mark.parametrize(
    ("period", "days"),
    [("1", 1), ("@monthly", 30), ("@Weekly", 7), ("0", None), ("@fortnight", None), ("9999", None)],
)
def test_a_period_is_a_number_of_days(period: str, days: int | None) -> None:
    assert anacron.days_of(period) == days


@pytest.mark.parametrize(
    ("days", "delay", "hour", "key", "value"),
    [
        (1, 5, None, "schedule", "35 7 * * *"),
        (7, 40, None, "schedule", "10 8 * * 0"),
        (30, 15, 3, "schedule", "15 3 1 * *"),
        (3, 5, None, "every", "3d"),
        (1, 1440, 23, "schedule", "0 23 * * *"),
    ],
)
def test_it_begins_when_anacron_would_have(
    days: int, delay: int, hour: int | None, key: str, value: str
) -> None:
    assert anacron.schedule_keys(days, delay, hour)[key] == value


@pytest.mark.parametrize("days", [1, 7, 30, 365, 3650])
def test_it_catches_up_for_a_period_as_far_as_jobd_does(days: int) -> None:
    window = anacron.schedule_keys(days, 0, None)["catchup_window"]
    assert parse_duration(str(window)) == min(timedelta(days=days), timedelta(days=366))


def test_a_period_without_a_place_in_the_calendar_says_that_its_hour_is_another() -> None:
    """Three days are no schedule: a job that anacron began at 3:05 may begin at noon."""
    assert "time of day" in anacron.note(3)
    assert "time of day" not in anacron.note(7)
