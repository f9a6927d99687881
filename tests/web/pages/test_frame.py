"""What every page has, whatever it shows."""

import re
from dataclasses import replace

import pytest

from jobd.core.claim import Pause
from jobd.web.pages.routes import PAGES
from tests.web.fake_node import NOW, FakeNode, Served, job_named, seen, shared_by, view_of
from tests.web.pages.reading import Reader, page_at

SHOWN = [page.path for page in PAGES if "{" not in page.path]


@pytest.mark.parametrize("path", SHOWN)
def test_every_page_forbids_whatever_is_not_its_own(server: Served, path: str) -> None:
    """A job's name or a reason that slipped through as markup could still run nothing."""
    headers = page_at(server, path).headers
    policy = headers["content-security-policy"]
    allowed = {source for rule in policy.split("; ") for source in rule.split()[1:]}
    assert "default-src 'none'" in policy
    assert allowed == {"'none'", "'self'"}
    assert "frame-ancestors 'none'" in policy
    assert headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("path", [*SHOWN, "/no/such/page"])
def test_no_page_lets_a_browser_guess_or_tell_where_it_comes_from(
    server: Served, path: str
) -> None:
    headers = page_at(server, path).headers
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", SHOWN)
def test_every_link_of_a_page_leads_somewhere(server: Served, node: FakeNode, path: str) -> None:
    node.add(view_of(job_named("a/b c?d#e%f")))
    links = set(Reader(page_at(server, path).body.decode()).values("href", "src", "action"))
    assert links
    own = [link for link in links if not link.startswith("#")]
    assert [link for link in own if page_at(server, link).status != 200] == []


@pytest.mark.parametrize("path", SHOWN)
def test_nothing_that_a_job_or_a_person_is_called_becomes_markup(
    server: Served, node: FakeNode, path: str
) -> None:
    evil = "<script>alert(1)</script>'\"&<img src=x onerror=alert(1)>"
    about = replace(job_named().about, description=evil, owner=evil, tags=(evil,))
    node.add(view_of(job_named(evil, about=about), pause=Pause(evil, NOW, evil)))
    node.drain = Pause(evil, NOW, evil)
    node.shared = shared_by(seen("app1"), seen(evil, labels=(evil,)))
    text = page_at(server, path).body.decode()
    assert "&lt;script&gt;" in text
    tags = Reader(text).tags
    assert [tag for tag, attributes in tags if tag == "img" or "onerror" in attributes] == []
    assert [attributes.get("src") is None for tag, attributes in tags if tag == "script"] == [False]


@pytest.mark.parametrize("path", SHOWN)
def test_no_page_shows_a_command_or_a_secret_on_tcp(server: Served, path: str) -> None:
    text = page_at(server, path).body.decode()
    assert not re.search("hunter2|swordfish|/bin/backup", text)


def test_a_client_that_does_not_ask_for_a_page_gets_the_index_in_json(server: Served) -> None:
    """curl / goes on listing what there is to ask."""
    plain = server.request("GET", "/", tcp=True, Accept="*/*")
    assert plain.headers["content-type"].startswith("application/json")
    assert page_at(server, "/").headers["vary"] == "Accept"


def test_a_browser_that_goes_astray_reads_a_sentence(server: Served) -> None:
    got = page_at(server, "/no/such/page")
    assert got.status == 404
    assert b"There is no page at" in got.body


def test_the_questions_answer_a_browser_in_json_too(server: Served) -> None:
    """Their shape is promised, whoever asks."""
    assert page_at(server, "/api/v1/jobs/nonsense").json["error"]["code"] == "no_such_job"


def test_a_page_under_a_foreign_name_tells_nothing_of_the_node(server: Served) -> None:
    """A web page elsewhere can give its own name this address, and read what comes back."""
    got = page_at(server, "/", Host="evil.example")
    assert got.status == 421
    assert b"app1" not in got.body


def test_files_are_kept_forever_under_a_name_that_their_content_makes(server: Served) -> None:
    links = Reader(page_at(server, "/").body.decode()).values("href", "src")
    kept = [link for link in links if link.startswith("/static/")]
    assert len(kept) >= 3  # style, script, icon
    for link in kept:
        got = page_at(server, link)
        assert "immutable" in got.headers["cache-control"]
        tag = {"If-None-Match": got.headers["etag"]}
        assert page_at(server, link, **tag).status == 304


@pytest.mark.parametrize("name", ["jobd.css", "..%2Fapp.py", "jobd.000000000000.js", "%00"])
def test_there_is_no_file_under_another_name(server: Served, name: str) -> None:
    assert page_at(server, f"/static/{name}").status == 404
