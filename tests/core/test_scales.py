"""Scales: where the marks of a plot's axes stand, and what is written at them."""

from datetime import UTC, datetime, timedelta

import pytest

from jobd.core.scales import count_marks, duration_marks, size_marks, time_marks

MONDAY = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "label", "count"),
    [(0.1, "00:05", 7), (24, "21:00", 9), (168, "Sun 06-07", 8), (8760, "Sat 10-31", 13)],
)
def test_time_is_marked_at_round_instants(hours: float, label: str, count: int) -> None:
    marks = time_marks(MONDAY, MONDAY + timedelta(hours=hours), "UTC")
    assert label in [mark.label for mark in marks]
    assert len(marks) == count
    assert all(0 <= mark.place <= 1 for mark in marks)


def test_midnight_is_the_zone_s_also_where_the_clock_is_changed() -> None:
    start = datetime(2026, 3, 28, tzinfo=UTC)
    marks = time_marks(start, start + timedelta(days=8), "Europe/Berlin")
    hours = [mark.place * 8 * 24 for mark in marks]
    assert [round(hour % 24, 6) for hour in hours] == [23, *[22] * 7]
    assert marks[0].label == "Sun 03-29"


def test_axes_are_marked_with_numbers_that_people_like() -> None:
    assert [mark.label for mark in count_marks(17.6)] == ["0", "5", "10", "15"]
    assert [mark.label for mark in size_marks(3 << 30)] == ["0", "1G", "2G", "3G"]
    assert count_marks(17.6)[1].place == pytest.approx(5 / 17.6)


@pytest.mark.parametrize(
    ("most_s", "labels"),
    [
        (0.25, ["0", "50ms", "100ms", "150ms", "200ms", "250ms"]),
        (42, ["0", "10s", "20s", "30s", "40s"]),
        (400, ["0", "2m", "4m", "6m"]),
        (3 * 3600, ["0", "1h", "2h", "3h"]),
        (100 * 86400, ["0", "20d", "40d", "60d", "80d", "100d"]),
    ],
)
def test_durations_are_marked_as_people_count_them(most_s: float, labels: list[str]) -> None:
    marks = duration_marks(most_s)
    assert [mark.label for mark in marks] == labels
    assert all(0 <= mark.place <= 1 for mark in marks)


def test_a_narrow_plot_has_fewer_marks() -> None:
    assert len(time_marks(MONDAY, MONDAY + timedelta(days=1), "UTC", most=4)) <= 5
