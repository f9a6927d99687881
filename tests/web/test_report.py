"""The report: every job, the most urgent first, with what is foretold of each limit."""

from datetime import timedelta

import pytest

from jobd.core.job import Limits
from jobd.core.outcome import Outcome
from jobd.web import report
from tests.web.fake_node import (
    NOW,
    BrokenStore,
    FakeNode,
    KeptStore,
    Served,
    hourly,
    job_named,
    view_of,
)

JOB_KEYS = ["job", "runs", "duration", "memory_peak", "interval", "timeout", "memory_max"]
LIMIT_KEYS = """confidence hits needs_a_look prospect reached_at reached_earliest reached_latest
recent_runs use_high use_lately"""
MEASURE_KEYS = "course foresight_s newest oldest runs"


@pytest.fixture
def store(node: FakeNode) -> KeptStore:
    """Return the history of a node with the job "backup": 15 minutes, timeout 5, 512 MiB."""
    node.store = KeptStore()
    return node.store


def test_the_keys_are_stable(server: Served, store: KeptStore) -> None:
    store.uses["backup"] = hourly(60.0, 60.0)
    document = server.get("/api/v1/report", tcp=True).json
    (job,) = document["jobs"]
    assert list(document) == ["now", "jobs"]
    assert list(job) == [*JOB_KEYS, "grown_step", "skipped_overlap_7d"]
    for name, unit in (("interval", "s"), ("timeout", "s"), ("memory_max", "bytes")):
        assert sorted(job[name]) == sorted([*LIMIT_KEYS.split(), f"limit_{unit}"])
    for name, unit in (("duration", "s"), ("memory_peak", "bytes")):
        assert sorted(job[name]) == sorted(
            [*MEASURE_KEYS.split(), f"lately_{unit}", f"high_{unit}"]
        )


def test_a_limit_is_told_with_its_use_and_when_it_is_reached(
    server: Served, store: KeptStore
) -> None:
    store.uses["backup"] = hourly(60.0, 240.0)
    (job,) = server.get("/api/v1/report").json["jobs"]
    timeout = job["timeout"]
    assert (timeout["limit_s"], timeout["prospect"]) == (300.0, "reaches")
    assert timeout["confidence"] == "fairly sure"
    assert timeout["reached_at"].startswith("2026-12-03T10:")  # ten days after the present
    assert timeout["use_high"] == pytest.approx(0.79, abs=0.01)
    assert job["memory_max"]["use_lately"] == pytest.approx(100 / 512)


def test_a_limit_that_the_job_does_not_have_is_null(
    server: Served, node: FakeNode, store: KeptStore
) -> None:
    node.add(view_of(job_named(timeout=None, limits=Limits()), interval=None))
    (job,) = server.get("/api/v1/report").json["jobs"]
    assert (job["interval"], job["timeout"], job["memory_max"]) == (None, None, None)


def test_a_job_that_has_not_run_is_there_all_the_same(server: Served, store: KeptStore) -> None:
    (job,) = server.get("/api/v1/report").json["jobs"]
    assert (job["runs"], job["duration"], job["memory_peak"]) == (0, None, None)
    assert (job["timeout"]["prospect"], job["timeout"]["use_high"]) == ("unknown", None)


def test_the_most_urgent_is_first(server: Served, node: FakeNode, store: KeptStore) -> None:
    for name in ("idle", "over", "soon"):
        node.add(view_of(job_named(name)))
    store.uses = {
        "idle": hourly(1.0, 1.0),
        "over": hourly(1000.0, 1000.0, outcome=Outcome.TIMEOUT),
        "soon": hourly(60.0, 280.0),
    }
    jobs = server.get("/api/v1/report").json["jobs"]
    assert [job["job"] for job in jobs] == ["over", "soon", "idle", "backup"]


def test_ticks_that_were_skipped_by_overlap_are_counted(server: Served, store: KeptStore) -> None:
    store.skips = {"backup": {"overlap": 7, "paused": 3}}
    store.skipped_at = NOW - report.SKIPS_OF
    assert server.get("/api/v1/report").json["jobs"][0]["skipped_overlap_7d"] == 7
    store.skipped_at -= timedelta(seconds=1)
    assert server.get("/api/v1/report").json["jobs"][0]["skipped_overlap_7d"] == 0


def test_one_job_can_be_asked_for(server: Served, node: FakeNode, store: KeptStore) -> None:
    node.add(view_of(job_named("poll")))
    jobs = server.get("/api/v1/report?job=poll").json["jobs"]
    assert [job["job"] for job in jobs] == ["poll"]
    assert store.asked == [["poll"]]


def test_an_unknown_job_is_told_the_nearest(server: Served, store: KeptStore) -> None:
    got = server.get("/api/v1/report?job=bakcup")
    assert (got.status, got.json["error"]["nearest"]) == (404, ["backup"])


def test_an_unknown_question_is_refused(server: Served) -> None:
    assert server.get("/api/v1/report?jobs=poll").status == 400


def test_many_jobs_are_asked_for_a_few_at_a_time(
    server: Served, node: FakeNode, store: KeptStore
) -> None:
    """A question of all at once would keep the others waiting."""
    for number in range(2 * report.AT_ONCE):
        node.add(view_of(job_named(f"job{number}")))
    assert len(server.get("/api/v1/report").json["jobs"]) == 2 * report.AT_ONCE + 1
    assert [len(jobs) for jobs in store.asked] == [report.AT_ONCE, report.AT_ONCE, 1]


def test_a_report_with_holes_is_no_report(server: Served, node: FakeNode) -> None:
    node.store = BrokenStore()
    got = server.get("/api/v1/report")
    assert (got.status, got.json["error"]["code"]) == (503, "store_unavailable")
