"""Exposition: right in both formats, fresh where something changed, and never in the way."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any

import anyio
import pytest

from jobd.core import effects as fx
from jobd.core import events as ev
from jobd.core.claim import JobMemory, Pause
from jobd.core.cluster import ClusterView
from jobd.core.job import About
from jobd.core.ledger import SkipReason
from jobd.telemetry import exposition
from jobd.telemetry.series import BLOCK_JOBS

OPENMETRICS = "application/openmetrics-text;version=1.0.0"


def busy(node: Any, make: Any) -> Any:
    """Let something of every kind have happened, to jobs with awkward names."""
    node.configure(make.job(), make.job('a "quoted" \\ name\n', about=About(owner="Ünï")))
    node.observe(ev.Recovered(()))
    node.observe(make.granted(), make.finish(duration_s=12.5, cpu_s=1e-07))
    node.observe(ev.RunStarted("r1", make.NOW + timedelta(seconds=4)))
    node.observe(make.skipped(SkipReason.MISFIRE, count=10_000))
    node.telemetry.store_call("claim", 0.003, True)
    return node


async def test_promtool_finds_nothing_to_say(
    node: Any, make: Any, needs_tool: Callable[[str, str], str]
) -> None:
    command = (needs_tool("promtool", "prometheus"), "check", "metrics")
    page = await busy(node, make).page()
    with anyio.fail_after(30):
        done = await anyio.run_process(command, input=page.encode(), check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


async def test_the_openmetrics_page_follows_its_own_law(node: Any, make: Any) -> None:
    """Its parser insists on order, on suffixes by type, on canonical buckets and on the end."""
    families = {family.name: family for family in await busy(node, make).openmetrics()}
    assert families["jobd_ticks"].type == "counter"
    assert families["jobd_run_duration_seconds"].type == "histogram"
    assert families["jobd_job"].type == "info"


async def test_both_formats_say_the_same(node: Any, make: Any) -> None:
    """The process's own figures move between the two; everything of jobd must not."""
    busy(node, make)
    text, openmetrics = [
        sorted(
            line.partition(" # ")[0]  # less the exemplars, which the text format has not
            for line in (await node.page(accept)).splitlines()
            if line.startswith("jobd")
        )
        for accept in ("text/plain", OPENMETRICS)
    ]
    assert text == openmetrics


async def test_every_family_stands_in_one_place(node: Any, make: Any) -> None:
    node.configure(*(make.job(f"job{number}") for number in range(2 * BLOCK_JOBS)))
    lines = (await node.page()).splitlines()
    heads = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(heads) == len(set(heads))
    owners = [name for name, _ in groupby(line.split("{")[0].split()[0] for line in lines)]
    singles = [name for name in owners if name.endswith("_skipped_total")]
    assert len(singles) == 1


@pytest.mark.parametrize("accept", ["text/plain", OPENMETRICS])
async def test_a_compressed_page_is_the_same_page(node: Any, make: Any, accept: str) -> None:
    busy(node, make)
    plain, zipped = [
        [line for line in (await node.page(accept, encoding)).splitlines() if "process" not in line]
        for encoding in ("", "gzip")
    ]
    assert plain == zipped


async def test_the_headers_say_what_the_body_is(node: Any) -> None:
    headers, body = node.exposition.render(OPENMETRICS, "gzip")
    assert headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert headers["Content-Encoding"] == "gzip"
    await body.aclose()
    headers, body = node.exposition.render("*/*", "")
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "Content-Encoding" not in headers
    await body.aclose()


async def test_a_node_without_jobs_has_a_page(node: Any) -> None:
    node.configure()
    assert "jobd_build_info" in await node.page()
    assert await node.openmetrics()


async def test_jobs_at_rest_are_not_asked_again(node: Any) -> None:
    """Ten thousand jobs at rest must not cost a scrape ten thousand views."""
    await node.page()
    node.asked.clear()
    await node.page()
    assert node.asked == []


async def test_only_the_block_that_changed_is_rendered_again(node: Any, make: Any) -> None:
    names = [f"job{number:04}" for number in range(3 * BLOCK_JOBS)]
    node.configure(*map(make.job, names))
    await node.page()
    node.asked.clear()
    node.observe(make.granted(job=names[BLOCK_JOBS]))
    found = await node.samples()
    assert node.asked == names[BLOCK_JOBS : 2 * BLOCK_JOBS]
    assert found.value("jobd_ticks_total", job_name=names[BLOCK_JOBS]) == 1
    assert found.total("jobd_ticks_total") == 1


