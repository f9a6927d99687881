"""A job's page."""

from dataclasses import replace
from datetime import timedelta

import pytest

from jobd.core.claim import Pause
from jobd.core.hooks import Hook, Hooks
from jobd.core.job import Scope
from jobd.core.ledger import Skip, SkipReason, TickRange
from jobd.core.outcome import Outcome
from jobd.ports import AuditEntry, Enrolment
from jobd.web.pages.job import RUNS_SHOWN, web_address
from tests.web.fake_node import (
    NOW,
    BrokenStore,
    FakeNode,
    KeptStore,
    Served,
    hourly,
    job_named,
    seen,
    shared_by,
    view_of,
)
from tests.web.pages.reading import BROWSER, Reader, page_at, read
from tests.web.pages.scene import failing

PAGE = "/jobs/backup"


def test_it_says_where_the_job_is_defined_and_when_it_runs(server: Served) -> None:
    text = read(server, PAGE).text
    assert "Defined in jobs.d/a.toml:12" in text
    assert "Schedule */15 * * * * UTC" in text
    assert "Next tick 10:30:00" in text


@pytest.mark.parametrize(
    "row",
    [
        "timeout 5m job supervisor",
        "memory_max 512M defaults cgroup v1",
        "kill_after 10s built in supervisor",
        "pids_max none built in -",
        "max_running 16 limits scheduler",
    ],
)
def test_every_limit_names_its_source_and_its_keeper(server: Served, row: str) -> None:
    """No hidden ceilings."""
    assert row in read(server, PAGE).rows


def test_a_limit_that_nothing_holds_says_so(server: Served, node: FakeNode) -> None:
    limits = replace(job_named().limits, io_weight=50)
    node.add(view_of(job_named(limits=limits)))
    assert "io_weight 50 built in NOTHING HERE" in read(server, PAGE).rows


def test_a_run_that_failed_says_why(server: Served, node: FakeNode) -> None:
    """And one that failed at once says nothing of what the work takes."""
    server.call(node.start_run("aaaa1111"))
    server.call(node.end_run("aaaa1111", Outcome.FAILURE, exit_code=3))
    page = read(server, PAGE)
    (row,) = [row for row in page.rows if row.startswith("aaaa1111")]
    assert row.endswith("exit status 3")
    assert "Too few of the kept runs succeeded or reached a limit" in page.text


def test_of_a_retried_run_all_of_it_is_told(server: Served, node: FakeNode) -> None:
    """Twenty minutes in three attempts stood in the list as five seconds."""
    server.call(node.start_run("aaaa1111", at=NOW - timedelta(minutes=20)))
    last = {"attempt": 3, "started_at": NOW - timedelta(seconds=5), "duration_s": 5.0}
    server.call(node.end_run("aaaa1111", Outcome.FAILURE, exit_code=1, ended_at=NOW, **last))
    (row,) = (row for row in read(server, "/jobs/backup").rows if row.startswith("aaaa1111"))
    assert row.startswith("aaaa1111 failure 10:00:00 20 min ")
    assert row.endswith("exit status 1, attempt 3")


@pytest.mark.parametrize("outcome", ["lost", "start_error"])
def test_what_an_earlier_run_took_is_not_said_of_one_that_nothing_measured(
    server: Served, node: FakeNode, outcome: str
) -> None:
    view = node.views["backup"]
    ended = {"last_ended": NOW, "last_outcome": outcome, "last_duration": timedelta(minutes=2)}
    node.add(replace(view, memory=replace(view.memory, **ended)))
    assert "took 2 min" not in read(server, "/jobs/backup").text


def test_what_needs_attention_stands_first_as_on_the_overview(
    server: Served, node: FakeNode
) -> None:
    """Whoever is called at night opens this page: it said "scheduled" of a job that fails."""
    node.add(failing("backup"))
    text = read(server, PAGE).text
    assert text.index("failing last success 1 h 30 min ago") < text.index("Schedule")
    assert "near a ceiling 98 % of memory_max" in text


def test_a_pause_is_told_once(server: Served, node: FakeNode) -> None:
    node.add(view_of(job_named(), pause=Pause("uid 0 (root)", NOW, "moving house")))
    assert read(server, PAGE).text.count("moving house") == 1


def test_an_unknown_job_is_a_sentence_with_the_nearest_name(server: Served) -> None:
    got = page_at(server, "/jobs/bakcup")
    assert got.status == 404
    assert b"did you mean backup?" in got.body


def test_its_runs_are_told_newest_first_a_page_at_a_time(server: Served, node: FakeNode) -> None:
    for number in range(RUNS_SHOWN + 1):
        at = NOW - timedelta(hours=1) + timedelta(minutes=number)
        server.call(node.start_run(f"{number:08x}", at=at))
        server.call(node.end_run(f"{number:08x}"))

    def runs(path: str) -> list[str]:
        return [row[:8] for row in read(server, path).rows if "uid 0 (root)" in row]

    assert runs(PAGE) == [f"{number:08x}" for number in range(RUNS_SHOWN, 0, -1)]
    assert runs(f"{PAGE}?page=2") == ["00000000"]


