"""Timed: every call to the store is timed, and nothing else is changed."""

from typing import Any

import anyio
import pytest

from jobd.daemon.timed import timed
from jobd.errors import StateError, StoreUnavailable
from jobd.ports import Store
from tests.daemon.fakes import FakeClock, FakeStore


class SlowStore(FakeStore):
    """Takes two seconds by the clock for everything."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock
        self._error: Exception | None = None

    async def ping(self) -> None:
        self._clock.pass_time(2.0)
        if self._error is not None:
            raise self._error
        await anyio.lowlevel.checkpoint()


@pytest.fixture
def slow(clock: FakeClock) -> SlowStore:
    return SlowStore(clock)


@pytest.fixture
def calls() -> list[Any]:
    return []


@pytest.fixture
def watched(slow: SlowStore, clock: FakeClock, calls: list[Any]) -> Store:
    return timed(slow, clock, lambda *call: calls.append(call))


async def test_a_call_is_told_with_its_time(watched: Store, calls: list[Any]) -> None:
    await watched.ping()
    await watched.ping()
    assert calls == [("ping", 2.0, True)] * 2


async def test_answers_come_through(watched: Store) -> None:
    assert await watched.run("none") is None
    assert list(await watched.audit(limit=3)) == []


async def test_a_store_that_does_not_answer_is_told_as_that(
    watched: Store, slow: SlowStore, calls: list[Any]
) -> None:
    slow._error = StoreUnavailable("full")
    with pytest.raises(StoreUnavailable, match="full"):
        await watched.ping()
    assert calls == [("ping", 2.0, False)]


async def test_another_error_does_not_say_that_the_store_is_down(
    watched: Store, slow: SlowStore, calls: list[Any]
) -> None:
    slow._error = StateError("damaged")
    with pytest.raises(StateError):
        await watched.ping()
    assert calls == []


async def test_a_caller_who_goes_does_not_say_that_the_store_is_down(
    watched: Store, calls: list[Any]
) -> None:
    """A browser that closes its tab would otherwise turn jobd_store_up to 0."""
    with anyio.CancelScope() as scope:
        scope.cancel()
        await watched.ping()
    assert calls == []


def test_looking_at_the_trouble_is_no_call(
    watched: Store, slow: SlowStore, calls: list[Any]
) -> None:
    slow.history_trouble = "disk full"
    assert (watched.trouble, calls) == ("disk full", [])
