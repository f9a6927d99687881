"""``--until``: what somebody types at night."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import click
import pytest

from jobd.cli.ctl.until import until

NOW = datetime(2026, 3, 28, 21, 30, tzinfo=UTC)  # 22:30 in Berlin


@pytest.fixture(autouse=True)
def _in_berlin() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("23:00", "2026-03-28T23:00:00+01:00"),
        ("22:30", "2026-03-29T22:30:00+02:00"),  # now is not ahead
        ("6:00", "2026-03-29T06:00:00+02:00"),  # tomorrow, and summer time has begun
        ("2026-03-29T06:00", "2026-03-29T06:00:00+02:00"),
    ],
)
def test_a_time_of_day_is_the_next_one(text: str, instant: str) -> None:
    assert until(text, NOW) == instant


@pytest.mark.parametrize("text", ["soon", "24:00", "2h", "18", "2026-13-01T00:00"])
def test_what_cannot_be_meant_is_refused_with_what_can(text: str) -> None:
    with pytest.raises(click.UsageError, match="write it as 18:00 or 2026-03-29T22:30"):
        until(text, NOW)
