"""The replay: known households have known numbers, and the same each time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from jobd.core.claim import Trigger
from jobd.core.ledger import SkipReason
from jobd.core.outcome import Outcome
from jobd.core.run import RunRecord
from jobd.simulate.curve import Load
from jobd.simulate.expectation import Source
from jobd.simulate.simulation import Replay, Simulation
from jobd.simulate.tally import JobTally
from tests.simulate.conftest import MONDAY, Simulate

SECOND = timedelta(seconds=1)
HOUSEHOLD = """
[limits]
max_running = 2
memory_budget = "1G"
[defaults]
command = "x"
memory_max = "256M"
[jobs.quarterly]
schedule = "*/15 * * * *"
expected_duration = "1m"
[jobs.slow]
schedule = "*/5 * * * *"
expected_duration = "7m"
[jobs.by-hand]
[jobs.off]
schedule = "* * * * *"
enabled = false
"""


def of(simulation: Simulation, job: str) -> JobTally:
    return simulation.configured.tally.jobs[job]


def most_running(replay: Replay | None) -> int:
    assert replay is not None
    assert replay.tally.most_running is not None
    return replay.tally.most_running.load.running


def most_reserved(replay: Replay | None) -> int:
    assert replay is not None
    assert replay.tally.most_reserved is not None
    return replay.tally.most_reserved.load.reserved_bytes


def past_runs(job: str, *durations_s: float, peak: int | None = None) -> Sequence[RunRecord]:
    return [
        RunRecord(
            f"{number}", job, "n", 1, Trigger.SCHEDULE, MONDAY, MONDAY,
            outcome=Outcome.SUCCESS, duration_s=duration_s, memory_peak_bytes=peak,
        )
        for number, duration_s in enumerate(durations_s)
    ]  # fmt: skip


def facts(simulation: Simulation) -> list[object]:
    return [
        (replay.events, job.starts, job.skips, job.lateness_s.tolist(), job.busy)
        for replay in simulation.replays
        for job in replay.tally.jobs.values()
    ]


def test_a_household_whose_numbers_one_can_count(simulated: Simulate) -> None:
    """288 ticks of five minutes: a run of seven minutes meets every second one."""
    simulation = simulated(HOUSEHOLD)
    assert (of(simulation, "quarterly").starts, of(simulation, "quarterly").skipped) == (96, 0)
    assert of(simulation, "slow").starts == 144
    assert of(simulation, "slow").skips == {SkipReason.OVERLAP: 144}
    assert most_running(simulation.configured) == 2
    assert most_reserved(simulation.configured) == 512 << 20
    assert simulation.left_out == {"by-hand": "no schedule", "off": "disabled"}
    assert simulation.without_jitter is None


def test_every_tick_is_accounted_for(simulated: Simulate) -> None:
    """With places for one only: started, skipped, or still waiting when the replay ends."""
    simulation = simulated(HOUSEHOLD.replace("max_running = 2", "max_running = 1"), hours=7)
    until = MONDAY + timedelta(hours=7)
    for name, job in simulation.jobs.items():
        assert job.schedule is not None
        counts, waiting = of(simulation, name), simulation.configured.open_ticks[name]
        assert counts.starts + counts.skipped + waiting == job.schedule.count(
            MONDAY - SECOND, until - SECOND
        )
    assert most_running(simulation.configured) == 1
    assert max(of(simulation, "quarterly").lateness_s) > 0


def test_two_replays_of_the_same_past_agree(simulated: Simulate) -> None:
    text = HOUSEHOLD + '[jobs.spread]\nevery = "10m"\njitter = "5m"\n'
    past = {"spread": past_runs("spread", 5, 50, 500, 900)}
    assert facts(simulated(text, past)) == facts(simulated(text, past))


def test_jitter_makes_the_peak_lower(simulated: Simulate) -> None:
    jobs = "".join(
        f'[jobs.nightly-{n}]\nschedule = "0 2 * * *"\njitter = "1h"\n' for n in range(12)
    )
    simulation = simulated('[defaults]\ncommand = "x"\nexpected_duration = "1m"\n' + jobs)
    assert most_running(simulation.without_jitter) == 12
    assert most_running(simulation.configured) <= 3


def test_the_budget_is_never_passed(simulated: Simulate) -> None:
    """Ten jobs of 300M at one instant, and room for three of them."""
    jobs = "".join(f'[jobs.dump-{n}]\nschedule = "0 * * * *"\n' for n in range(10))
    simulation = simulated(
        '[limits]\nmemory_budget = "1G"\n[defaults]\ncommand = "x"\nmemory_max = "300M"\n'
        'expected_duration = "3m"\n' + jobs,
        hours=23.9,
    )
    curve = simulation.configured.tally.curve
    assert max(each.most_reserved_bytes for each in curve.slices) == 900 << 20
    assert most_reserved(simulation.configured) == 900 << 20
    # Three run at once, and three after three minutes; the others have waited for five.
    each_skips = [job.skips for job in simulation.configured.tally.jobs.values()]
    assert {reason for skips in each_skips for reason in skips} == {SkipReason.MEMORY_BUDGET}
    assert simulation.configured.skipped == 4 * 24


@pytest.mark.parametrize(
    ("day", "starts"),
    [
        (datetime(2026, 3, 28, 23, tzinfo=UTC), {"gap": 1, "hourly": 23, "skipping": 0}),
        (datetime(2026, 10, 24, 22, tzinfo=UTC), {"gap": 1, "hourly": 25, "skipping": 1}),
    ],
)
def test_a_day_on_which_the_clock_is_changed(
    simulated: Simulate, day: datetime, starts: dict[str, int]
) -> None:
    text = """
    [daemon]
    timezone = "Europe/Berlin"
    [defaults]
    command = "x"
    [jobs.gap]
    schedule = "30 2 * * *"
    [jobs.hourly]
    schedule = "10 * * * *"
    [jobs.skipping]
    schedule = "30 2 * * *"
    dst = { gap = "skip" }
    """
    hours = starts["hourly"]
    simulation = simulated(text, start=day, hours=hours)
    assert {name: of(simulation, name).starts for name in starts} == starts


def test_a_run_that_outlasts_its_timeout_ends_by_it(simulated: Simulate) -> None:
    simulation = simulated(
        '[jobs.a]\ncommand = "x"\nevery = "1h"\nexpected_duration = "30m"\ntimeout = "10m"\n'
    )
    counts = of(simulation, "a")
    assert counts.outcomes == {Outcome.TIMEOUT: 24}
    assert counts.busy == timedelta(minutes=10) * 24


def test_a_retry_is_no_start_but_takes_its_time(simulated: Simulate) -> None:
    simulation = simulated(
        '[jobs.a]\ncommand = "x"\nevery = "1h"\nexpected_duration = "30m"\ntimeout = "10m"\n'
        'retries = { max = 1, delay = "1m", jitter = 0.0 }\n'
    )
    counts = of(simulation, "a")
    assert (counts.starts, counts.outcomes) == (24, {Outcome.TIMEOUT: 24})
    assert counts.busy == timedelta(minutes=20) * 24


def test_what_replaces_a_run_starts_at_once(simulated: Simulate) -> None:
    simulation = simulated(
        '[jobs.a]\ncommand = "x"\nschedule = "*/10 * * * *"\nexpected_duration = "15m"\n'
        'overlap = "replace"\n',
        hours=1,
    )
    counts = of(simulation, "a")
    assert (counts.starts, counts.skipped, max(counts.lateness_s)) == (6, 0, 0)
    assert counts.outcomes[Outcome.CANCELED] == 5


def test_a_pool_is_kept(simulated: Simulate) -> None:
    jobs = "".join(f'[jobs.query-{n}]\nschedule = "0 * * * *"\n' for n in range(4))
    simulation = simulated(
        '[pools.database]\nsize = 1\n[defaults]\ncommand = "x"\npool = "database"\n'
        'expected_duration = "2m"\n' + jobs,
        hours=23.9,
    )
    assert most_running(simulation.configured) == 1
    assert sum(job.starts for job in simulation.configured.tally.jobs.values()) == 3 * 24
    assert simulation.configured.skipped == 24


def test_jobs_that_follow_their_own_ends_do_not_begin_as_a_herd(simulated: Simulate) -> None:
    jobs = "".join(f'[jobs.poll-{n}]\nafter = "1h"\n' for n in range(30))
    simulation = simulated('[defaults]\ncommand = "x"\nexpected_duration = "1s"\n' + jobs)
    assert most_running(simulation.configured) < 5
    assert all(job.starts == 24 or job.starts == 23 for job in
               simulation.configured.tally.jobs.values())  # fmt: skip


def test_too_much_is_shortened_and_says_so(simulated: Simulate) -> None:
    text = '[jobs.a]\ncommand = "x"\nschedule = "* * * * * *"\n'
    simulation = simulated(text, hours=30 * 24, most_attempts=600)
    assert simulation.is_shortened
    assert simulation.until - simulation.start == timedelta(minutes=10)
    assert of(simulation, "a").starts == 600


def test_what_follows_its_own_long_runs_is_not_shortened(simulated: Simulate) -> None:
    text = '[jobs.a]\ncommand = "x"\nafter = "1s"\nexpected_duration = "1h"\n'
    simulation = simulated(text, most_attempts=24)
    assert not simulation.is_shortened
    assert of(simulation, "a").starts == 24


def test_jobs_of_a_cluster_all_run_on_the_one_node(simulated: Simulate) -> None:
    simulation = simulated(
        '[store]\nurl = "postgresql://db/jobd"\n[defaults]\ncommand = "x"\nevery = "1h"\n'
        '[jobs.anywhere]\n[jobs.elsewhere]\nnodes = ["other"]\n'
        '[jobs.own]\nscope = "node"\nnodes = ["other"]\n'
    )
    assert simulation.configured.starts == 48
    assert simulation.left_out == {"own": "not on this node"}


def test_history_says_it_better_than_the_configuration(simulated: Simulate) -> None:
    text = '[jobs.a]\ncommand = "x"\nschedule = "*/10 * * * *"\nexpected_duration = "1m"\n'
    past = {"a": past_runs("a", 900, peak=100 << 20)}
    simulation = simulated(text, past)
    assert simulation.expectations["a"].duration_source is Source.HISTORY
    assert of(simulation, "a").skips[SkipReason.OVERLAP] == 72
    # What admission reserves on a peak of 100M: a fifth more, rounded up to one of few sizes.
    assert 120 << 20 <= most_reserved(simulation.configured) <= 135 << 20


def test_of_a_job_of_which_nothing_is_known_a_default_is_assumed(simulated: Simulate) -> None:
    simulation = simulated(
        '[defaults]\ncommand = "x"\n[jobs.rare]\nevery = "1h"\n[jobs.often]\nevery = "4s"\n',
        hours=1,
    )
    assert of(simulation, "rare").busy == timedelta(seconds=10)
    assert of(simulation, "often").skipped == 0  # the guess alone makes nothing overlap
    sources = {each.duration_source for each in simulation.expectations.values()}
    assert sources == {Source.ASSUMED}


def test_the_curve_shows_the_most_and_the_mean(simulated: Simulate) -> None:
    simulation = simulated(
        '[jobs.a]\ncommand = "x"\nmemory_max = "100M"\nschedule = "0 12 * * *"\n'
        'expected_duration = "12h"\n'
    )
    curve = simulation.configured.tally.curve
    morning, evening = curve.slices[:144], curve.slices[144:]
    assert {each.most_running for each in morning} == {0}
    assert {each.most_running for each in evening} == {1}
    assert sum(each.running_s for each in evening) == pytest.approx(12 * 3600)


def test_the_largest_crowd_comes_first(simulated: Simulate) -> None:
    simulation = simulated(HOUSEHOLD)
    first = simulation.configured.tally.crowds()[0]
    assert first.load == Load(running=2, reserved_bytes=512 << 20)
    assert set(first.jobs) == {"quarterly", "slow"}
