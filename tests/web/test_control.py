import os
import pwd
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from jobd.core.claim import ActiveRun, Trigger
from jobd.core.effects import Refused, Reply
from jobd.core.events import (
    CancelAsked,
    OperatorEvent,
    PauseAsked,
    ResumeAsked,
    SkipNextAsked,
    TriggerAsked,
)
from jobd.core.job import Param
from jobd.ports import AuditEntry
from jobd.web.node import ReloadResult
from tests.web.fake_node import NOW, FakeNode, Served, job_named, view_of, waiting_view

ME = f"uid {os.getuid()} ({pwd.getpwuid(os.getuid()).pw_name})"
CONTROLS = [
    "/api/v1/jobs/backup/trigger",
    "/api/v1/jobs/backup/cancel",
    "/api/v1/runs/aaaa1111/cancel",
    "/api/v1/jobs/backup/pause",
    "/api/v1/jobs/backup/resume",
    "/api/v1/jobs/backup/skip-next",
    "/api/v1/pause",
    "/api/v1/resume",
    "/api/v1/drain",
    "/api/v1/undrain",
    "/api/v1/reload",
]


def last_asked(node: FakeNode) -> Any:
    return node.asked[-1]


@pytest.mark.parametrize("path", CONTROLS)
def test_no_control_is_reachable_over_tcp(server: Served, node: FakeNode, path: str) -> None:
    got = server.request("POST", path, tcp=True)
    assert (got.status, got.json["error"]["code"], node.asked) == (405, "read_only", [])


def test_the_audit_is_not_reachable_over_tcp(server: Served) -> None:
    assert server.get("/api/v1/audit", tcp=True).status == 404


def test_a_trigger_is_asked_in_the_name_of_the_peer(server: Served, node: FakeNode) -> None:
    """The kernel says who it was; nothing in the request can claim otherwise."""
    server.post("/api/v1/jobs/backup/trigger")
    assert last_asked(node).by == ME


def test_a_trigger_gets_an_id_for_its_run_here(server: Served, node: FakeNode) -> None:
    reply = server.post("/api/v1/jobs/backup/trigger").json
    assert re.fullmatch("[0-9a-f]{16}", reply["run_ids"][0])
    assert reply["run_ids"] == [last_asked(node).run_id]


def test_missing_parameters_get_their_defaults(server: Served, node: FakeNode) -> None:
    server.post("/api/v1/jobs/backup/trigger", {"queue": True})
    asked = last_asked(node)
    assert isinstance(asked, TriggerAsked)
    assert (asked.params, asked.queue, asked.force) == ((("table", "orders"),), True, False)


def test_given_parameters_go_to_the_scheduler(server: Served, node: FakeNode) -> None:
    server.post("/api/v1/jobs/backup/trigger", {"params": {"table": "users"}})
    assert last_asked(node).params == (("table", "users"),)


def test_a_parameter_without_default_must_be_given(server: Served, node: FakeNode) -> None:
    node.add(view_of(job_named(params=(Param("table"),))))
    got = server.post("/api/v1/jobs/backup/trigger")
    assert got.json["error"]["message"] == "parameter table is missing; it has no default"


@pytest.mark.parametrize(
    "body",
    [
        {"params": {"tabel": "users"}},
        {"params": {"table": "users; rm"}},
        {"params": {"table": "users\n"}},  # fullmatch, not match
        {"params": {"table": 5}},
        {"params": {"table": "a\0"}},
        {"params": []},
        {"force": "yes"},
        {"force": True, "queue": True},
        {"priority": 5},
        [],
        "trigger",
        b"{",
        b"\xff\xfe",
        b"[" * 60000,
    ],
)
def test_a_malformed_trigger_is_refused_before_the_scheduler_hears_of_it(
    server: Served, node: FakeNode, body: Any
) -> None:
    got = server.post("/api/v1/jobs/backup/trigger", body)
    assert (got.status, got.json["error"]["code"], node.asked) == (400, "bad_request", [])


def test_a_parameter_without_a_pattern_may_be_anything_but_nul(
    server: Served, node: FakeNode
) -> None:
    node.add(view_of(job_named(params=(Param("note"),))))
    good = server.post("/api/v1/jobs/backup/trigger", {"params": {"note": "zwei\nZeilen ✓"}})
    bad = server.post("/api/v1/jobs/backup/trigger", {"params": {"note": "\ud800"}})
    assert (good.status, bad.status) == (200, 400)


def test_a_body_of_megabytes_is_refused(server: Served) -> None:
    got = server.post("/api/v1/jobs/backup/trigger", b" " * (1 << 20))
    assert (got.status, got.json["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("no_such_job", 404),
        ("no_such_run", 404),
        ("busy", 409),
        ("bad_request", 400),
        ("shutting_down", 503),
    ],
)
def test_the_scheduler_s_refusals_have_their_status(
    server: Served, node: FakeNode, code: str, status: int
) -> None:
    node.on_ask = lambda event: Refused(event.request_id, code, "because")
    got = server.post("/api/v1/jobs/backup/trigger")
    assert (got.status, got.json["error"]) == (status, {"code": code, "message": "because"})


def test_busy_names_the_run_in_the_way(server: Served, node: FakeNode) -> None:
    def refuse(event: OperatorEvent) -> Reply:
        blocker = ActiveRun("aaaa1111", "backup", "app2", 7, None, Trigger.SCHEDULE, NOW)
        return Refused(event.request_id, "busy", "active", blocker)

    node.on_ask = refuse
    blocker = server.post("/api/v1/jobs/backup/trigger").json["error"]["blocker"]
    assert (blocker["run_id"], blocker["node"]) == ("aaaa1111", "app2")


