"""A browser for the tests of the pages."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page

from tests.web.chromium import PATIENCE_MS, browser_at
from tests.web.fake_node import Served


@dataclass
class Surfer:
    """One window, what its pages complained of, and which hosts they asked."""

    context: BrowserContext
    page: Page
    origin: str
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def open(self, path: str) -> Page:
        """Go to a page of the served node and return it."""
        self.page.goto(f"{self.origin}{path}")
        return self.page


@pytest.fixture(scope="module")
def browser(needs_tool: Callable[[str, str], str]) -> Iterator[Browser]:
    """Return a browser; without chromium the test is skipped, in CI it fails.

    One for each file of tests: as long as it lives, no asynchronous test can run.
    """
    with browser_at(needs_tool("chromium", "chromium")) as browser:
        yield browser


@pytest.fixture
def surf(browser: Browser, server: Served) -> Iterator[Callable[..., Surfer]]:
    """Return a function that opens a window on the served node's TCP listener. It takes what
    a Playwright context takes: ``color_scheme="dark"``, ``java_script_enabled=False``."""
    assert server.listening.http is not None
    host, port = server.listening.http
    contexts: list[BrowserContext] = []

    def begin(**wishes: object) -> Surfer:
        context = browser.new_context(**wishes)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        surfer = Surfer(context, context.new_page(), f"http://{host}:{port}")
        _listen(surfer)
        return surfer

    yield begin
    for context in contexts:
        with suppress(Error):
            context.close()


def _listen(surfer: Surfer) -> None:
    """Note what the browser's console says, policies that were broken included."""
    page = surfer.page
    page.on("console", lambda line: surfer.complaints.append(line.text))
    page.on("pageerror", lambda error: surfer.complaints.append(str(error)))
    page.on("request", lambda request: surfer.hosts.add(urlsplit(request.url).netloc))
