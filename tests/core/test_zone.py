"""Stretches of constant offset are what the time zone database says."""

from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobd.core.zone import EPOCH, Zone
from jobd.errors import ScheduleError

ZONES = sorted(available_timezones() - {"localtime"})


def seconds(instant: datetime) -> int:
    return int((instant - EPOCH).total_seconds())


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(ZONES), st.integers(seconds(datetime(1970, 1, 3, tzinfo=UTC)), 2**32))
def test_the_stretch_of_an_instant_has_its_offset(zone: str, second: int) -> None:
    stretch = next(Zone.of(zone).stretches(second))
    assert stretch.start <= second < stretch.end
    local = datetime.fromtimestamp(second, ZoneInfo(zone))
    assert timedelta(seconds=stretch.offset) == local.utcoffset()


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(ZONES), st.integers(1970, 2060))
def test_stretches_follow_one_another_without_a_hole(zone: str, year: int) -> None:
    first = seconds(datetime(year, 1, 3, tzinfo=UTC))
    stretches = list(
        takewhile(lambda s: s.start < first + 3 * 366 * 86_400, Zone.of(zone).stretches(first))
    )
    assert [s.end for s in stretches[:-1]] == [s.start for s in stretches[1:]]


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(ZONES), st.integers(0, 2**32))
def test_backwards_they_are_the_same(zone: str, second: int) -> None:
    found = Zone.of(zone)
    back = list(takewhile(lambda s: s.end > second - 10**8, found.stretches_back(second)))
    assert back[0] == next(found.stretches(second))
    oldest = back[-1].start
    forth = takewhile(lambda s: s.start <= second, found.stretches(oldest))
    assert list(forth) == back[::-1]


def test_a_gap_and_a_fold_are_told_by_what_was_seen() -> None:
    year = Zone.of("Europe/Berlin").stretches(seconds(datetime(2026, 1, 1, tzinfo=UTC)))
    winter, summer, autumn = (next(year) for _ in range(3))
    assert winter.seen == winter.start + winter.offset
    assert summer.seen == summer.start + summer.offset - 3600
    assert autumn.seen == autumn.start + autumn.offset + 3600


def test_a_fold_of_nearly_a_day_is_one() -> None:
    """Kwajalein's clock went back by 23 hours as the date line moved."""
    change = seconds(datetime(1969, 9, 30, 13, tzinfo=UTC))
    stretch = next(Zone.of("Pacific/Kwajalein").stretches(change))
    assert stretch.seen - (change + stretch.offset) == 23 * 3600


@pytest.mark.parametrize(
    ("given_name", "nearest"),
    [
        ("berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("Europe/Berlni", "Europe/Berlin"),
        ("New York", "America/New_York"),
    ],
)
def test_an_unknown_zone_is_refused_with_the_nearest_known_one(
    given_name: str, nearest: str
) -> None:
    with pytest.raises(ScheduleError, match=f'is no time zone; write "{nearest}"'):
        Zone.of(given_name)


@pytest.mark.parametrize("name", ["", "Europe", "../etc/passwd", "/etc/passwd", "a\0b", "x" * 5000])
def test_a_name_that_is_no_zone_is_refused_whatever_it_is(name: str) -> None:
    with pytest.raises(ScheduleError, match="is no time zone"):
        Zone.of(name)


@settings(max_examples=50, deadline=None)
@given(st.text())
def test_no_name_raises_anything_else(name: str) -> None:
    try:
        Zone.of(name)
    except ScheduleError as error:
        assert "write" in str(error)  # noqa: PT017 - both ways of ending are fine