def test_it_says_what_became_of_the_last_ticks(server: Served, node: FakeNode) -> None:
    at = NOW - timedelta(minutes=5)
    server.call(node.store.enrol([Enrolment("backup", "*")], NOW - timedelta(days=1)))
    skip = Skip(TickRange("backup", at, at, 1), SkipReason.PRESSURE, "memory 31 % stalled")
    server.call(node.store.skip([skip], "app1", at))
    assert "10:15:00 skipped: pressure — memory 31 % stalled" in read(server, PAGE).text


def test_why_can_be_asked_of_any_time(server: Served) -> None:
    text = read(server, f"{PAGE}?at=10:07").text
    assert "Why at 10:07" in text
    assert "no tick of this schedule at 2026-11-23 10:07:00" in text


def test_what_is_in_the_way_right_now_stands_above_all(server: Served, node: FakeNode) -> None:
    node.add(view_of(job_named(), pause=Pause("uid 0 (root)", NOW, "new disks")))
    assert 'paused by uid 0 (root) since 2026-11-23 10:20:00 "new disks"' in read(server, PAGE).text


def test_what_is_foretold_is_said_in_the_words_of_the_report(
    server: Served, node: FakeNode
) -> None:
    node.store = store = KeptStore()
    store.uses["backup"] = hourly(100, 200)
    page = read(server, PAGE)
    assert "Reaches its timeout of 5m in about 30 days" in page.text
    assert "fan" in page.values("class")


def test_ticks_to_come_are_told_with_their_jitter(server: Served, node: FakeNode) -> None:
    node.add(view_of(job_named(jitter=timedelta(minutes=5))))
    text = read(server, PAGE).text
    assert "with its jitter" in text
    assert "11:30:00" in text


@pytest.mark.parametrize(
    ("runbook", "is_linked"),
    [
        ("https://wiki.example.org/backup", True),
        ("http://wiki/backup", True),
        ("javascript:alert(1)", False),
        ("JaVaScRiPt:alert(1)", False),
        ("data:text/html,<script>alert(1)</script>", False),
        ("//evil.example", False),
        ("https:", False),
        ("http://[", False),
        ("ask the night shift", False),
    ],
)
def test_only_an_address_of_the_web_is_a_link(
    server: Served, node: FakeNode, runbook: str, is_linked: bool
) -> None:
    node.add(view_of(job_named(about=replace(job_named().about, runbook=runbook))))
    page = read(server, PAGE)
    assert (runbook in page.values("href")) is is_linked
    assert runbook in page.text
    assert bool(web_address(runbook)) is is_linked


def test_nothing_that_a_job_is_called_becomes_markup(server: Served, node: FakeNode) -> None:
    evil = "<script>alert(1)</script>'\"&<img src=x onerror=alert(1)>"
    about = replace(job_named().about, description=evil, owner=evil, runbook=evil, tags=(evil,))
    node.add(view_of(job_named("backup", about=about), pause=Pause(evil, NOW, evil)))
    page = Reader(page_at(server, PAGE).body.decode())
    assert [tag for tag, attributes in page.tags if tag == "img" or "onerror" in attributes] == []
    assert len([tag for tag, _ in page.tags if tag == "script"]) == 1


def test_command_and_audit_are_for_the_control_socket(server: Served, node: FakeNode) -> None:
    """Command lines hold passwords, and anyone on the machine may ask over TCP."""
    server.call(node.store.note(AuditEntry(NOW, "uid 0 (root)", "pause", "backup", "why not")))
    socket = server.request("GET", PAGE, Accept=BROWSER).body.decode()
    tcp = page_at(server, PAGE).body.decode()
    assert ["hunter2" in text for text in (socket, tcp)] == [True, False]
    assert ["why not" in text for text in (socket, tcp)] == [True, False]


def test_no_environment_and_no_secret_of_a_hook_is_ever_shown(
    server: Served, node: FakeNode
) -> None:
    hooks = Hooks(on_failure=Hook(url="https://hooks.example/T0/secret"))
    node.add(view_of(job_named(hooks=hooks)))
    for text in (server.request("GET", PAGE, Accept=BROWSER).body, page_at(server, PAGE).body):
        assert b"swordfish" not in text
        assert b"T0/secret" not in text


def test_while_the_store_is_silent_the_rest_is_shown(server: Served, node: FakeNode) -> None:
    node.store = BrokenStore()
    page = read(server, PAGE)
    assert "the store does not answer: disk I/O error" in page.text
    assert "timeout 5m job supervisor" in page.rows


def test_a_silent_store_does_not_say_that_nothing_ran(server: Served, node: FakeNode) -> None:
    node.store = BrokenStore()
    text = Reader(server.request("GET", PAGE, Accept=BROWSER).body.decode()).text
    for claim in ("no runs", "Too few runs", "None is kept", "Nobody did anything"):
        assert claim not in text
    assert "Runs Not known: the store does not answer." in text


def test_it_says_where_the_job_is_defined_otherwise(server: Served, node: FakeNode) -> None:
    node.add(view_of(job_named(scope=Scope.CLUSTER)))
    node.shared = shared_by(seen("app1"), seen("app2", digest="d2"))
    assert "and otherwise on perhaps app2, which does not say" in read(server, PAGE).text
