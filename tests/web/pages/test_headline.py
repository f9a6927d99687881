"""What stands above every page."""

from dataclasses import replace
from datetime import UTC, timedelta

import pytest

from jobd.core.claim import Pause
from jobd.core.view import NodeView, RoomView
from jobd.web.node import StoreHealth
from jobd.web.pages.headline import headline_of
from jobd.web.remarks import Level
from tests.web.fake_node import NOW, FakeNode, seen, shared_by


class Troubled(FakeNode):
    """A node whose troubles the test chooses."""

    own = StoreHealth(True, "", NOW, 0.0004)
    configuration = (True, NOW)
    changes: dict[str, object] = {}  # noqa: RUF012 - each test replaces it whole

    def view(self) -> NodeView:
        return replace(super().view(), **self.changes)

    def store_health(self) -> StoreHealth:
        return self.own

    def config_state(self) -> tuple[bool, object]:
        return self.configuration


def told(node: FakeNode) -> list[str]:
    return [f"{remark.what} {remark.words}" for remark in headline_of(node, UTC).remarks]


def test_a_node_without_trouble_says_what_runs_and_no_more() -> None:
    headline = headline_of(FakeNode(), UTC)
    assert headline.words == "runs 1 of at most 16, nothing waits, 0 jobs"
    assert headline.remarks == ()
    assert headline.level is Level.FINE


def test_a_drained_node_says_by_whom_and_how_it_ends() -> None:
    node = FakeNode(drain=Pause("uid 0 (root)", NOW - timedelta(minutes=5), "new disk"))
    assert told(node) == [
        'drained by uid 0 (root) since 10:15:00 "new disk"; '
        "nothing new starts here until jobd ctl undrain"
    ]


def test_a_node_that_is_not_ready_says_why() -> None:
    node = FakeNode(readiness=(False, "the supervisor is not there"))
    assert told(node) == ["not ready the supervisor is not there"]


def test_a_silent_shared_store_says_what_that_means() -> None:
    node = FakeNode(shared=shared_by(seen("app1"), silent_since=NOW - timedelta(minutes=3)))
    assert told(node) == [
        "the shared store has not answered since 10:17:00: connection refused; "
        "jobs that nodes share do not start"
    ]


def test_the_error_of_a_store_is_told_once() -> None:
    """Told twice, it filled half of a phone before the first job."""
    silent = shared_by(seen("app1"), silent_since=NOW - timedelta(minutes=3))
    why = "the shared store has not answered for 180 s: connection refused"
    assert told(FakeNode(shared=silent, readiness=(False, why))) == [
        f"not ready {why}",
        "the shared store has not answered since 10:17:00; jobs that nodes share do not start",
    ]


@pytest.mark.parametrize(
    ("is_up", "words"),
    [
        (False, "the store is down since 10:20:00: disk full"),
        (True, "history is not kept since 10:20:00: disk full"),
    ],
)
def test_trouble_with_the_store_of_the_node_is_told(is_up: bool, words: str) -> None:
    node = Troubled()
    node.own = StoreHealth(is_up, "disk full", NOW)
    assert told(node) == [words]


def test_pressure_says_what_is_over_its_limit() -> None:
    node = Troubled()
    node.changes = {"room": RoomView(pressure="memory 31 % (limit 20 %)")}
    assert told(node) == [
        "pressure memory 31 % (limit 20 %); nothing new starts until it eases",
    ]


def test_a_node_without_a_free_place_says_so() -> None:
    node = Troubled()
    node.changes = {"running": 16}
    assert told(node) == ["full every place of limits.max_running is taken"]


def test_a_reload_that_was_refused_says_what_is_in_force() -> None:
    node = Troubled()
    node.configuration = (False, NOW - timedelta(hours=1))
    (words,) = told(node)
    assert "what was read at 09:20:00 is in force" in words


def test_a_node_that_is_missed_is_told_and_one_that_left_in_order_is_not() -> None:
    gone, left = seen("app2", ago_s=90), seen("app3", ago_s=90, is_leaving=True)
    node = FakeNode(shared=shared_by(seen("app1"), gone, left))
    assert told(node) == ["node app2 is gone: it was last seen 1 min ago"]


def test_a_configuration_that_differs_is_told() -> None:
    node = FakeNode(shared=shared_by(seen("app1"), seen("app2", digest="d2")))
    assert told(node) == [
        "the configuration differs on app2: jobd ctl nodes tells in which jobs",
    ]


@pytest.mark.parametrize(
    ("offset_s", "words"),
    [(0.9, []), (-2, ["is 2 s ahead of the store's"]), (90, ["is 1 min 30 s behind the store's"])],
)
def test_a_clock_that_is_off_is_told_from_a_second_on(offset_s: float, words: list[str]) -> None:
    found = told(FakeNode(offset=timedelta(seconds=offset_s)))
    assert len(found) == len(words)
    assert all(expected in line for expected, line in zip(words, found, strict=True))


def test_the_worst_remark_gives_the_headline_its_level() -> None:
    node = FakeNode(readiness=(False, "no store"), offset=timedelta(seconds=5))
    assert headline_of(node, UTC).level is Level.BAD
