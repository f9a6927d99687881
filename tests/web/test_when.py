from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.web.problem import Problem
from jobd.web.when import parse_when
from jobd.web.words import in_words, stamp

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 23, 10, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start", "width_s"),
    [
        ("10:15", "2026-11-23T09:15:00Z", 60),
        ("10:15:30", "2026-11-23T09:15:30Z", 1),
        ("2026-11-23T10:15", "2026-11-23T09:15:00Z", 60),
        ("2026-11-23 10:15:30.5", "2026-11-23T09:15:30Z", 1),
        ("2026-11-23T10:15Z", "2026-11-23T10:15:00Z", 60),
        ("2026-11-23T10:15:00+05:30", "2026-11-23T04:45:00Z", 1),
        ("2026-11-23T10:15 01:00", "2026-11-23T09:15:00Z", 60),  # "+" as a URL has it
        ("2026-10-25T02:30", "2026-10-25T00:30:00Z", 60),  # comes twice: the first
    ],
)
def test_a_time_without_a_zone_is_the_job_s_own(text: str, start: str, width_s: int) -> None:
    when = parse_when(text, BERLIN, NOW)
    begin = datetime.fromisoformat(start)
    assert (when.start, when.end) == (begin, begin + timedelta(seconds=width_s))


@pytest.mark.parametrize("text", ["", "yesterday", "25:00", "2026-11-23", "2026-13-01T10:15"])
def test_what_is_no_time_says_how_to_write_one(text: str) -> None:
    with pytest.raises(Problem, match="write 2026-11-23T10:15"):
        parse_when(text, BERLIN, NOW)


@pytest.mark.parametrize("text", ["0001-01-01T00:00", "9999-12-31T23:59:59", "2050-01-01T00:00"])
def test_a_time_that_no_schedule_is_searched_for_is_refused(text: str) -> None:
    with pytest.raises(Problem):
        parse_when(text, BERLIN, NOW)


@given(st.text() | st.datetimes().map(str) | st.from_regex(r"[0-9T:+Z -]{1,30}"))
def test_no_text_is_more_than_a_bad_request(text: str) -> None:
    try:
        when = parse_when(text, BERLIN, NOW)
    except Problem:
        return
    assert when.start < when.end


@pytest.mark.parametrize(
    ("total_s", "words"),
    [
        (0.0004, "< 1 ms"),
        (0.12, "120 ms"),
        (3, "3 s"),
        (245, "4 min 5 s"),
        (7500, "2 h 5 min"),
        (86400, "1 d"),
        (-3, "-3 s"),
    ],
)
def test_a_duration_has_two_units_at_most(total_s: float, words: str) -> None:
    assert in_words(total_s) == words


def test_an_hour_that_comes_twice_is_told_apart_by_its_zone() -> None:
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    shown = [stamp(first + timedelta(hours=hours), BERLIN) for hours in (0, 1, 2)]
    assert shown == [
        "2026-10-25 02:30:00 CEST",
        "2026-10-25 02:30:00 CET",
        "2026-10-25 03:30:00",
    ]
