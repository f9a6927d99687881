"""The timeline, a job and a run in a real browser."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from jobd.core.ledger import Skip, SkipReason, TickRange
from jobd.core.outcome import Outcome
from jobd.core.said import StepTime
from jobd.web.pages import rendering
from tests.web.fake_node import NOW, FakeNode, KeptStore, Served, hourly
from tests.web.pages.conftest import Surfer
from tests.web.pages.scene import bad_day
from tests.web.pages.test_live import EVERY_S, PHONE

Surf = Callable[..., Surfer]
RUN = "/runs/aaaa1111"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pages look for news ten times a second."""
    monkeypatch.setattr(rendering, "REFRESH_S", EVERY_S)


@pytest.fixture
def busy(server: Served, node: FakeNode) -> FakeNode:
    """Return a node on a bad day, with a job that grows, was skipped, and ran."""
    bad_day(node)
    node.store = store = KeptStore()
    steps = (StepTime("load", 1.0), StepTime("send", 2.0))
    store.uses["backup"] = [replace(use, steps=steps) for use in hourly(100, 200)]
    server.call(node.start_run("aaaa1111", at=NOW - timedelta(minutes=50)))
    node.outputs["aaaa1111", 1] = b"one\n" * 400
    server.call(node.end_run("aaaa1111", Outcome.FAILURE, steps=steps, output_bytes=1600))
    at = NOW - timedelta(minutes=30)
    skip = Skip(TickRange("backup", at, at + timedelta(minutes=20), 20), SkipReason.PAUSED)
    server.call(node.store.skip([skip], "app1", at))
    return node


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/timeline?span=1h", "/jobs/backup", RUN])
def test_a_page_can_be_used_by_everybody(
    surf: Surf, busy: FakeNode, path: str, scheme: str
) -> None:
    """axe-core finds contrast that is too low, missing names, tables and landmarks gone wrong."""
    page = surf(color_scheme=scheme, bypass_csp=True).open(path)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("path", ["/timeline?span=1h", "/jobs/backup", RUN])
def test_a_page_fits_on_a_phone_breaks_no_policy_and_asks_no_other_host(
    surf: Surf, busy: FakeNode, path: str
) -> None:
    surfer = surf(viewport=PHONE)
    page = surfer.open(path)
    expect(page.get_by_role("status")).to_have_text("live")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert surfer.hosts == {surfer.origin.removeprefix("http://")}
    assert surfer.complaints == []


def test_output_grows_while_somebody_looks_and_the_end_is_shown(
    surf: Surf, server: Served, node: FakeNode
) -> None:
    server.call(node.start_run("aaaa1111"))
    node.outputs["aaaa1111", 1] = b"hello\n"
    surfer = surf()
    page = surfer.open(RUN)
    box = page.get_by_role("region", name="Output", exact=True)
    expect(box).to_contain_text("hello")
    node.outputs["aaaa1111", 1] += b" 10 %\r 90 %\r\x1b[32m<b>done</b>\x1b[0m\nnext"
    expect(box.locator("pre")).to_have_text("hello\n<b>done</b>\nnext", use_inner_text=True)
    expect(page.locator(".came")).to_have_text("active")
    server.call(node.end_run("aaaa1111", Outcome.FAILURE, exit_code=3, output_bytes=99))
    expect(page.locator(".came")).to_have_text("failure: exit status 3")
    expect(box).to_contain_text("next")
    assert surfer.complaints == []


def test_a_run_that_has_written_nothing_yet_says_so_until_it_does(
    surf: Surf, server: Served, node: FakeNode
) -> None:
    """An empty box told neither an eye nor a screen reader whether anything was amiss."""
    server.call(node.start_run("aaaa1111"))
    surfer = surf()
    page = surfer.open(RUN)
    box = page.get_by_role("region", name="Output", exact=True)
    expect(box).to_have_text("It has written nothing yet.")
    node.outputs["aaaa1111", 1] = b"hello\n"
    expect(box).to_have_text("hello")
    assert surfer.complaints == []


def test_a_run_that_ends_leaves_its_reader_where_they_are(
    surf: Surf, server: Served, node: FakeNode
) -> None:
    """Its last lines are read just then: the box went back to the first, without focus and
    without what was selected."""
    server.call(node.start_run("aaaa1111"))
    node.outputs["aaaa1111", 1] = b"a line\n" * 400
    page = surf().open(RUN)
    box = page.get_by_role("region", name="Output", exact=True)
    box.focus()
    box.evaluate("box => getSelection().selectAllChildren(box.querySelector('pre'))")
    box.evaluate("box => { box.scrollTop = 99 }")
    node.outputs["aaaa1111", 1] += b"the last one\n"
    server.call(node.end_run("aaaa1111", Outcome.FAILURE, output_bytes=2813))
    expect(page.locator(".came")).to_have_text("failure")
    expect(box).to_contain_text("the last one")
    assert box.evaluate("box => [box.scrollTop, box === document.activeElement]") == [99, True]
    assert "a line" in page.evaluate("String(getSelection())")


