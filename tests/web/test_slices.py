"""Whatever is asked about a thousand jobs, other work has its turn after one or two hundred."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from difflib import get_close_matches
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from jobd.core.view import JobView
from jobd.web import nearest, written
from jobd.web.app import make_app
from jobd.web.slices import SLICE
from tests.web.fake_node import BrokenStore, FakeNode, KeptStore, job_named, view_of, waiting_view

MANY = 10 * SLICE
BESIDES = SLICE  # jobs at most that are looked at once more: the rows of a page
HTML = {"Accept": "text/html"}

Client = TestClient[web.Request, web.Application]


class Counting(FakeNode):
    """Counts, in ``done``, jobs that were looked at, compared or written."""

    done: int = 0

    def job_view(self, name: str) -> JobView | None:
        self.done += 1
        return super().job_view(name)


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> Counting:
    """Return a node with many jobs, each of which was skipped, and which counts."""
    store, node = KeptStore(), Counting()
    node.store = store
    for number in range(MANY):
        node.add(view_of(job_named(f"shop-{number:04}")))
    store.skips = {name: {"overlap": 1} for name in node.views}

    def compare(word: str, known: Sequence[str], **bounds: Any) -> list[str]:
        node.done += len(known)
        return get_close_matches(word, known, **bounds)

    def write(document: Any) -> str:
        node.done += max(map(_size, document.values()))
        return json.dumps(document)

    monkeypatch.setattr(nearest, "get_close_matches", compare)
    monkeypatch.setattr(written, "json", SimpleNamespace(dumps=write))
    return node


@pytest.fixture
async def client(busy: Counting) -> AsyncIterator[Client]:
    """Return a client of the node, in the loop of the test."""

    async def no_metrics(_: web.Request) -> web.Response:
        return web.Response()

    async with TestClient(TestServer(make_app(busy, no_metrics, control=True))) as asking:
        yield asking


PAGES = ["/", "/?q=shop", "/timeline", "/node", "/cluster", "/jobs/shop-00x", "/runs/ffff"]
QUESTIONS = """status names jobs jobs?order=attention pools report report?job=shop-00x
runs?job=shop-00x jobs/shop-00x jobs/shop-00x/why runs/ffff runs/ffff/output"""


@pytest.mark.parametrize("path", [*PAGES, *(f"/api/v1/{ask}" for ask in QUESTIONS.split())])
async def test_other_work_has_its_turn(client: Client, busy: Counting, path: str) -> None:
    assert await _most_in_one_turn(client, busy, path) <= SLICE + BESIDES
    assert busy.done


async def test_while_the_store_is_away_active_runs_are_looked_for_in_slices(
    client: Client, busy: Counting
) -> None:
    busy.store = BrokenStore()
    assert await _most_in_one_turn(client, busy, "/api/v1/runs/ffff") <= SLICE
    assert busy.done == MANY


async def test_the_nearest_of_all_names_are_told(client: Client, busy: Counting) -> None:
    """As if they had been compared all at once."""
    answer = await client.get("/api/v1/jobs/shop-099")
    told = (await answer.json())["error"]["nearest"]
    assert told == get_close_matches("shop-099", list(busy.views), n=3, cutoff=0.5)


async def test_a_run_that_begins_while_it_is_looked_for_is_found(
    client: Client, busy: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waited when the store was asked, and had left the line when that was looked through."""
    asked = busy.store.run

    async def run(run_id: str) -> Any:
        record = await asked(run_id)
        if record is None:
            await busy.start_run(run_id, "shop-0007")
        return record

    monkeypatch.setattr(busy.store, "run", run)
    answer = await client.get("/api/v1/runs/c0ffee")
    assert (answer.status, (await answer.json())["run"]["run_id"]) == (200, "c0ffee")


async def test_a_run_that_waits_is_found_among_many(client: Client, busy: Counting) -> None:
    waiting = waiting_view("c0ffee", "shop-0999")
    busy.add(view_of(job_named("shop-0999"), waiting=(waiting,)))
    answer = await client.get("/api/v1/runs/c0f")
    assert (await answer.json())["run"]["job"] == "shop-0999"


async def test_a_long_answer_comes_whole(client: Client, busy: Counting) -> None:
    """It is sent piece by piece, and says beforehand how long it is."""
    answer = await client.get("/api/v1/jobs")
    body = await answer.read()
    assert int(answer.headers["Content-Length"]) == len(body) > written.AT_ONCE_BYTES
    assert [job["job"] for job in json.loads(body)["jobs"]] == sorted(busy.views)
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


async def test_of_a_long_answer_only_the_head_can_be_asked(client: Client) -> None:
    answer = await client.head("/api/v1/jobs")
    assert (answer.status, await answer.read()) == (200, b"")


async def _most_in_one_turn(client: Client, node: Counting, path: str) -> int:
    """Ask; return how much was done at most while other work had no turn."""
    longest = since = 0

    async def other_work() -> None:
        nonlocal longest, since
        while True:
            longest, since = max(longest, node.done - since), node.done
            await asyncio.sleep(0)  # one turn of the loop; canceled below

    task = asyncio.create_task(other_work())
    headers = {} if path.startswith("/api/") else HTML
    answer = await client.get(path, headers=headers)
    await answer.read()
    await asyncio.sleep(0)  # the other work's turn, which ends the last stretch without one
    task.cancel()
    assert answer.status in (200, 404, 503), await answer.text()
    return longest


def _size(value: Any) -> int:
    return len(value) if isinstance(value, list | dict) and len(value) >= SLICE else 1
