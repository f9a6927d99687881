"""When a run must be stopped, and when it must be dead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core import job
from jobd.supervisor import deadlines as deadlines_of_runs
from jobd.supervisor.deadlines import Deadlines

times = st.floats(0, 1e6)


def leased(kill_after_s: float, until: float, timeout_s: float | None = None) -> Deadlines:
    """Return the deadlines of a run that began at 0."""
    deadlines = Deadlines(timeout_s, kill_after_s, until)
    deadlines.begin(0.0)
    return deadlines


def test_a_timeout_counts_from_execution() -> None:
    deadlines = Deadlines(10.0, 5.0)
    deadlines.begin(100.0)
    assert deadlines.stop_instant() == 110.0
    assert deadlines.due_cause(109.9) is None
    assert deadlines.due_cause(110.0) == "timeout"


def test_sigkill_follows_the_stop_by_kill_after() -> None:
    deadlines = Deadlines(None, 5.0)
    deadlines.begin(0.0)
    assert deadlines.kill_instant() is None
    deadlines.stop(50.0)
    assert deadlines.kill_instant() == 55.0


def test_trusted_until_is_when_it_is_dead_and_not_when_it_is_warned() -> None:
    deadlines = leased(5.0, 100.0)
    assert deadlines.stop_instant() == 95.0
    assert deadlines.due_cause(95.0) == "trust"
    deadlines.stop(95.0)
    assert deadlines.kill_instant() == 100.0


def test_an_order_s_own_instant_is_in_force_from_the_start() -> None:
    """No message may have to arrive between the start and the first instant."""
    deadlines = Deadlines(None, 5.0, 100.0)
    assert deadlines.kill_instant() == 100.0
    deadlines.begin(40.0)
    assert deadlines.stop_instant() == 95.0


def test_a_kill_after_longer_than_the_lease_does_not_stop_a_run_at_once() -> None:
    deadlines = leased(3600.0, 60.0)
    assert deadlines.due_cause(40.0) is None
    assert deadlines.due_cause(45.0) == "trust"
    deadlines.stop(45.0)
    assert deadlines.kill_instant() == 60.0


def test_a_stop_shortly_before_trust_ends_is_killed_when_trust_ends() -> None:
    deadlines = leased(30.0, 60.0)
    deadlines.stop(40.0)
    assert deadlines.kill_instant() == 60.0


def test_whoever_overslept_the_stop_signal_kills_at_once() -> None:
    deadlines = leased(5.0, 100.0)
    assert deadlines.kill_instant() == 100.0
    assert deadlines.due_cause(100.0) == "trust"


def test_an_instant_in_the_past_is_due_now() -> None:
    deadlines = Deadlines(None, 5.0)
    deadlines.begin(100.0)
    deadlines.extend(50.0, now=100.0)
    assert deadlines.due_cause(100.0) == "trust"
    assert deadlines.kill_instant() == 50.0


def test_a_renewal_does_not_resurrect_a_run_that_is_being_stopped() -> None:
    deadlines = leased(5.0, 100.0)
    deadlines.stop(95.0)
    deadlines.extend(1000.0, now=96.0)
    assert deadlines.is_stopping
    assert deadlines.stop_instant() is None
    assert deadlines.kill_instant() == 100.0, "kill_after has begun, and goes on"


def test_a_renewal_lets_a_run_that_is_being_stopped_have_its_whole_kill_after() -> None:
    deadlines = leased(30.0, 60.0)
    deadlines.stop(50.0)
    deadlines.extend(1000.0, now=51.0)
    assert deadlines.kill_instant() == 80.0


def test_a_renewal_that_comes_after_the_instant_gives_nothing_back() -> None:
    """The supervisor slept, and what the daemon wrote meanwhile is read when it wakes."""
    deadlines = leased(5.0, 100.0)
    deadlines.extend(1000.0, now=100.0)
    deadlines.extend(None, now=100.0)
    assert deadlines.kill_instant() == 100.0


@pytest.mark.parametrize("now", [20.0, 94.0])
def test_an_earlier_instant_counts_like_a_later_one(now: float) -> None:
    deadlines = leased(5.0, 1000.0)
    deadlines.extend(100.0, now)
    assert deadlines.kill_instant() == 100.0
    assert deadlines.stop_instant() == pytest.approx(max(95.0, 100.0 - (100.0 - now) / 4))


def test_an_earlier_instant_hastens_a_stop() -> None:
    deadlines = leased(30.0, 1000.0)
    deadlines.stop(50.0)
    deadlines.extend(55.0, now=51.0)
    assert deadlines.kill_instant() == 55.0


def test_the_same_instant_again_does_not_shorten_the_warning() -> None:
    """A daemon that comes back may say what was in force already."""
    deadlines = leased(5.0, 100.0)
    deadlines.extend(100.0, now=94.0)
    assert deadlines.stop_instant() == 95.0


@pytest.mark.parametrize(("timeout_s", "cause"), [(94.0, "timeout"), (96.0, "trust")])
def test_of_timeout_and_trust_the_earlier_is_the_cause(timeout_s: float, cause: str) -> None:
    deadlines = leased(5.0, 100.0, timeout_s)
    assert deadlines.due_cause(200.0) == cause, "also when both are seen at once"


def test_a_timeout_does_not_put_off_the_end_of_trust() -> None:
    deadlines = leased(60.0, 100.0, timeout_s=84.0)
    deadlines.stop(84.0)
    assert deadlines.kill_instant() == 100.0


def test_a_kill_at_once_is_not_put_off() -> None:
    deadlines = leased(30.0, 60.0)
    deadlines.kill(1.0)
    assert deadlines.kill_instant() == 1.0
    assert deadlines.due_cause(60.0) is None, "its cause is known"


@given(timeout=times, kill_after=times, until=times, now=times)
def test_whoever_wakes_at_the_next_instant_finds_something_due(
    timeout: float, kill_after: float, until: float, now: float
) -> None:
    """Otherwise the loop would spin, or sleep past a deadline."""
    deadlines = Deadlines(timeout, kill_after)
    deadlines.begin(now)
    deadlines.extend(until, now)
    instant = deadlines.stop_instant()
    assert instant is not None
    assert instant <= max(until, now)
    assert deadlines.due_cause(instant) is not None
    deadlines.stop(instant)
    last = deadlines.kill_instant()
    assert last is not None
    assert last <= max(until, instant)


def test_a_run_that_is_silent_for_too_long_is_stopped() -> None:
    deadlines = Deadlines(None, 5.0, watchdog_s=30.0)
    deadlines.begin(100.0)
    assert deadlines.stop_instant() == 130.0
    assert deadlines.due_cause(130.0) == "watchdog"


def test_each_sign_of_life_counts_anew() -> None:
    deadlines = Deadlines(None, 5.0, watchdog_s=30.0)
    deadlines.begin(100.0)
    deadlines.alive(120.0)
    assert deadlines.due_cause(149.0) is None
    assert deadlines.due_cause(150.0) == "watchdog"


def test_a_sign_of_life_means_nothing_where_nobody_watches() -> None:
    deadlines = Deadlines(10.0, 5.0)
    deadlines.begin(0.0)
    deadlines.alive(9.0)
    assert deadlines.stop_instant() == 10.0


def test_a_run_gets_the_time_that_it_asks_for() -> None:
    deadlines = Deadlines(10.0, 5.0)
    deadlines.begin(0.0)
    deadlines.ask_for(7.0, 8.0)
    assert deadlines.stop_instant() == 15.0


def test_asking_for_less_than_there_is_takes_nothing_away() -> None:
    """As with systemd: the original timeout holds in any case."""
    deadlines = Deadlines(10.0, 5.0)
    deadlines.begin(0.0)
    deadlines.ask_for(1.0, 2.0)
    assert deadlines.stop_instant() == 10.0


def test_one_message_asks_for_no_more_than_the_timeout() -> None:
    deadlines = Deadlines(10.0, 5.0)
    deadlines.begin(0.0)
    deadlines.ask_for(1e9, 8.0)
    assert deadlines.stop_instant() == 18.0


def test_all_messages_together_get_ten_timeouts_and_no_more() -> None:
    deadlines = Deadlines(10.0, 5.0)
    deadlines.begin(0.0)
    for at in range(5, 1000, 5):
        deadlines.ask_for(10.0, float(at))
    assert deadlines.due_cause(99.9) is None
    assert deadlines.due_cause(100.0) == "timeout"


def test_the_bound_that_is_shown_is_the_one_that_is_kept() -> None:
    assert job.MOST_TIMEOUTS == deadlines_of_runs.MOST_TIMEOUTS


def test_trusted_until_is_not_the_run_s_to_move() -> None:
    deadlines = leased(5.0, 50.0, timeout_s=40.0)
    deadlines.ask_for(40.0, 39.0)
    assert (deadlines.stop_instant(), deadlines.kill_instant()) == (45.0, 50.0)


def test_a_run_without_a_timeout_has_nothing_to_ask_for() -> None:
    deadlines = Deadlines(None, 5.0)
    deadlines.begin(0.0)
    deadlines.ask_for(10.0, 0.0)
    assert deadlines.stop_instant() is None
