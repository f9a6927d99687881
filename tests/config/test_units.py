"""Durations and sizes as people write them."""

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobd.config.problem import Unfit
from jobd.config.units import format_duration, format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("1h30m", 5400), ("2d", 172800), ("0s", 0), ("1.5h", 5400)],
)
def test_a_duration_is_numbers_with_units(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("5 min", 'write "5m"'),
        ("90", 'write "90s", if seconds are meant'),
        ("30m1h", 'write "1h30m"'),
        ("1 hour 30 minutes", 'write "1h30m"'),
        ("1w", 'write "7d"'),
        ("", 'write it like "90s", "15m", "1h30m" or "2d"'),
        ("soon", 'write it like "90s", "15m", "1h30m" or "2d"'),
        ("-5s", 'write it like "90s", "15m", "1h30m" or "2d"'),
        ("4000d", 'write at most "3650d"'),
    ],
)
def test_what_is_no_duration_is_answered_with_one(text: str, mend: str) -> None:
    with pytest.raises(Unfit) as caught:
        parse_duration(text)
    assert caught.value.mend == mend


@pytest.mark.parametrize(
    ("text", "size"),
    [("512M", 512 << 20), ("2G", 2 << 30), ("1.5G", 1536 << 20), ("4096", 4096), ("1T", 1 << 40)],
)
def test_a_size_is_in_powers_of_1024(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("512MB", 'write "512M"'),
        ("512 mb", 'write "512M"'),
        ("1.5 GiB", 'write "1536M"'),
        ("much", 'write it like "512M" or "2G"'),
        ("-1M", 'write it like "512M" or "2G"'),
    ],
)
def test_what_is_no_size_is_answered_with_one(text: str, mend: str) -> None:
    with pytest.raises(Unfit) as caught:
        parse_size(text)
    assert caught.value.mend == mend


@settings(deadline=None)
@given(st.integers(0, 3650 * 86400))
def test_whole_seconds_come_back_as_they_were(seconds: int) -> None:
    duration = timedelta(seconds=seconds)
    assert parse_duration(format_duration(duration)) == duration


@settings(deadline=None)
@given(st.integers(0, 9999), st.sampled_from(["", "K", "M", "G", "T"]))
def test_sizes_that_people_write_come_back_as_they_were(number: int, unit: str) -> None:
    size = parse_size(f"{number}{unit}")
    assert parse_size(format_size(size)) == size


@settings(deadline=None)
@given(st.integers(0, 1 << 50))
def test_any_size_is_shown_within_five_percent(size: int) -> None:
    assert abs(parse_size(format_size(size)) - size) <= size * 0.05


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.42, "0.42s"), (59.7, "1m"), (90061, "1d1h1m1s"), (-90, "-1m30s")]
)
def test_measured_durations_are_rounded_for_reading(seconds: float, text: str) -> None:
    assert format_duration(timedelta(seconds=seconds)) == text


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_text_brings_anything_but_unfit(text: str) -> None:
    for parse in (parse_duration, parse_size):
        with suppress(Unfit):
            parse(text)
