"""When a run must be stopped, and when it must be dead."""

from hypothesis import given
from hypothesis import strategies as st

from jobd.supervisor.deadlines import Deadlines

times = st.floats(0, 1e6)


def test_a_timeout_counts_from_execution() -> None:
    deadlines = Deadlines(10.0, 5.0)
    deadlines.begin(100.0)
    assert deadlines.next_instant() == 110.0
    assert deadlines.due_cause(109.9) is None
    assert deadlines.due_cause(110.0) == "timeout"


def test_sigkill_follows_the_stop_by_kill_after() -> None:
    deadlines = Deadlines(None, 5.0)
    deadlines.begin(0.0)
    deadlines.stop(50.0)
    assert deadlines.next_instant() == 55.0
    assert not deadlines.must_be_dead(54.9)
    assert deadlines.must_be_dead(55.0)


def test_trusted_until_is_when_it_is_dead_and_not_when_it_is_warned() -> None:
    deadlines = Deadlines(None, 5.0)
    deadlines.begin(0.0)
    deadlines.extend(100.0, now=40.0)
    assert deadlines.next_instant() == 95.0
    assert deadlines.due_cause(95.0) == "trust"
    deadlines.stop(95.0)
    assert deadlines.must_be_dead(100.0)


def test_a_kill_after_longer_than_the_lease_does_not_stop_a_run_at_once() -> None:
    deadlines = Deadlines(None, 3600.0)
    deadlines.begin(0.0)
    deadlines.extend(60.0, now=0.0)
    assert deadlines.due_cause(40.0) is None
    assert deadlines.due_cause(45.0) == "trust"


def test_a_stop_shortly_before_trust_ends_is_killed_when_trust_ends() -> None:
    deadlines = Deadlines(None, 30.0)
    deadlines.begin(0.0)
    deadlines.extend(60.0, now=0.0)
    deadlines.stop(40.0)
    assert deadlines.next_instant() == 60.0


def test_an_instant_in_the_past_is_due_now() -> None:
    deadlines = Deadlines(None, 5.0)
    deadlines.begin(100.0)
    deadlines.extend(50.0, now=100.0)
    assert deadlines.due_cause(100.0) == "trust"


def test_a_kill_at_once_is_not_put_off() -> None:
    deadlines = Deadlines(None, 30.0)
    deadlines.begin(0.0)
    deadlines.kill(1.0)
    assert deadlines.must_be_dead(1.0)


@given(timeout=times, kill_after=times, until=times, now=times)
def test_whoever_wakes_at_the_next_instant_finds_something_due(
    timeout: float, kill_after: float, until: float, now: float
) -> None:
    """Otherwise the loop would spin, or sleep past a deadline."""
    deadlines = Deadlines(timeout, kill_after)
    deadlines.begin(now)
    deadlines.extend(until, now)
    instant = deadlines.next_instant()
    assert instant is not None
    assert deadlines.due_cause(instant) is not None
    deadlines.stop(instant)
    last = deadlines.next_instant()
    assert last is not None
    assert last <= max(until, instant)
    assert deadlines.must_be_dead(last)
