"""What is told of a simulation."""

import pytest

from jobd.core.ledger import SkipReason
from jobd.simulate.expectation import Source
from jobd.simulate.figures import busiest, by_trouble, job_figures, skips_by_reason, sourced
from tests.simulate.conftest import Simulate

TEXT = """
[limits]
max_running = 1
[defaults]
command = "x"
[jobs.first]
schedule = "0 * * * *"
expected_duration = "3m"
priority = 1
[jobs.second]
schedule = "0 * * * *"
expected_duration = "90m"
start_deadline = "10m"
[jobs.guessed]
schedule = "30 2 * * *"
"""


def test_lateness_is_what_was_waited_for_room(simulated: Simulate) -> None:
    simulation = simulated(TEXT)
    figures = {each.job: each for each in job_figures(simulation, simulation.configured)}
    assert figures["first"].lateness.max_s == 0
    assert figures["second"].lateness.p50_s == 180


def test_half_of_the_starts_are_no_later_than_the_median(simulated: Simulate) -> None:
    """One of two has waited: half of them have not."""
    text = """
    [limits]
    max_running = 1
    [defaults]
    command = "x"
    [jobs.first]
    schedule = "0 2 * * *"
    expected_duration = "3m"
    priority = 1
    [jobs.second]
    schedule = "0 2,14 * * *"
    """
    simulation = simulated(text)
    second = job_figures(simulation, simulation.configured)[1]
    assert (second.starts, second.lateness.p50_s, second.lateness.max_s) == (2, 0, 180)


def test_skips_are_counted_by_reason(simulated: Simulate) -> None:
    """A run of ninety minutes meets its own next tick, and takes the only place at that hour."""
    simulation = simulated(TEXT, hours=23.9)
    assert skips_by_reason(simulation.configured) == {
        SkipReason.MAX_RUNNING: 13,
        SkipReason.OVERLAP: 12,
    }


def test_the_job_with_the_most_trouble_comes_first(simulated: Simulate) -> None:
    simulation = simulated(TEXT)
    first = by_trouble(job_figures(simulation, simulation.configured))[0]
    assert first.skipped == max(job.skipped for job in simulation.configured.tally.jobs.values())
    assert first.skipped > 0


def test_utilization_is_told_where_a_duration_is_known(simulated: Simulate) -> None:
    simulation = simulated(TEXT)
    figures = {each.job: each for each in job_figures(simulation, simulation.configured)}
    assert figures["first"].utilization == pytest.approx(0.05)
    assert figures["second"].utilization == pytest.approx(1.5)
    assert figures["guessed"].utilization is None


def test_a_run_that_outlasts_the_replay_is_told_all_the_same(simulated: Simulate) -> None:
    text = '[jobs.a]\ncommand = "x"\nschedule = "0 2 * * *"\nexpected_duration = "30h"\n'
    simulation = simulated(text)
    [told] = job_figures(simulation, simulation.configured)
    assert (told.starts, told.duration_s, told.utilization) == (1, 30 * 3600, 1.25)


def test_a_guess_is_told_as_one(simulated: Simulate) -> None:
    told = sourced(simulated(TEXT), "duration")
    assert told == {Source.DURATION: ["first", "second"], Source.ASSUMED: ["guessed"]}


def test_what_comes_every_night_is_one_busy_instant(simulated: Simulate) -> None:
    jobs = "".join(f'[jobs.night-{n}]\nschedule = "0 2 * * *"\n' for n in range(3))
    text = f'[defaults]\ncommand = "x"\n{jobs}[jobs.noon]\nschedule = "0 12 * * *"\n'
    night, noon = busiest(simulated(text, hours=7 * 24).configured, "UTC")
    assert (night.crowd.load.running, night.crowd.at.hour, night.days) == (3, 2, 7)
    assert (noon.crowd.load.running, noon.crowd.jobs, noon.days) == (1, ("noon",), 7)


def test_what_comes_every_hour_is_one_busy_instant_too(simulated: Simulate) -> None:
    simulation = simulated('[jobs.a]\ncommand = "x"\nschedule = "0 * * * *"\n', hours=48)
    assert len(busiest(simulation.configured, "UTC")) == 1
