"""What ``jobd check`` warns of by a simulated day, and what it keeps quiet about."""

from collections.abc import Callable

import pytest

from jobd.simulate.foresight import foresight
from jobd.simulate.occasion import MOST_JOBS, is_worth_simulating
from tests.simulate.conftest import MONDAY, Load

HEAD = '[defaults]\ncommand = "x"\nmemory_max = "300M"\n'
TOO_SLOW = '[jobs.slow]\nschedule = "*/10 * * * *"\nexpected_duration = "12m"\n'
DUMPS = "".join(f'[jobs.dump-{n}]\nschedule = "0 3 * * *"\n' for n in range(5))

Warned = Callable[[str], list[str]]


@pytest.fixture
def warned(load_text: Load) -> Warned:
    """Return the warnings about a configuration, without the file's name."""

    def ask(text: str) -> list[str]:
        return [each.words for each in foresight(load_text(text), MONDAY)]

    return ask


def test_a_job_that_takes_longer_than_its_interval_is_warned_of(warned: Warned) -> None:
    [words] = warned(HEAD + TOO_SLOW)
    assert "jobs.slow.expected_duration: " in words
    assert "72 of 144 ticks in the coming 1d would be skipped (overlap); write a longer" in words


def test_a_job_that_just_fits_is_not(warned: Warned) -> None:
    assert warned(HEAD + TOO_SLOW.replace("12m", "9m")) == []


@pytest.mark.parametrize(
    ("schedule", "takes", "is_warned"),
    [
        ("0 2 * * *", "30h", True),
        ("0 2 * * *", "23h", False),
        ("0 2 * * 1", "30h", False),
        ("0 2 * * *", '30h"\ntimeout = "20h', False),
        ("0 2 * * *", '30h"\noverlap = "queue', False),
    ],
)
def test_a_night_that_outlasts_the_day_is_warned_of(
    warned: Warned, schedule: str, takes: str, is_warned: bool
) -> None:
    """Its next tick is beyond the simulated day."""
    words = warned(
        f'{HEAD}[jobs.nightly]\nschedule = "{schedule}"\nexpected_duration = "{takes}"\n'
    )
    start = "jobs.nightly.expected_duration: is longer than the interval: each run makes the next"
    assert [each.startswith(start) for each in words] == [True] * is_warned


def test_a_guessed_duration_makes_nobody_warn_of_an_overlap(warned: Warned) -> None:
    assert warned(HEAD + '[jobs.often]\nevery = "1s"\n') == []


def test_a_pool_that_is_too_small_is_warned_of(warned: Warned) -> None:
    jobs = "".join(f'[jobs.query-{n}]\nschedule = "0 * * * *"\n' for n in range(2))
    head = f'[pools.database]\nsize = 1\n{HEAD}pool = "database"\nexpected_duration = "10m"\n'
    [words] = warned(head + jobs)
    assert words.startswith("jobs.query-1.pool: ")
    assert "24 of 24 ticks in the coming 1d would be skipped (pool)" in words
    assert "make the pool larger" in words


def test_many_jobs_with_the_same_fate_make_one_line(warned: Warned) -> None:
    jobs = "".join(TOO_SLOW.replace("slow", f"slow-{n}") for n in range(5))
    [words] = warned('[limits]\nmemory_budget = "2G"\n' + HEAD + jobs)
    assert "ticks of 5 jobs in the coming 1d would be skipped (overlap): slow-0, slow-1" in words


def test_the_instant_at_which_memory_runs_out_is_told(warned: Warned) -> None:
    [words] = warned('[limits]\nmemory_budget = "1G"\n' + HEAD + DUMPS)
    assert words.startswith("limits.memory_budget: 2 runs have to wait for memory on 2026-06-01")
    assert "at 03:00:00 UTC: 3 have reserved 900M of 1G: dump-" in words
    assert "a larger memory_budget" in words


def test_places_that_run_out_are_told_of_as_a_herd_only(warned: Warned) -> None:
    assert warned("[limits]\nmax_running = 2\n" + HEAD + DUMPS) == []


def test_a_few_skips_in_a_day_are_what_admission_is_for(warned: Warned) -> None:
    """One of 1,440 ticks, while the dumps take all places at three o'clock."""
    dumps = DUMPS.replace('"0 3 * * *"', '"0 3 * * *"\nexpected_duration = "2m"')
    poll = '[jobs.poll]\nschedule = "* * * * *"\nexpected_duration = "1s"\n'
    assert warned("[limits]\nmax_running = 5\n" + HEAD + dumps + poll) == []


def test_how_much_room_a_cluster_has_is_not_guessed_at(warned: Warned) -> None:
    head = '[store]\nurl = "postgresql://db/jobd"\n[limits]\nmemory_budget = "1G"\n' + HEAD
    assert warned(head + DUMPS) == []
    assert len(warned(head + TOO_SLOW)) == 1


def test_what_would_take_long_is_left_out(warned: Warned) -> None:
    """Less than an hour would say little, and depend on the time of day."""
    busy = "".join(
        f'[jobs.poll-{n}]\nschedule = "* * * * * *"\nexpected_duration = "2s"\n' for n in range(10)
    )
    assert warned('[limits]\nmemory_budget = "16G"\n' + HEAD + busy) == []


@pytest.mark.parametrize(
    ("text", "is_worth"),
    [
        (TOO_SLOW, True),
        (TOO_SLOW + "enabled = false\n", False),
        ('[jobs.a]\nevery = "1m"\n', False),
        (DUMPS, True),
        ("".join(TOO_SLOW.replace("slow", f"s-{n}") for n in range(MOST_JOBS + 1)), False),
    ],
)
def test_a_day_is_simulated_only_where_that_tells_something(
    load_text: Load, text: str, is_worth: bool
) -> None:
    config = load_text('[limits]\nmemory_budget = "1G"\n' + HEAD + text)
    assert is_worth_simulating(config) is is_worth
