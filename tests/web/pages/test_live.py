"""Pages in a real browser: what they load, keep, and say while they keep themselves up to date."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from jobd.core.claim import Pause
from jobd.web.pages import rendering
from jobd.web.pages.routes import PAGES
from tests.web.fake_node import NOW, FakeNode, job_named, view_of
from tests.web.pages.conftest import Surfer
from tests.web.pages.scene import bad_day, failing

SHOWN = [page.path for page in PAGES if "{" not in page.path]
PHONE = {"width": 320, "height": 640}  # what a page must fit in, says WCAG 1.4.10
EVERY_S = 0.1

Surf = Callable[..., Surfer]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pages look for news ten times a second."""
    monkeypatch.setattr(rendering, "REFRESH_S", EVERY_S)


def wait_for_update(page: Page, node: FakeNode) -> None:
    """Return once the page shows something that it did not before."""
    node.drain = Pause("uid 0 (root)", NOW, "an update has come")
    expect(page.get_by_text("an update has come").first).to_be_visible()


@pytest.mark.parametrize("path", SHOWN)
def test_a_page_asks_no_other_host_and_breaks_no_policy(
    surf: Surf, node: FakeNode, path: str
) -> None:
    """Servers have no way out, and a tool for them tells nobody that somebody looks."""
    bad_day(node)
    surfer = surf()
    wait_for_update(surfer.open(path), node)
    assert surfer.hosts == {surfer.origin.removeprefix("http://")}
    assert surfer.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", SHOWN)
def test_a_page_can_be_used_by_everybody(
    surf: Surf, node: FakeNode, path: str, scheme: str
) -> None:
    """axe-core finds contrast that is too low, missing names, tables and landmarks gone wrong."""
    bad_day(node)
    page = surf(color_scheme=scheme, bypass_csp=True).open(path)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("path", SHOWN)
