"""Waiting: who could not start at once goes on in order, or is skipped for what held it."""

from jobd.core.job import Pool, Scope
from jobd.core.ledger import SkipReason
from tests.core.desk import Desk

POOL = Pool("disk", 1, Scope.NODE)


def test_a_place_that_comes_free_goes_to_the_most_urgent(small_desk: Desk) -> None:
    small_desk.job("a")
    small_desk.job("b")
    small_desk.job("c", priority=5)
    for name in "abc":
        small_desk.trigger(name)
    small_desk.end("a")
    assert small_desk.running == ["c"]


def test_as_many_are_let_in_as_there_is_room_for(new_desk: type[Desk]) -> None:
    desk = new_desk(max_running=1, max_waiting=5)
    for name in "abcd":
        desk.job(name)
        desk.trigger(name)
    desk.max_running = 3
    desk.reload(*desk.jobs.values())
    assert desk.running == ["a", "b", "c"]


def test_what_waited_for_a_prior_run_starts_at_its_end(desk: Desk) -> None:
    desk.job("a", every="10m", overlap="queue")
    desk.pass_time("20m")
    desk.end("a")
    assert desk.starts == ["a 12:10", "a 12:20"]


def test_who_is_late_is_skipped_for_what_held_it(desk: Desk) -> None:
    desk.job("a", every="1h", overlap="queue", start_deadline="5m")
    desk.job("b", pool=POOL)
    desk.job("c", every="1h", pool=POOL, start_deadline="5m")
    desk.trigger("a")
    desk.trigger("b")
    desk.pass_time("1h6m")
    assert [desk.rows(name)[0].reason for name in "ac"] == [SkipReason.OVERLAP, SkipReason.POOL]


def test_who_starts_in_time_is_not_late_afterwards(desk: Desk) -> None:
    desk.job("b", pool=POOL)
    desk.job("a", every="1h", pool=POOL, start_deadline="5m")
    desk.trigger("b")
    desk.pass_time("1h1m")
    desk.end("b")
    desk.pass_time("10m")
    assert desk.ledger("a") == ["13:00 started"]


def test_nobody_who_waits_is_let_in_by_a_daemon_that_stops(small_desk: Desk) -> None:
    small_desk.job("a")
    small_desk.job("b")
    small_desk.trigger("a")
    small_desk.trigger("b")
    small_desk.shut_down()
    small_desk.end("a")
    assert small_desk.running == []


def test_nobody_who_waits_for_a_pool_is_let_in_by_a_daemon_that_stops(desk: Desk) -> None:
    for name in "ab":
        desk.job(name, pool=POOL)
        desk.trigger(name)
    desk.shut_down()
    desk.end("a")
    assert desk.running == []
