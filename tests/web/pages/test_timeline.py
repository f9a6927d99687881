"""The timeline as a page: what it shows of a node, and that it stays small."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jobd.core.ledger import Skip, SkipReason, TickRange
from jobd.core.outcome import Outcome
from jobd.ports import Enrolment, Happened, RunCell, Window
from jobd.web.pages.timeline import PER_PAGE
from tests.web.fake_node import NOW, BrokenStore, FakeNode, Served, job_named, view_of
from tests.web.pages.reading import page_at, read

MINUTE = timedelta(minutes=1)


async def skip(node: FakeNode, reason: SkipReason, minutes_ago: int, detail: str = "") -> None:
    at = NOW - minutes_ago * MINUTE
    await node.store.enrol([Enrolment("backup", "*")], NOW - timedelta(days=1))
    await node.store.skip([Skip(TickRange("backup", at, at, 1), reason, detail)], "app1", at)


def test_a_run_is_a_bar_that_leads_to_it(server: Served, node: FakeNode) -> None:
    server.call(node.start_run("aaaa1111", at=NOW - 30 * MINUTE))
    server.call(node.end_run("aaaa1111", Outcome.FAILURE))
    page = read(server, "/timeline?span=1h")
    assert "/runs/aaaa1111" in page.values("href")
    assert "failure, 09:50:00 to 09:50:03, took 3 s" in page.text
    assert "1 run , 1 failure" in page.text


def test_a_skipped_tick_says_why(server: Served, node: FakeNode) -> None:
    server.call(skip(node, SkipReason.PAUSED, 30, 'paused by anna "moving"'))
    page = read(server, "/timeline?span=1h")
    assert 'skipped: paused, 09:50:00: paused by anna "moving"' in page.text
    assert "skipped: paused 1" in page.text


def test_what_is_outside_of_the_window_is_not_shown(server: Served, node: FakeNode) -> None:
    server.call(skip(node, SkipReason.PAUSED, 100))
    assert "no runs" in read(server, "/timeline?span=1h").text
    assert "skipped: paused 1" in read(server, "/timeline?span=6h").text


def test_an_earlier_window_is_a_link_away(server: Served, node: FakeNode) -> None:
    server.call(skip(node, SkipReason.PAUSED, 70))
    links = [*read(server, "/timeline?span=1h").values("href")]
    earlier = next(link for link in links if "&to=" in link)
    page = read(server, earlier)
    assert "skipped: paused 1" in page.text
    assert "Later →" in page.text


def test_lanes_can_be_nodes(server: Served, node: FakeNode) -> None:
    server.call(node.start_run("aaaa1111", at=NOW - 30 * MINUTE, node="app2"))
    page = read(server, "/timeline?by=node&span=1h")
    lanes = [value for value in page.values("id") if value.startswith("lane-")]
    assert lanes == ["lane-app1", "lane-app2"]


def test_the_table_tells_the_same_in_words(server: Served, node: FakeNode) -> None:
    """For whoever does not see the picture, or has no mouse."""
    server.call(node.start_run("aaaa1111", at=NOW - 30 * MINUTE))
    server.call(node.end_run("aaaa1111"))
    server.call(skip(node, SkipReason.OVERLAP, 20, "too slow"))
    _, skipped, ran = read(server, "/timeline?span=1h&look=table").rows
    assert skipped == "10:00:00 backup skipped skipped: overlap, 10:00:00: too slow"
    assert ran == "09:50:00 backup success success, 09:50:00 to 09:50:03, took 3 s"


def test_jobs_are_found_by_text_and_state(server: Served, node: FakeNode) -> None:
    node.add(view_of(job_named("send-mail")))
    text = read(server, "/timeline?q=mail").text
    assert "send-mail" in text
    assert "backup" not in text
    assert "No job is like that" in read(server, "/timeline?show=running").text


def test_lanes_come_a_page_at_a_time(server: Served, node: FakeNode) -> None:
    for number in range(PER_PAGE + 5):
        node.add(view_of(job_named(f"job-{number:02}")))
    first, second = read(server, "/timeline"), read(server, "/timeline?page=2")
    lanes = [sum(v.startswith("lane-") for v in p.values("id")) for p in (first, second)]
    assert lanes == [PER_PAGE, 6]
    assert f"1 to {PER_PAGE} of {PER_PAGE + 6}" in first.text


def test_lanes_of_nodes_come_a_page_at_a_time_too(server: Served, node: FakeNode) -> None:
    """Else who looks for the last node of a large cluster sees the first ones on every page."""
    names = [f"node-{number:02}" for number in range(PER_PAGE + 5)]
    for name in names:
        server.call(node.start_run(f"run-{name}", at=NOW - 30 * MINUTE, node=name))
    page = read(server, "/timeline?by=node&span=1h&page=2")
    lanes = [value for value in page.values("id") if value.startswith("lane-")]
    assert lanes == [f"lane-{name}" for name in names[PER_PAGE - 1 :]]  # app1 is the first


def test_behind_the_last_page_the_one_before_it_is_a_link_away(
    server: Served, node: FakeNode
) -> None:
    """Jobs may have gone since the address was noted."""
    for number in range(2 * PER_PAGE + 5):
        node.add(view_of(job_named(f"job-{number:02}")))
    links = {*read(server, "/timeline?span=15m&page=99").values("href")}
    assert "/timeline?span=15m&page=2" in links


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("span=2h", "is none of 15m"),
        ("to=yesterday", "write an instant with its zone"),
        ("by=owner", "is none of job, node"),
        ("pages=2", "did you mean"),
        ("q=%00", "printable"),
    ],
)
def test_what_cannot_be_meant_is_a_sentence(server: Served, query: str, words: str) -> None:
    got = page_at(server, f"/timeline?{query}")
    assert got.status == 400
    assert words in got.body.decode()


def test_while_the_store_is_silent_the_page_says_so(server: Served, node: FakeNode) -> None:
    node.store = BrokenStore()
    assert (
        "Nothing is known of this time: the store does not answer" in read(server, "/timeline").text
    )


@pytest.mark.parametrize("look", ["", "&look=table"])
def test_a_silent_store_does_not_say_that_nothing_ran(
    server: Served, node: FakeNode, look: str
) -> None:
    node.store = BrokenStore()
    text = read(server, f"/timeline?span=1h{look}").text
    assert "no runs" not in text
    assert "Nothing." not in text


class BusyStore(BrokenStore):
    """A store with twenty thousand runs of twenty jobs in a week, hard to draw: no two
    neighbours look alike."""

    async def happened(self, window: Window) -> Happened:
        assert window.jobs is not None
        cell = (window.end - window.start) / window.cells
        return Happened([
            RunCell(job, n, outcome, 2, window.start + n * cell, window.start + n * cell,
                    60.0 * n % 1000, 60.0, "x")
            for job in window.jobs
            for n in range(220)
            for outcome in ("success", "failure")[: 1 + n % 2]
        ])  # fmt: skip

    async def skip_counts(self, since: Any) -> dict[str, dict[str, int]]:
        return {}


def test_a_page_of_twenty_thousand_runs_has_a_bounded_number_of_things_to_draw(
    server: Served, node: FakeNode
) -> None:
    """A browser that has to draw them all would crawl."""
    node.views.clear()
    node.store = BusyStore()
    for number in range(PER_PAGE):
        job = replace(job_named(f"job-{number:02}"), schedule=None)
        node.add(view_of(job, next_fire=None))
    text = page_at(server, "/timeline?span=1w").body.decode()
    counted = sum(int(n.replace(",", "")) for n in re.findall(r"([\d,]+) runs</span>", text))
    assert counted == PER_PAGE * 660
    assert text.count("<rect") < 15_000
    assert len(text) < 3 << 20