@pytest.mark.parametrize(
    "happening",
    [
        pytest.param(lambda make: (make.granted(),), id="claim granted"),
        pytest.param(lambda make: (make.denied(SkipReason.DUTY, settled=True),), id="denied"),
        pytest.param(lambda make: (make.skipped(SkipReason.PAUSED),), id="skipped"),
        pytest.param(lambda make: (ev.Woke(), fx.Claim((make.request(),))), id="claimed"),
        pytest.param(lambda make: (ev.Woke(), make.finish()), id="finished"),
        pytest.param(
            lambda make: (ev.Woke(), fx.SavePause(("backup",), None, "uid 0")), id="pause saved"
        ),
        pytest.param(
            lambda make: (ev.Woke(), fx.SaveSkipNext("backup", None, "uid 0")), id="skip-next"
        ),
        pytest.param(lambda make: (ev.Recovered(()),), id="recovered"),
        pytest.param(
            lambda make: (
                ev.ClusterSeen(
                    ClusterView(make.NOW, (), jobs=(JobMemory("backup", make.NOW),)), 0.0, False
                ),
            ),
            id="something happened on another node",
        ),
        pytest.param(lambda make: (ev.ClockJumped(timedelta(hours=1)),), id="clock jumped"),
    ],
)
async def test_the_state_is_read_again_after_what_may_change_it(
    node: Any, make: Any, happening: Callable[[Any], Any]
) -> None:
    await node.page()
    node.show(next_fire=make.NOW + timedelta(hours=5))
    node.observe(*happening(make))
    moved = (await node.samples()).value("jobd_next_tick_timestamp_seconds")
    assert moved == (make.NOW + timedelta(hours=5)).timestamp()


async def test_a_changed_definition_is_shown_after_the_reload(node: Any, make: Any) -> None:
    await node.page()
    node.configure(make.job(timeout=timedelta(seconds=7)))
    assert (await node.samples()).value("jobd_job_timeout_seconds") == 7


@pytest.mark.parametrize("turn", ["next tick", "pause ends"])
async def test_what_changes_by_the_clock_alone_is_read_again(
    node: Any, make: Any, turn: str
) -> None:
    soon = make.NOW + timedelta(seconds=30)
    node.show(**({"next_due": soon} if turn == "next tick" else {}))
    node.show(**({"pause": Pause("x", make.NOW, until=soon)} if turn == "pause ends" else {}))
    await node.page()
    node.asked.clear()
    node.now = soon - timedelta(seconds=1)
    await node.page()
    assert node.asked == []
    node.now = soon
    await node.page()
    assert node.asked == ["backup"]


async def most_in_one_turn(node: Any, done: Sequence[Any]) -> int:
    """Scrape; return how much longer ``done`` grew at most while other work had no turn."""
    longest = since = 0

    async def other_work() -> None:
        nonlocal longest, since
        while True:
            longest, since = max(longest, len(done) - since), len(done)
            await asyncio.sleep(0)  # one turn of the loop; cancelled below

    task = asyncio.create_task(other_work())
    await node.page()
    await asyncio.sleep(0)  # the other work's turn, which ends the last stretch without one
    task.cancel()
    return max(longest, len(done) - since)


@pytest.fixture
def many(node: Any, make: Any) -> Any:
    """A node of several blocks."""
    node.configure(*(make.job(f"job{number}") for number in range(8 * BLOCK_JOBS)))
    return node


async def test_few_jobs_are_looked_at_in_one_turn_of_the_loop(many: Any) -> None:
    """A scrape of very many jobs must not make a tick late."""
    assert 0 < await most_in_one_turn(many, many.asked) <= BLOCK_JOBS // 2