def test_a_page_fits_on_a_phone(surf: Surf, node: FakeNode, path: str) -> None:
    bad_day(node)
    page = surf(viewport=PHONE).open(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_dark_is_dark_and_light_is_light(surf: Surf) -> None:
    def brightness(scheme: str) -> int:
        page = surf(color_scheme=scheme).open("/")
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(map(int, ground.removeprefix("rgb(").removesuffix(")").split(",")))

    assert brightness("dark") < 150 < 600 < brightness("light")


@pytest.mark.parametrize("width", [1280, PHONE["width"]])
def test_the_script_s_own_words_move_nothing(surf: Surf, node: FakeNode, width: int) -> None:
    """A page that jumps makes people press the wrong thing: all stands where it stands without
    the script."""
    bad_day(node)
    viewport = {"width": width, "height": 720}
    still = surf(viewport=viewport, java_script_enabled=False).open("/")
    page = surf(viewport=viewport).open("/")
    expect(page.get_by_role("button", name="Pause updates")).to_be_visible()
    for region in ("nav", "#headline", "main", "footer"):
        assert page.locator(region).bounding_box() == still.locator(region).bounding_box()


def test_what_changes_is_seen_without_a_reload(surf: Surf, node: FakeNode) -> None:
    page = surf().open("/")
    expect(page.get_by_role("rowheader", name="backup")).to_be_visible()
    page.evaluate("window.isSame = true")
    node.add(failing("export-invoices"))
    expect(page.get_by_role("rowheader", name="export-invoices")).to_be_visible()
    assert page.evaluate("window.isSame")


def test_a_job_that_is_gone_leaves_the_page(surf: Surf, node: FakeNode) -> None:
    node.add(failing("export-invoices"))
    page = surf().open("/")
    del node.views["export-invoices"]
    expect(page.get_by_role("rowheader", name="export-invoices")).to_have_count(0)
    expect(page.get_by_role("rowheader", name="backup")).to_be_visible()


def test_an_update_keeps_the_focus_though_the_row_moves(surf: Surf, node: FakeNode) -> None:
    for name in ("a", "b", "c"):
        node.add(view_of(job_named(name)))
    page = surf().open("/")
    page.get_by_role("link", name="c", exact=True).focus()
    node.add(failing("c"))  # it is the first row now
    expect(page.get_by_role("row").nth(1)).to_contain_text("failing")
    assert page.evaluate("document.activeElement.textContent") == "c"


def test_an_update_keeps_what_somebody_is_typing(surf: Surf, node: FakeNode) -> None:
    page = surf().open("/")
    page.get_by_label("Text").fill("half a wo")
    wait_for_update(page, node)
    assert page.get_by_label("Text").input_value() == "half a wo"


def test_an_update_keeps_the_scrolling(surf: Surf, node: FakeNode) -> None:
    for number in range(80):
        node.add(view_of(job_named(f"job-{number}")))
    page = surf().open("/")
    page.evaluate("window.scrollTo({ top: 900, behavior: 'instant' })")
    node.add(replace(node.views["job-79"], pause=Pause("uid 0 (root)", NOW, "moving house")))
    expect(page.get_by_text("moving house")).to_be_attached()
    assert page.evaluate("window.scrollY") == pytest.approx(900, abs=60)


def test_a_page_says_when_the_daemon_is_silent_and_when_it_is_back(surf: Surf) -> None:
    """What is on the screen is old then, and looks as new as ever."""
    surfer = surf()
    page = surfer.open("/")
    surfer.context.set_offline(True)
    expect(page.get_by_role("status")).to_have_text("no answer: this is as of 10:20:00")
    surfer.context.set_offline(False)
    expect(page.get_by_role("status")).to_have_text("live")


def test_a_page_of_another_version_comes_with_its_own_files(
    surf: Surf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an upgrade an old script would go on with new pages until somebody reloads them."""
    page = surf().open("/")
    page.evaluate("window.isOld = true")
    other = rendering.asset_url("jobd.css") + "?upgraded"
    of_now = rendering.environment().globals["asset"]
    upgraded = {"jobd.css": other}
    monkeypatch.setitem(
        rendering.environment().globals, "asset", lambda name: upgraded.get(name) or of_now(name)
    )
    expect(page.locator("link[rel=stylesheet]")).to_have_attribute("href", other)
    assert page.evaluate("window.isOld") is None


def test_updates_can_be_paused(surf: Surf, node: FakeNode) -> None:
    """Who reads out a line does not want it to change meanwhile (WCAG 2.2.2)."""
    surfer = surf()
    page = surfer.open("/")
    page.get_by_role("button", name="Pause updates").click()
    expect(page.get_by_role("status")).to_have_text("paused")
    assert _asks(page, surfer) == []
    page.get_by_role("button", name="Resume updates").click()
    wait_for_update(page, node)


def test_a_page_that_nobody_sees_asks_for_nothing(surf: Surf, node: FakeNode) -> None:
    """A tab that is forgotten for a week costs the daemon nothing."""
    surfer = surf()
    page = surfer.open("/")
    _set_hidden(page, "true")
    assert _asks(page, surfer) == []
    _set_hidden(page, "false")
    wait_for_update(page, node)


def _asks(page: Page, surfer: Surfer) -> list[str]:
    """Return what is asked for during ten times the pause between two updates."""
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(10 * 1000 * EVERY_S)  # that nothing happens takes its time
    return asked


def _set_hidden(page: Page, hidden: str) -> None:
    page.evaluate(f"""Object.defineProperty(document, "hidden",
        {{ configurable: true, get: () => {hidden} }});
        document.dispatchEvent(new Event("visibilitychange"))""")


def test_without_javascript_jobs_are_found_all_the_same(surf: Surf, node: FakeNode) -> None:
    bad_day(node)
    page = surf(java_script_enabled=False).open("/")
    page.get_by_label("Text").fill("EXPORT")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("rowheader")).to_have_count(1)
    page.get_by_role("link", name="Show all").click()
    expect(page.get_by_role("rowheader")).to_have_count(7)


def test_the_keyboard_reaches_everything_and_shows_where_it_is(surf: Surf, node: FakeNode) -> None:
    bad_day(node)
    page = surf().open("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    wanted = page.evaluate("document.querySelectorAll('a, button, input, select').length")
    reached = set()
    for _ in range(wanted):
        reached.add(page.evaluate("document.activeElement.outerHTML"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", page.evaluate("document.activeElement.outerHTML")
        page.keyboard.press("Tab")
    assert len(reached) == wanted


def test_the_skip_link_leads_past_the_navigation(surf: Surf) -> None:
    page = surf().open("/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
