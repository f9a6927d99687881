"""What jobs, operators and configurations say is text in a page, whatever it looks like."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from jobd.core.claim import Pause
from jobd.core.job import About
from jobd.core.outcome import Outcome
from jobd.core.said import Said, StepTime
from jobd.core.view import JobState
from jobd.web.pages.routes import PAGES
from tests.web.busy_node import fill
from tests.web.fake_node import NOW, FakeNode, Served, served

EVIL = [
    "<script>evil()</script>",
    "\"><img src=x onerror='evil()'>",
    "' onmouseover='evil()",
    "javascript:evil()",
    "</title></style></textarea><svg/onload=evil()>",
    "{{ 7 * 7 }}${7*7}",
    "<!--",
]
FOLDED = re.compile(r"\{(\w+)\}")
EXAMPLES = {"job": "backup", "run": "aaaa1111"}


class Seen(HTMLParser):
    """What of a page could act: elements, attributes, addresses."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.handlers: set[str] = set()
        self.addresses: list[str] = []
        self.inline: list[str] = []
        self._is_in_script = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._is_in_script = tag == "script"
        for name, value in attrs:
            if name.startswith("on") or name == "style":
                self.handlers.add(name)
            if name in ("href", "src", "action", "formaction"):
                self.addresses.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        self._is_in_script = False

    def handle_data(self, data: str) -> None:
        if self._is_in_script and data.strip():
            self.inline.append(data)


@pytest.fixture(params=EVIL)
def evil(request: pytest.FixtureRequest) -> str:
    text: str = request.param
    return text


@pytest.fixture
def target(evil: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Return a node on which everything that anybody may name has an evil name."""
    with served(tmp_path_factory.mktemp("evil")) as running:
        running.call(fill(running.node))
        running.call(_spoil(running.node, evil))
        yield running


async def _spoil(node: FakeNode, evil: str) -> None:
    about = About(description=evil, owner=evil, runbook=evil, tags=(evil,))
    pause = Pause(evil, NOW, evil)
    said = Said(evil, 0.5, evil, NOW)
    view = node.views["backup"]
    node.add(
        replace(
            view,
            job=replace(view.job, about=about),
            pause=pause,
            memory=replace(view.memory, last_outcome="failure", skip_next=pause),
            runs=tuple(replace(shown, said=said) for shown in view.runs),
        )
    )
    node.drain = pause
    idle = node.views["manual"]
    job = replace(idle.job, name=f"x{evil}", about=about)
    node.add(replace(idle, job=job, pause=pause, state=JobState.PAUSED))
    node.identity = replace(node.identity, config_path=evil, labels=(evil,))
    await node.start_run("eeee5555")
    await node.end_run(
        "eeee5555", Outcome.FAILURE, reason=evil, steps=(StepTime(evil, 1.0),), exit_code=1
    )
    node.outputs[("eeee5555", 1)] = evil.encode()


def pages(target: Served, evil: str) -> Iterator[tuple[str, str]]:
    """Yield path and text of every page, and of those that say that there is none."""
    paths = [FOLDED.sub(lambda match: EXAMPLES.get(match[1], "x"), page.path) for page in PAGES]
    quoted = "".join(f"%{byte:02x}" for byte in evil.encode())
    paths += [f"/{quoted}", f"/?owner={quoted}&tag={quoted}&q={quoted}", f"/jobs/x{quoted}"]
    for path in paths:
        got = target.request("GET", path, tcp=True, Accept="text/html")
        assert got.status < 500, path
        assert got.headers["content-type"].startswith("text/html"), path
        assert "default-src 'none'" in got.headers["content-security-policy"], path
        yield path, got.body.decode()


def test_no_name_becomes_more_than_text(target: Served, evil: str) -> None:
    told = 0
    for path, page in pages(target, evil):
        seen = Seen(page)
        assert seen.handlers == set(), path
        assert seen.inline == [], path
        assert seen.tags & {"img", "iframe", "object", "embed", "base"} == set(), path
        told += "evil" in page or "7 * 7" in page or "&lt;!--" in page
    assert told, "somewhere it is shown"


def test_no_address_leads_to_a_script(target: Served, evil: str) -> None:
    """A runbook that is no http address is text, and no link."""
    for path, page in pages(target, evil):
        for address in Seen(page).addresses:
            assert re.match(r"(https?://|/|#|\?|$)", address), f"{path}: {address}"
            assert not address.startswith("//"), f"{path}: {address}"


def test_output_is_bytes_that_no_browser_executes(target: Served, evil: str) -> None:
    got = target.get("/api/v1/runs/eeee5555/output", tcp=True)
    assert got.body == evil.encode()
    assert got.headers["content-type"] == "text/plain; charset=utf-8"
    assert got.headers["x-content-type-options"] == "nosniff"


def test_json_is_no_page(target: Served, evil: str) -> None:
    """Also to a browser that would rather have HTML."""
    got = target.request("GET", "/api/v1/jobs", tcp=True, Accept="text/html")
    assert got.headers["content-type"] == "application/json; charset=utf-8"