async def test_one_block_is_written_in_one_turn(many: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its counters have to be of one moment, so it is the least there can be."""
    written: list[int] = []
    write = exposition._written
    monkeypatch.setattr(exposition, "_written", lambda *words: written.append(1) or write(*words))
    assert await most_in_one_turn(many, written) == 1
    assert len(written) == 8


async def test_few_lines_are_deflated_in_one_turn(
    many: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    deflated: list[int] = []
    deflate = exposition.piece
    monkeypatch.setattr(exposition, "piece", lambda text: deflated.append(1) or deflate(text))
    assert 0 < await most_in_one_turn(many, deflated) <= 10


async def test_the_page_is_sent_piece_by_piece(many: Any) -> None:
    _, body = many.exposition.render("", "")
    assert max([len(chunk) async for chunk in body]) < 1 << 19


async def test_two_scrapes_at_once_do_the_work_once(node: Any, make: Any) -> None:
    """Two Prometheus servers, as pairs are usually run."""
    node.configure(*(make.job(f"job{number}") for number in range(2 * BLOCK_JOBS)))
    first, second = await asyncio.gather(node.samples(), node.samples())
    assert len(node.asked) == 2 * BLOCK_JOBS
    assert first.names() == second.names()


async def test_a_client_that_hangs_up_leaves_nothing_stale(node: Any, make: Any) -> None:
    node.configure(*(make.job(f"job{number}") for number in range(BLOCK_JOBS)))
    scrape = asyncio.create_task(node.page())
    await node.was_asked.wait()
    scrape.cancel()
    with pytest.raises(asyncio.CancelledError):
        await scrape
    found = await node.samples()
    assert len(found.labels("jobd_ticks_total")) == BLOCK_JOBS


async def test_a_body_that_is_never_read_to_its_end_blocks_nobody(node: Any) -> None:
    _, body = node.exposition.render("", "")
    await anext(body)
    assert "jobd_ticks_total" in await node.page()
    await body.aclose()


async def test_ticks_add_up_even_on_a_page_rendered_while_they_happen(node: Any, make: Any) -> None:
    """Counters of one job are of one moment: an alert may subtract them."""
    names = [f"job{number:03}" for number in range(BLOCK_JOBS)]
    node.configure(*map(make.job, names))
    ask = node.exposition._job_view

    def view(name: str) -> Any:
        if name == names[-1]:
            node.observe(make.granted(job=names[0]))
            node.observe(make.skipped(SkipReason.PAUSED, count=3, job=names[0]))
        return ask(name)

    node.exposition._job_view = view
    for _ in range(2):
        found = await node.samples()
        started = found.total("jobd_runs_started_total", job_name=names[0])
        skipped = found.total("jobd_ticks_skipped_total", job_name=names[0])
        assert found.value("jobd_ticks_total", job_name=names[0]) == started + skipped
        assert skipped >= 3


async def test_what_changed_while_it_was_deflated_is_there_the_next_time(
    node: Any, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    deflate, happened = exposition.piece, []

    def piece(text: bytes) -> Any:
        if b"jobd_ticks_total{" in text and not happened:
            happened.append(node.observe(make.skipped(SkipReason.PAUSED)))
        return deflate(text)

    monkeypatch.setattr(exposition, "piece", piece)
    assert (await node.samples()).value("jobd_ticks_total") == 0
    assert (await node.samples()).value("jobd_ticks_total") == 1


async def test_what_changed_while_it_was_read_is_read_again(node: Any, make: Any) -> None:
    ask, later = node.exposition._job_view, make.NOW + timedelta(hours=5)

    def view(name: str) -> Any:
        seen = ask(name)
        if len(node.asked) == 1:
            node.show(next_fire=later)
            node.observe(make.granted())
        return seen

    node.exposition._job_view = view
    await node.page()
    moved = (await node.samples()).value("jobd_next_tick_timestamp_seconds")
    assert moved == later.timestamp()


async def test_a_reload_in_the_middle_of_a_scrape_harms_neither(node: Any, make: Any) -> None:
    node.configure(*(make.job(f"job{number}") for number in range(2 * BLOCK_JOBS)))
    scrape = asyncio.create_task(node.samples())
    await node.was_asked.wait()
    node.configure(make.job("only"))
    await scrape
    found = await node.samples()
    assert [labels["job_name"] for labels in found.labels("jobd_ticks_total")] == ["only"]


async def test_curl_reads_the_compressed_page(
    node: Any, make: Any, needs_tool: Callable[[str, str], str]
) -> None:
    """Not every client of gzip is Prometheus."""
    _, body = busy(node, make).exposition.render("", "gzip")
    zipped = b"".join([chunk async for chunk in body])

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"
        writer.write(head + zipped)
        await writer.drain()
        writer.close()

    curl = needs_tool("curl", "curl")
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}/"
        command = (curl, "--silent", "--fail", "--max-time", "10", "--compressed", url)
        with anyio.fail_after(15):
            done = await anyio.run_process(command)
    assert b'jobd_job_info{job_name="backup"' in done.stdout
