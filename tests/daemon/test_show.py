"""Show: log and metrics hear of everything, once, in one place."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from jobd.core.claim import JobMemory
from jobd.core.events import Configured, Recovered
from jobd.core.scheduler import Scheduler
from jobd.daemon.show import Show
from jobd.errors import SupervisorError
from jobd.web.node import ReloadResult, StoreHealth
from jobd.web.serve import Listening
from tests.daemon.fakes import NOON, FakeClock, job_of


class Desk:
    """A show, and the scheduler that it watches."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.scheduler = Scheduler("app1", "i")
        self.show = Show(self.scheduler.state, clock)
        self.observe(Configured({"a": job_of()}, {"a": JobMemory("a", NOON)}, 16, 200))

    def observe(self, event: Any) -> None:
        effects = self.scheduler.handle(event, self.clock.now())
        self.show.observe(event, effects, self.clock.now())

    async def metrics(self) -> dict[str, str]:
        """Return the samples that a scrape sees."""
        app = web.Application()
        node = type("Node", (), {"job_view": lambda _, name: None})()
        app.router.add_get("/metrics", self.show.metrics_handler(node))
        async with TestClient(TestServer(app)) as client:
            reply = await client.get("/metrics")
            lines = (await reply.text()).splitlines()
        return dict(line.rsplit(" ", 1) for line in lines if line and line[0] != "#")


@pytest.fixture
def desk(clock: FakeClock) -> Desk:
    return Desk(clock)


def told(log: list[Any], *, since: int = 0) -> list[tuple[str, str]]:
    return [(record["log_level"], record["event"]) for record in log[since:]]


async def test_an_event_reaches_the_metrics(desk: Desk) -> None:
    before = (await desk.metrics())["jobd_supervisor_up"]
    desk.observe(Recovered(()))
    after = (await desk.metrics())["jobd_supervisor_up"]
    assert (float(before), float(after)) == (0, 1)


def test_an_event_reaches_the_log(desk: Desk, log: list[Any]) -> None:
    log.clear()
    desk.observe(Recovered(()))
    assert told(log) == [("info", "supervisor connected")]


async def test_a_refused_reload_is_in_log_and_metrics(desk: Desk, log: list[Any]) -> None:
    log.clear()
    desk.show.reloaded(ReloadResult(errors=("a.toml:1: nonsense",)), "SIGHUP")
    metrics = await desk.metrics()
    assert told(log) == [("error", "reload refused, configuration unchanged")]
    assert float(metrics["jobd_config_last_reload_successful"]) == 0
    success = metrics["jobd_config_last_reload_success_timestamp_seconds"]
    assert float(success) == NOON.timestamp()


async def test_a_good_reload_is_in_log_and_metrics(desk: Desk, log: list[Any]) -> None:
    log.clear()
    desk.clock.pass_time(60)
    desk.show.reloaded(ReloadResult(added=("b",), warnings=("a.toml:1: hm",)), "anna")
    success = (await desk.metrics())["jobd_config_last_reload_success_timestamp_seconds"]
    assert float(success) == NOON.timestamp() + 60
    assert told(log) == [
        ("info", "configuration reloaded"),
        ("warning", "configuration warning"),
    ]


async def test_a_store_in_trouble_is_in_log_and_metrics(desk: Desk, log: list[Any]) -> None:
    log.clear()
    desk.show.store_health(StoreHealth(True, "disk full", NOON))
    assert told(log) == [("error", "history is not kept")]
    assert float((await desk.metrics())["jobd_history_kept"]) == 0


@pytest.mark.parametrize(
    ("http", "shown"),
    [
        (None, "off"),
        (("127.0.0.1", 9746), "http://127.0.0.1:9746"),
        (("::1", 9746), "http://[::1]:9746"),
    ],
)
def test_where_it_listens_is_logged(
    desk: Desk, log: list[Any], http: tuple[str, int] | None, shown: str
) -> None:
    desk.show.listening(Listening(Path("/run/s"), http))
    assert (log[-1]["socket"], log[-1]["http"]) == ("/run/s", shown)


@pytest.mark.parametrize(
    ("error", "words"),
    [(SupervisorError("gone"), "gone"), (TimeoutError(), "no answer in time")],
)
def test_a_bad_parting_is_told_in_words(
    desk: Desk, log: list[Any], error: Exception, words: str
) -> None:
    desk.show.parted_badly(error)
    assert log[-1]["error"] == words


def test_an_end_before_all_is_written_is_an_error(desk: Desk, log: list[Any]) -> None:
    desk.show.gave_up_writing(timedelta(seconds=10))
    assert (log[-1]["log_level"], log[-1]["waited_s"]) == ("error", 10.0)
