"""Jumps: what was skipped while the clock was ahead is asked to be open again, in good time."""

from datetime import timedelta

from jobd.core.effects import Claim, RecordSkips, VoidSkips
from jobd.core.job import Retries
from tests.core.desk import Desk, span

ONCE_MORE = Retries(max=1, delay=span("30s"), jitter=0.0)
YEAR = timedelta(days=365)


def test_skips_are_void_when_the_clock_is_set_back(desk: Desk) -> None:
    job = desk.job("a", every="10m")
    desk.job("by-hand")
    desk.set_clock("1d")
    desk.set_clock("-1d")
    assert desk.of_kind(VoidSkips) == [VoidSkips(desk.now, {"a": job.schedule})]


def test_a_clock_set_forwards_voids_nothing(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.set_clock("1d")
    assert desk.of_kind(VoidSkips) == []


def test_a_start_by_a_clock_that_was_never_ahead_voids_nothing(desk: Desk) -> None:
    """Nothing is asked of the store at each of a thousand restarts."""
    desk.job("a", every="10m")
    desk.pass_time("25m")
    desk.restart(down="1d")
    assert desk.of_kind(VoidSkips) == []


def test_skips_are_void_before_anything_is_claimed(desk: Desk) -> None:
    """The other way round the claim of a tick that is open would be refused."""
    desk.job("a", every="10m")
    desk.set_clock("1d")
    desk.wake()
    desk.end("a")
    desk.set_clock("-1d")
    desk.pass_time("10m")
    late = [e for e in desk.effects if isinstance(e, VoidSkips | Claim | RecordSkips)][-2:]
    assert [type(effect) for effect in late] == [VoidSkips, Claim]


def test_a_clock_set_right_while_no_daemon_was_there_silences_nobody(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.set_clock("365d")
    desk.wake()
    desk.end("a")
    desk.now -= YEAR
    desk.restart()
    desk.pass_time("10m")
    assert desk.ledger("a")[0] == "12:10 started"


def test_nor_does_it_where_the_schedule_was_changed_meanwhile(desk: Desk) -> None:
    """The new one starts anew, but its ticks meet the skips of the old one."""
    desk.job("a", every="10m")
    desk.set_clock("365d")
    desk.wake()
    desk.end("a")
    desk.now -= YEAR
    desk.job("a", every="5m")
    desk.pass_time("5m")
    assert desk.ledger("a")[0] == "12:05 started"


def test_nor_does_it_silence_what_follows_a_run(desk: Desk) -> None:
    desk.job("a", after="10m")
    desk.set_clock("365d")
    desk.wake()
    desk.end("a")
    desk.now -= YEAR
    desk.restart()
    desk.pass_time("11m")
    assert desk.running == ["a"]


def test_nor_does_a_rest_that_counts_from_a_run_yet_to_end(desk: Desk) -> None:
    desk.job("a", every="10m", max_duty=0.1)
    desk.set_clock("365d")
    desk.trigger("a")
    desk.pass_time("9m")
    desk.end("a")
    desk.now -= YEAR
    desk.restart()
    desk.pass_time("10m")
    assert desk.running == ["a"]


def test_nor_does_an_attempt_that_was_due_by_the_wrong_clock(desk: Desk) -> None:
    desk.job("a", every="10m", retries=ONCE_MORE)
    desk.set_clock("365d")
    desk.trigger("a")
    desk.end("a", exit_code=1)
    desk.now -= YEAR
    desk.restart()
    desk.pass_time("1m")
    assert desk.running == ["a"]


def test_a_silent_store_is_asked_again_by_the_right_clock(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.set_clock("365d")
    desk.store_down()
    desk.wake()
    desk.set_clock("-365d")
    desk.store_up()
    desk.pass_time("2s")
    assert desk.running == ["a"]


def test_nothing_ahead_is_told_to_be_settled(small_desk: Desk) -> None:
    """A tick of tomorrow waits still: the next daemon must not take today's for decided."""
    small_desk.job("busy")
    small_desk.trigger("busy")
    small_desk.job("a", every="10m", catchup="all", catchup_window="1d")
    small_desk.set_clock("1d")
    small_desk.wake()
    small_desk.set_clock("-1d")
    small_desk.pass_time("25m")
    told = [s.settled_until for e in small_desk.of_kind(RecordSkips) for s in e.skips]
    assert told
    assert max(until for until in told[-2:] if until is not None) <= small_desk.now


def test_a_skip_under_way_when_the_clock_is_set_back_is_made_again(desk: Desk) -> None:
    """The tick comes again while the store is still busy with it, and then its skip is void."""
    desk.job("a", every="10m")
    desk.hold_store()
    desk.pass_time("25m")
    desk.set_clock("-24m")
    desk.pass_time("23m")
    desk.let_store_work()
    assert desk.ledger("a") == ["12:10 started", "12:20 overlap"]
