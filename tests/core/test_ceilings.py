"""Ceilings: how near jobs come to what they may take, and which to look at first."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.ceilings import Ceiling, CeilingKind, JobUsage, urgency, usage_of
from jobd.core.cycles import Point
from jobd.core.forecast import HORIZON, Prospect
from jobd.core.job import Command, Job, Limits, Overlap
from jobd.core.outcome import Outcome
from jobd.core.said import StepTime
from jobd.core.schedule import AfterSchedule
from jobd.core.trend import Trend, trend_of
from jobd.core.usage import TELLING, RunUse

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
INTERVAL = timedelta(seconds=1000)


def job_named(name: str = "backup", **facts: Any) -> Job:
    facts.setdefault("timeout", timedelta(seconds=2000))
    facts.setdefault("limits", Limits(memory_max_bytes=1000))
    return Job(name, Command(("true",)), **facts)


def runs(
    first_s: float, last_s: float, *, days: float = 30, peak: int | None = 100, **facts: Any
) -> list[RunUse]:
    """Return hourly runs that took evenly more, or less, until now."""
    count = int(days * DAY / HOUR)
    outcome = facts.get("outcome", Outcome.SUCCESS)
    return [
        RunUse(NOW - (count - n) * HOUR, outcome, first_s + (last_s - first_s) * n / count, peak)
        for n in range(count + 1)
    ]


def usage(uses: list[RunUse], name: str = "backup", **facts: Any) -> JobUsage:
    return usage_of(job_named(name, **facts), INTERVAL, uses, NOW)


def ceiling(found: JobUsage, kind: CeilingKind) -> Ceiling:
    return next(one for one in found.ceilings if one.kind is kind)


def test_a_timeout_is_for_an_attempt_and_the_interval_for_all_of_a_run() -> None:
    retried = [replace(use, earlier_s=600.0) for use in runs(500.0, 500.0)]
    found = usage(retried)
    interval, timeout = ceiling(found, CeilingKind.INTERVAL), ceiling(found, CeilingKind.TIMEOUT)
    assert (interval.lately, timeout.lately) == (1.1, 0.25)
    assert (interval.hits, timeout.hits) == (interval.recent, 0)


def test_a_run_whose_attempt_met_a_limit_has_met_it() -> None:
    """By its outcome a job looks well that is killed each time and succeeds at the next attempt."""
    retried = (Outcome.OOM, Outcome.TIMEOUT)
    found = usage([replace(use, retried=retried) for use in runs(500.0, 500.0)])
    for kind in (CeilingKind.TIMEOUT, CeilingKind.MEMORY):
        assert ceiling(found, kind).hits == ceiling(found, kind).recent
        assert ceiling(found, kind).needs_a_look
    assert ceiling(found, CeilingKind.MEMORY).forecast.prospect is Prospect.OVER


def test_use_is_told_of_each_limit() -> None:
    found = usage(runs(500.0, 500.0))
    assert {one.kind.value: one.lately for one in found.ceilings} == {
        "interval": 0.5,
        "timeout": 0.25,
        "memory_max": 0.1,
    }


def test_a_limit_that_a_job_does_not_have_is_not_told_of() -> None:
    found = usage_of(job_named(timeout=None, limits=Limits()), None, runs(1.0, 1.0), NOW)
    assert (found.ceilings, found.runs) == ((), 721)


@pytest.mark.parametrize(
    "facts",
    [{"schedule": AfterSchedule(timedelta(minutes=15))}, {"overlap": Overlap.ALLOW}],
)
def test_a_job_that_no_longer_run_can_make_skip_has_no_interval_to_outgrow(
    facts: dict[str, Any],
) -> None:
    """It waits that long after each run, however long that took; or its runs may overlap."""
    found = usage(runs(2500.0, 2500.0), **facts)
    assert CeilingKind.INTERVAL not in {one.kind for one in found.ceilings}


def test_a_job_that_has_not_run_has_limits_and_no_use() -> None:
    found = usage([])
    assert [(one.lately, one.forecast.prospect) for one in found.ceilings] == [
        (None, Prospect.UNKNOWN)
    ] * 3


def test_growth_is_foretold_of_each_limit_by_itself() -> None:
    found = usage(runs(300.0, 900.0))
    when = {one.kind: one.forecast.at for one in found.ceilings}
    assert when[CeilingKind.INTERVAL] is not None
    assert (when[CeilingKind.INTERVAL] - NOW) / DAY == pytest.approx(5, abs=0.1)
    assert when[CeilingKind.TIMEOUT] is not None
    assert (when[CeilingKind.TIMEOUT] - NOW) / DAY == pytest.approx(55, abs=0.1)
    assert when[CeilingKind.MEMORY] is None


def test_memory_at_its_ceiling_is_not_over_unless_runs_are_killed_there() -> None:
    """A kernel lets what was read from files fill the cgroup, and takes it back."""
    filled = ceiling(usage(runs(1.0, 1.0, peak=1000)), CeilingKind.MEMORY)
    assert (filled.forecast.prospect, filled.needs_a_look) == (Prospect.STEADY, False)
    killed = ceiling(usage(runs(1.0, 1.0, peak=990, outcome=Outcome.OOM)), CeilingKind.MEMORY)
    assert (killed.forecast.prospect, killed.needs_a_look) == (Prospect.OVER, True)
    assert killed.hits == killed.recent == 240


@pytest.mark.parametrize(("slow", "needs"), [(30, False), (60, True)])
def test_more_than_one_run_in_twenty_over_its_limit_needs_a_look(slow: int, needs: bool) -> None:
    uses = runs(500.0, 500.0)
    every = len(uses) // slow
    uses[::every] = [
        RunUse(use.ended_at, use.outcome, 1500.0, use.memory_peak_bytes) for use in uses[::every]
    ]
    found = ceiling(usage(uses), CeilingKind.INTERVAL)
    assert (found.forecast.prospect, found.needs_a_look) == (Prospect.STEADY, needs)


def test_what_was_mended_needs_no_look() -> None:
    slow, quick = runs(1500.0, 1500.0, days=60), runs(500.0, 500.0)
    found = ceiling(usage([*slow[: -len(quick)], *quick]), CeilingKind.INTERVAL)
    assert (found.hits, found.needs_a_look) == (0, False)


def test_runs_that_a_timeout_ended_are_counted() -> None:
    found = ceiling(usage(runs(2000.0, 2000.0, outcome=Outcome.TIMEOUT)), CeilingKind.TIMEOUT)
    assert (found.hits, found.forecast.prospect) == (240, Prospect.OVER)


def _most_urgent_first(usages: list[JobUsage]) -> list[JobUsage]:
    return sorted(usages, key=lambda usage: urgency(usage, NOW))


def test_the_most_urgent_job_is_first() -> None:
    """What is too much, what will be within a week, what is near, what grows, the rest by use."""
    usages = [
        usage([], "new"),
        usage_of(job_named("unlimited", timeout=None, limits=Limits()), None, runs(1, 1), NOW),
        usage(runs(100.0, 100.0), "idle"),
        usage(runs(500.0, 500.0), "half"),
        usage(runs(400.0, 650.0), "later"),
        usage(runs(850.0, 850.0), "near"),
        usage(runs(300.0, 900.0), "within-a-week"),
        usage(runs(200.0, 960.0), "within-days"),
        usage(runs(1100.0, 1100.0), "over"),
    ]
    order = [found.job for found in _most_urgent_first(usages)]
    assert order == [found.job for found in reversed(usages)]


def test_a_job_that_is_always_killed_is_urgent_whether_its_peak_is_known_or_not() -> None:
    killed = usage(runs(1500.0, 1500.0, peak=None, outcome=Outcome.OOM), "killed")
    near = usage(runs(850.0, 850.0), "near")
    assert [found.job for found in _most_urgent_first([near, killed])] == ["killed", "near"]


def test_a_guess_is_not_urgent() -> None:
    """Half a day of growth may be the morning."""
    guess = usage(runs(300.0, 700.0, days=1), "guess")
    assert guess.ceilings[0].forecast.at is not None
    near = usage(runs(850.0, 850.0), "near")
    assert [found.job for found in _most_urgent_first([guess, near])] == ["near", "guess"]


any_use = st.builds(
    RunUse,
    st.integers(0, 2000).map(lambda hours: NOW - hours * HOUR),
    st.sampled_from(TELLING),
    st.floats(0.0, 1e7),
    st.none() | st.integers(0, 1 << 50),
)


@given(st.lists(any_use, max_size=80))
def test_of_any_history_what_is_foretold_is_in_order(uses: list[RunUse]) -> None:
    """Now at the soonest, within its range, and no further than the horizon."""
    found = usage(uses)
    assert urgency(found, NOW)
    for one in found.ceilings:
        ahead = one.forecast
        assert (ahead.at is not None) == (ahead.prospect is Prospect.REACHES)
        if ahead.at is not None and ahead.earliest is not None and one.measured is not None:
            assert NOW <= ahead.earliest <= ahead.at <= (ahead.latest or ahead.at)
            assert ahead.at <= NOW + HORIZON * one.measured.span


@given(st.integers(10, 80), st.floats(0.0, 10.0), st.floats(0.1, 30.0))
def test_any_growth_is_foretold_in_order(count: int, noise: float, rise: float) -> None:
    uses = [
        RunUse(
            NOW - (count - n) * HOUR,
            Outcome.SUCCESS,
            100.0 + rise * n + noise * (n * 7 % 5 - 2),
            None,
        )
        for n in range(count)
    ]
    ahead = ceiling(usage(uses), CeilingKind.TIMEOUT).forecast
    if ahead.at is not None and ahead.earliest is not None:
        assert NOW <= ahead.earliest <= ahead.at <= (ahead.latest or ahead.at)


# -- steps -----------------------------------------------------------------------------


def with_steps(uses: list[RunUse], **shares: tuple[float, float]) -> list[RunUse]:
    """Return the runs with steps that took from one share of them to another, evenly."""
    last = len(uses) - 1
    return [
        replace(
            use,
            steps=tuple(
                StepTime(step, use.duration_s * (first + (end - first) * n / last))
                for step, (first, end) in shares.items()
            ),
        )
        for n, use in enumerate(uses)
    ]


def test_the_step_that_grew_most_is_named() -> None:
    """Of 200 s more, the mails take 190: they took 200 of 400, and take 390 of 600."""
    uses = with_steps(runs(400.0, 600.0), mails=(0.5, 0.65), prune=(0.5, 0.35))
    grown = usage(uses).grown
    assert grown is not None
    assert (grown.step, round(grown.by_s, -1)) == ("mails", 190)
    assert 0.9 < grown.share <= 1


def test_of_many_steps_a_few_are_looked_at_closely(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty trends would keep a daemon from its claims for a quarter of a second."""
    looked = list[object]()

    def counted(points: Sequence[Point]) -> Trend | None:
        looked.append(points)
        return trend_of(points)

    monkeypatch.setattr("jobd.core.usage.trend_of", counted)
    others = {f"step-{n}": (0.01, 0.008) for n in range(49)}
    found = usage(with_steps(runs(400.0, 600.0), mails=(0.51, 0.608), **others))
    assert found.grown is not None
    assert found.grown.step == "mails"
    assert len(looked) <= 5  # time and memory of the whole run, and three steps


def test_where_nothing_grows_no_step_is_named() -> None:
    uses = with_steps(runs(500.0, 500.0), mails=(0.2, 0.8), prune=(0.8, 0.2))
    assert usage(uses).grown is None


def test_where_no_steps_are_known_none_is_named() -> None:
    assert usage(runs(400.0, 600.0)).grown is None


def test_a_step_that_shrinks_while_the_run_grows_has_no_part_in_it() -> None:
    uses = with_steps(runs(400.0, 600.0), prune=(0.5, 0.1))
    assert usage(uses).grown is None