def test_canceling_a_job_asks_for_all_its_runs(server: Served, node: FakeNode) -> None:
    server.post("/api/v1/jobs/backup/cancel")
    asked = last_asked(node)
    assert isinstance(asked, CancelAsked)
    assert (asked.job, asked.run_id) == ("backup", None)


def test_canceling_a_run_by_prefix_asks_for_its_whole_id(server: Served, node: FakeNode) -> None:
    server.call(node.start_run("aaaa1111"))
    server.post("/api/v1/runs/aa/cancel")
    assert (last_asked(node).job, last_asked(node).run_id) == (None, "aaaa1111")


def test_a_run_that_waits_can_be_canceled(server: Served, node: FakeNode) -> None:
    node.add(view_of(job_named(), waiting=(waiting_view("bbbb2222"),)))
    server.post("/api/v1/runs/bbbb2222/cancel")
    assert last_asked(node).run_id == "bbbb2222"


def test_canceling_a_run_that_has_ended_says_how_it_ended(server: Served, node: FakeNode) -> None:
    server.call(node.start_run("aaaa1111"))
    server.call(node.end_run("aaaa1111"))
    got = server.post("/api/v1/runs/aaaa1111/cancel")
    assert got.status == 404
    assert "has ended already: success" in got.json["error"]["message"]


@pytest.mark.parametrize(("path", "job"), [("/api/v1/jobs/backup", "backup"), ("/api/v1", None)])
def test_a_pause_carries_its_reason_and_end(
    server: Served, node: FakeNode, path: str, job: str | None
) -> None:
    server.post(f"{path}/pause", {"reason": "deploy", "until": "2026-11-23T13:00:00+01:00"})
    asked = last_asked(node)
    assert isinstance(asked, PauseAsked)
    until = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert (asked.job, asked.reason, asked.until, asked.by) == (job, "deploy", until, ME)


@pytest.mark.parametrize(
    "body",
    [
        {"until": "2026-11-23T09:00:00Z"},  # past
        {"until": "2026-11-24T09:00:00"},  # whose zone?
        {"until": "9999-12-31T23:59:59-23:00"},  # no instant in UTC
        {"until": 5},
        {"reason": "two\nlines"},
        {"reason": "\x1b[2J"},  # would clear the terminal of whoever reads it
        {"reason": "x" * 501},
    ],
)
def test_a_malformed_pause_is_refused(server: Served, node: FakeNode, body: Any) -> None:
    got = server.post("/api/v1/jobs/backup/pause", body)
    assert (got.status, node.asked) == (400, [])


@pytest.mark.parametrize(("path", "job"), [("/api/v1/jobs/backup", "backup"), ("/api/v1", None)])
def test_a_pause_is_ended_by_name(
    server: Served, node: FakeNode, path: str, job: str | None
) -> None:
    server.post(f"{path}/resume")
    asked = last_asked(node)
    assert isinstance(asked, ResumeAsked)
    assert (asked.job, asked.by) == (job, ME)


def test_the_next_tick_is_skipped_with_a_reason(server: Served, node: FakeNode) -> None:
    server.post("/api/v1/jobs/backup/skip-next", {"reason": "holiday"})
    asked = last_asked(node)
    assert isinstance(asked, SkipNextAsked)
    assert (asked.job, asked.reason) == ("backup", "holiday")


@pytest.mark.parametrize("path", [p.replace("backup", "bakup") for p in CONTROLS if "backup" in p])
def test_controls_of_an_unknown_job_are_refused_with_the_nearest_name(
    server: Served, path: str
) -> None:
    got = server.post(path)
    assert (got.status, got.json["error"]["nearest"]) == (404, ["backup"])


def test_a_reload_says_what_changed(server: Served, node: FakeNode) -> None:
    node.reload_result = ReloadResult(added=("new",), warnings=("no timeout",))
    reply = server.post("/api/v1/reload").json
    assert (reply["reloaded"], reply["added"], node.reloaded_by) == (True, ["new"], ME)


def test_a_refused_reload_lists_every_error(server: Served, node: FakeNode) -> None:
    node.reload_result = ReloadResult(errors=("a.toml:1: bad", "a.toml:9: worse"))
    got = server.post("/api/v1/reload")
    assert (got.status, got.json["errors"]) == (422, ["a.toml:1: bad", "a.toml:9: worse"])


def test_the_audit_says_who_did_what(server: Served, node: FakeNode) -> None:
    server.call(node.store.note(AuditEntry(NOW, ME, "pause", "backup", "deploy")))
    assert server.get("/api/v1/audit?target=backup").json["audit"] == [
        {
            "at": "2026-11-23T10:20:00Z",
            "by": ME,
            "action": "pause",
            "target": "backup",
            "detail": "deploy",
        }
    ]


def test_a_defect_of_ours_shows_no_trace(
    server: Served, node: FakeNode, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(event: OperatorEvent) -> Reply:
        raise ZeroDivisionError("secret detail")

    node.on_ask = fail
    got = server.post("/api/v1/jobs/backup/trigger")
    assert (got.status, b"secret" in got.body) == (500, False)
    assert "secret detail" in caplog.text


def test_who_did_what_to_a_job_is_for_the_control_socket(server: Served, node: FakeNode) -> None:
    """Its page is for everybody who reaches the port; users and their reasons are not."""
    server.call(node.store.note(AuditEntry(NOW, ME, "pause", "backup", "deploy")))
    shown = [server.get("/api/v1/jobs/backup", tcp=tcp).json["audit"] for tcp in (True, False)]
    assert shown[0] is None
    assert [entry["by"] for entry in shown[1]] == [ME]
