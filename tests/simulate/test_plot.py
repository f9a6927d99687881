"""The plot: well-formed, to scale, and as much to be read in the dark."""

from xml.etree import ElementTree

import pytest

from jobd.simulate.plot import plot
from tests.simulate.conftest import Simulate

SVG = "{http://www.w3.org/2000/svg}"
CROWD = '[limits]\nmax_running = 4\nmemory_budget = "1G"\n[defaults]\ncommand = "x"\n' + "".join(
    f'[jobs.job-{n}]\nschedule = "0 2 * * *"\nexpected_duration = "1h"\nmemory_max = "200M"\n'
    for n in range(6)
)


def drawn(svg: str, tag: str, kind: str) -> list[ElementTree.Element]:
    return [
        each
        for each in ElementTree.fromstring(svg).iter(f"{SVG}{tag}")
        if kind in each.get("class", "").split()
    ]


def words(svg: str) -> list[str]:
    return [each.text or "" for each in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_it_says_what_it_shows(simulated: Simulate) -> None:
    said = words(plot(simulated(CROWD)))
    assert "6 jobs over 1d, from Mon 2026-06-01 00:00 UTC" in said
    assert "4 ticks started, 2 skipped: 2 max_running" in said
    assert {"Runs at once", "Memory reserved", "Waiting for room", "Ticks skipped"} <= set(said)
    assert {"max_running 4", "memory_budget 1G", "06:00", "4", "512M"} <= set(said)


def test_the_skips_are_marked_where_they_happen(simulated: Simulate) -> None:
    [bar] = drawn(plot(simulated(CROWD)), "rect", "skip")
    # Two ticks have waited for five minutes, from two o'clock on.
    place = (float(bar.attrib["x"]) - 64) / (960 - 64 - 40)
    assert place * 24 == pytest.approx(2 + 5 / 60, abs=0.06)


def test_a_line_without_jitter_is_there_only_if_there_is_jitter(simulated: Simulate) -> None:
    assert drawn(plot(simulated(CROWD)), "path", "still") == []
    spread = plot(simulated(CROWD.replace('"x"', '"x"\njitter = "1h"')))
    assert len(drawn(spread, "path", "still")) == 3


def test_a_limit_far_away_is_told_and_does_not_flatten_the_rest(simulated: Simulate) -> None:
    svg = plot(simulated(CROWD.replace("max_running = 4", "max_running = 400")))
    assert "max_running 400, far above" in words(svg)


def test_it_has_colours_for_the_dark(simulated: Simulate) -> None:
    assert "prefers-color-scheme: dark" in plot(simulated(CROWD))


def test_nothing_at_all_can_be_drawn(simulated: Simulate) -> None:
    said = words(plot(simulated('[jobs.a]\ncommand = "x"\n')))
    assert {"0 ticks started, 0 skipped", "Ticks skipped: never"} <= set(said)
