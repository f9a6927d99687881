"""Outlook: herds, overlaps and clock changes of the coming time."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from jobd.config.model import Config
from jobd.config.outlook import outlook

Load = Callable[[str], Config]

NOW = datetime(2026, 3, 20, 12, 30, tzinfo=UTC)


def words(config: Config) -> list[str]:
    return [warning.words for warning in outlook(config, NOW)]


def jobs(number: int, keys: str, prefix: str = "j") -> str:
    return "".join(f'[jobs.{prefix}{n}]\ncommand = "x"\n{keys}\n' for n in range(number))


def test_a_timeout_longer_than_the_interval_is_told(loaded: Load) -> None:
    (said,) = words(loaded(jobs(1, 'every = "5m"\ntimeout = "10m"')))
    assert said.startswith("jobs.j0.timeout: is longer than the interval")


@pytest.mark.parametrize(
    "keys",
    [
        'every = "5m"\ntimeout = "5m"',
        'after = "5m"\ntimeout = "10m"',
        'every = "5m"\ntimeout = "10m"\noverlap = "queue"',
        'every = "5m"\ntimeout = "10m"\nenabled = false',
    ],
)
def test_a_timeout_that_costs_no_tick_is_not_told(loaded: Load, keys: str) -> None:
    assert words(loaded(jobs(1, keys))) == []


def test_more_jobs_on_one_instant_than_may_run_are_told(loaded: Load) -> None:
    config = loaded(
        "[limits]\nmax_running = 3\n"
        + jobs(2, 'schedule = "0 4 * * *"')
        + jobs(2, 'schedule = "*/30 * * * *"', prefix="k")
    )
    (said,) = words(config)
    assert said == (
        "limits.max_running: 4 jobs are due at one instant, first on 2026-03-21 at 04:00:00 UTC,"
        " and max_running is 3: j0, j1, k0 and 1 more;"
        ' write H in place of a minute in their schedules, or jitter = "5m"'
    )


@pytest.mark.parametrize(
    "keys",
    ['schedule = "0 4 * * *"\njitter = "5m"', 'schedule = "H H * * *"', 'after = "5m"', ""],
)
def test_jobs_that_are_spread_are_no_herd(loaded: Load, keys: str) -> None:
    assert words(loaded("[limits]\nmax_running = 3\n" + jobs(8, keys))) == []


def test_a_herd_among_many_frequent_schedules_is_found(loaded: Load) -> None:
    """The search is bounded; what it looks at must still be what matters."""
    config = loaded(
        jobs(20, 'schedule = "0 4 * * *"')
        + "".join(
            f'[jobs.f{n}]\ncommand = "x"\nschedule = "{n % 60} * * * * *"\n' for n in range(300)
        )
    )
    (said,) = words(config)
    assert said.startswith("limits.max_running: 25 jobs are due at one instant")
    assert "2026-03-21 at 04:00:00 UTC" in said


@pytest.mark.parametrize(
    ("schedule", "date"),
    [
        ("30 2 * * *", "02:30 does not exist on 2026-03-29"),
        ("30 2 * * 1-6", ""),
        ("30 2 25 10 *", "02:30 comes twice on 2026-10-25"),
        ("30 4 * * *", ""),
        ("*/30 * * * *", ""),
    ],
)
def test_a_fixed_hour_that_a_clock_change_touches_is_told_with_its_date(
    loaded: Load, schedule: str, date: str
) -> None:
    said = words(loaded(jobs(1, f'schedule = "{schedule}"\ntimezone = "Europe/Berlin"')))
    assert len(said) == (1 if date else 0)
    assert date in "".join(said)


def test_who_has_written_dst_has_decided(loaded: Load) -> None:
    keys = 'schedule = "30 2 * * *"\ntimezone = "Europe/Berlin"\ndst = { gap = "shift" }'
    assert words(loaded(jobs(1, keys))) == []


def test_many_jobs_in_such_an_hour_make_one_line(loaded: Load) -> None:
    keys = 'schedule = "H 2 * * *"\ntimezone = "Europe/Berlin"'
    (said,) = words(loaded(jobs(10, keys)))
    assert said.startswith("jobs: 10 jobs run in an hour that is missing or comes twice: j0, j1,")
    assert "2026-03-29" in said
