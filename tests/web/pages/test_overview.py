"""The overview: which jobs, in which order, and what is said of each."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from jobd.core.view import JobState, JobView
from jobd.web.attention import Concern
from jobd.web.pages import overview
from jobd.web.pages.selection import CHOICES
from tests.web.fake_node import BrokenStore, FakeNode, KeptStore, Served, job_named, served, view_of
from tests.web.pages.reading import page_at, read
from tests.web.pages.scene import bad_day, failing


@pytest.fixture
def crowd(node: FakeNode) -> FakeNode:
    """Return a node with a job for every concern."""
    bad_day(node)
    return node


def jobs_at(server: Served, path: str) -> list[str]:
    """Return the names of the jobs that are shown, in their order."""
    return [row.split()[0] for row in read(server, path).rows[1:]]


def test_what_needs_attention_comes_first(server: Served, crowd: FakeNode) -> None:
    assert jobs_at(server, "/") == [
        "export-invoices",  # failing
        "import-orders",  # running too long
        "run-periodic",  # slow
        "import-prices",  # late
        "mail",  # paused
        "backup",
        "import-stock",
    ]


def test_a_row_says_all_that_matters(server: Served, node: FakeNode) -> None:
    node.add(failing("export-invoices"))
    assert read(server, "/").rows[1] == (
        "export-invoices What export-invoices does scheduled failing last success 1 h 30 min ago "
        "near a ceiling 98 % of memory_max oom in 3 s 1 min ago 25 % 10:30:00 in 10 min"
    )


def test_the_tallies_lead_to_the_jobs_they_count(server: Served, crowd: FakeNode) -> None:
    links = [link for link in read(server, "/").values("href") if link.startswith("/?show=")]
    assert "/?show=failing" in links
    assert [len(jobs_at(server, link)) for link in links] == [1] * len(links)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=EXPORT", ["export-invoices"]),
        ("q=does", ["export-invoices"]),
        ("tag=x", ["export-invoices"]),
        ("owner=team-a", ["export-invoices"]),
        ("owner=team", []),
        ("show=running", ["import-orders", "import-stock"]),
        ("show=paused", ["mail"]),
        ("show=late&q=import", ["import-prices"]),
    ],
)
def test_a_filter_shows_what_it_names(
    server: Served, crowd: FakeNode, query: str, found: list[str]
) -> None:
    assert jobs_at(server, f"/?{query}") == found


def test_what_needs_attention_can_be_seen_alone(server: Served, crowd: FakeNode) -> None:
    assert len(jobs_at(server, "/?show=attention")) == 5


@pytest.mark.parametrize("show", CHOICES)
def test_every_choice_of_the_form_is_a_page(server: Served, show: str) -> None:
    assert page_at(server, f"/?show={show}").status == 200


def test_every_concern_and_every_state_can_be_chosen() -> None:
    assert {concern.slug for concern in Concern} < set(CHOICES)
    covered = {JobState.PAUSED, JobState.STORE_DOWN}  # by the concerns of their names
    assert {state.value for state in set(JobState) - covered} < set(CHOICES)


def test_the_form_keeps_what_was_filtered_by(server: Served) -> None:
    values = set(read(server, "/?q=a%22b&owner=team").values("value"))
    assert {'a"b', "team"} <= values


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("show=nonsense", "show: &#34;nonsense&#34; is none of attention, failing"),
        ("page=two", "page: &#34;two&#34; is no whole number"),
        ("pge=2", "did you mean &#34;page&#34;?"),
        ("q=%00", "write one line"),
    ],
)
def test_what_cannot_be_meant_is_told_on_a_page(server: Served, query: str, words: str) -> None:
    got = page_at(server, f"/?{query}")
    assert got.status == 400
    assert words in got.body.decode()


@pytest.fixture
def three_pages(node: FakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the jobs take three pages."""
    monkeypatch.setattr(overview, "PER_PAGE", 3)
    for number in range(6):
        node.add(view_of(job_named(f"job-{number}")))


@pytest.mark.usefixtures("three_pages")
def test_pages_show_every_job_once(server: Served) -> None:
    shown = [jobs_at(server, f"/?page={page}") for page in (1, 2, 3)]
    assert shown == [
        ["backup", "job-0", "job-1"],
        ["job-2", "job-3", "job-4"],
        ["job-5"],
    ]


@pytest.mark.usefixtures("three_pages")
def test_pages_lead_to_each_other_and_keep_the_filter(server: Served) -> None:
    links = set(read(server, "/?q=job&page=2").values("href"))
    assert "/?q=job" in links
    page = read(server, "/?q=job")
    assert "/?q=job&page=2" in page.values("href")
    assert "1 to 3 of 6 jobs out of 7" in page.text


@pytest.mark.usefixtures("three_pages")
def test_a_page_behind_the_last_is_the_last(server: Served) -> None:
    """Jobs were removed since the link was made."""
    assert jobs_at(server, "/?page=99") == ["job-5"]


def test_skips_of_a_day_are_counted_by_reason(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        store = KeptStore()
        store.skips = {"backup": {"pool": 2, "overlap": 1200}}
        server.node.store = store
        assert read(server, "/").rows[1].endswith("overlap 1,200 pool 2")


def test_without_a_store_the_page_says_what_it_does_not_know(server: Served) -> None:
    server.node.store = BrokenStore()
    assert "skips are not known: the store does not answer" in read(server, "/").text


def test_a_node_without_jobs_says_how_to_add_one(server: Served, node: FakeNode) -> None:
    node.views.clear()
    assert "No jobs are configured. Add one to /etc/jobd/jobd.toml" in read(server, "/").text


def test_a_job_that_a_reload_removes_meanwhile_is_left_out(
    server: Served, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "job_names", lambda: ["backup", "removed"])
    assert jobs_at(server, "/") == ["backup"]


def test_however_many_look_at_once_one_is_served_at_a_time(
    server: Served, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a claim would wait for a slice of each: a whole team looks when something is wrong."""
    for number in range(300):
        node.add(view_of(job_named(f"job-{number}")))
    looks: list[str] = []

    def names() -> list[str]:
        looks.append("begins")
        return list(node.views)

    def view(name: str) -> JobView | None:
        looks.append(name)
        return node.views.get(name)

    monkeypatch.setattr(node, "job_names", names)
    monkeypatch.setattr(node, "job_view", view)
    with ThreadPoolExecutor(4) as people:
        shown = list(people.map(lambda path: page_at(server, path).status, ["/", "/node"] * 4))
    assert shown == [200] * 8
    begins = [place for place, look in enumerate(looks) if look == "begins"]
    assert all(later - earlier > 300 for earlier, later in pairwise(begins))


def test_a_long_description_is_whole_in_the_tooltip(server: Served, node: FakeNode) -> None:
    about = replace(job_named().about, description="word " * 60)
    node.add(view_of(job_named("long", about=about)))
    assert ("word " * 60) in read(server, "/").values("title")
