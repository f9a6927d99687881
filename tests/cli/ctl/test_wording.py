from datetime import timedelta

import pytest

from jobd.cli.ctl.wording import distance, duration, roughly, size


@pytest.mark.parametrize(
    ("span_s", "words"),
    [(0.4, "now"), (240, "in 4m"), (-150, "2m ago"), (-5, "5s ago"), (7500, "in 2h 5m")],
)
def test_a_distance_is_in_the_largest_units(span_s: float, words: str) -> None:
    assert distance(timedelta(seconds=span_s)) == words


@pytest.mark.parametrize(("total_s", "words"), [(0, "0s"), (59, "59s"), (90061, "1d 1h")])
def test_a_rough_duration_has_two_units_from_an_hour_on(total_s: float, words: str) -> None:
    assert roughly(total_s) == words


@pytest.mark.parametrize(
    ("total_s", "words"),
    [
        (None, "-"),
        (0, "0s"),
        (0.0004, "<1ms"),
        (0.12, "120ms"),
        (3.2, "3.2s"),
        (10, "10s"),
        (245, "4m 5s"),
        (86400, "1d"),
    ],
)
def test_a_duration_is_exact_where_it_matters(total_s: float | None, words: str) -> None:
    assert duration(total_s) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(None, "-"), (0, "0"), (1023, "1023"), (1536, "1.5K"), (512 << 20, "512M"), (5 << 40, "5T")],
)
def test_a_size_is_written_as_the_configuration_does(count: int | None, words: str) -> None:
    assert size(count) == words