def test_of_a_run_that_is_over_the_end_of_its_output_is_seen_first(
    surf: Surf, busy: FakeNode
) -> None:
    """There stands why it failed."""
    box = surf().open(RUN).get_by_role("region", name="Output", exact=True)
    left = "box => box.scrollHeight - box.scrollTop - box.clientHeight"
    assert box.evaluate(left) == pytest.approx(0, abs=2)
    assert box.evaluate("box => box.scrollTop") > 0


def test_a_new_attempt_takes_the_place_of_the_last_one(
    surf: Surf, server: Served, node: FakeNode
) -> None:
    server.call(node.start_run("aaaa1111"))
    node.outputs["aaaa1111", 1] = b"it broke\n"
    page = surf().open(RUN)
    box = page.get_by_role("region", name="Output", exact=True)
    expect(box).to_contain_text("it broke")
    node.outputs["aaaa1111", 2] = b"once more\n"
    server.call(node.retry("aaaa1111"))
    expect(box).to_have_text("once more")
    node.outputs["aaaa1111", 2] += b"and on\n"
    expect(box).to_have_text("once more and on")
    server.call(node.end_run("aaaa1111"))
    expect(page.locator(".came")).to_have_text("success")


def test_a_run_that_begins_appears_in_the_timeline(
    surf: Surf, server: Served, node: FakeNode
) -> None:
    page = surf().open("/timeline?span=1h")
    expect(page.locator("#lane-backup")).to_contain_text("no runs")
    server.call(node.start_run("aaaa1111", at=NOW - timedelta(minutes=9)))
    expect(page.locator("#lane-backup")).to_contain_text("1 active")
    page.locator("#lane-backup a rect.active").click()
    expect(page).to_have_url(re.compile(f"{RUN}$"))
    server.call(node.end_run("aaaa1111"))
    expect(page.locator(".came")).to_have_text("success")


def test_without_javascript_the_timeline_is_moved_by_links(surf: Surf, busy: FakeNode) -> None:
    page = surf(java_script_enabled=False).open("/timeline?span=1h")
    page.get_by_role("link", name="table").click()
    expect(page.get_by_role("row")).to_have_count(3)
    page.get_by_role("link", name="Earlier").click()
    expect(page.get_by_role("link", name="Later")).to_be_visible()
    page.get_by_label("Text").fill("nothing like it")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("No job is like that")).to_be_visible()


def _is_within(page: Page, selector: str) -> list[bool]:
    """Return of each such element whether all of its width is on the screen."""
    return page.locator(selector).evaluate_all("""all => all.map(each => {
        const { left, right } = each.getBoundingClientRect();
        return left >= 0 && right <= innerWidth;
    })""")


def test_on_a_phone_the_limits_of_a_run_are_seen_whole(surf: Surf, busy: FakeNode) -> None:
    page = surf(viewport=PHONE).open(RUN)
    assert set(_is_within(page, "[aria-labelledby=took] td.use")) == {True}


def test_on_a_phone_each_attempt_can_be_reached(surf: Surf, server: Served, node: FakeNode) -> None:
    """The newest were beyond the edge of what cannot be scrolled."""
    server.call(node.start_run("aaaa1111"))
    for _ in range(8):
        server.call(node.retry("aaaa1111"))
    page = surf(viewport=PHONE).open(RUN)
    assert _is_within(page, ".choice a") == [True] * 9


def test_on_a_phone_it_is_seen_which_store_is_down(surf: Surf, busy: FakeNode) -> None:
    """Its address alone was as wide as the screen."""
    busy.identity = replace(busy.identity, store="postgresql://jobd:***@db1.example.org,db2/jobd")
    page = surf(viewport=PHONE).open("/node")
    assert _is_within(page, "[aria-labelledby=stores] tbody td:nth-child(2)") == [True, True]


def test_no_time_at_the_edge_of_a_day_is_cut(
    surf: Surf, busy: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ "3:0" is no time."""
    monkeypatch.setattr(busy, "now", lambda: NOW - timedelta(minutes=20))  # it ends at noon
    page = surf(viewport=PHONE).open("/jobs/backup")
    assert set(_is_within(page, ".times text")) == {True}


def test_a_long_path_stays_within_its_fact(surf: Surf, busy: FakeNode) -> None:
    page = surf(viewport={"width": 1280, "height": 640}).open("/jobs/backup")
    page.get_by_role("button", name="Pause updates").click()
    page.locator(".facts code").first.evaluate("code => { code.textContent = 'x'.repeat(80) }")
    ends = "dd => [dd, dd.parentElement].map(each => each.getBoundingClientRect().right)"
    told, fact = page.locator(".facts dd").first.evaluate(ends)
    assert told <= fact
