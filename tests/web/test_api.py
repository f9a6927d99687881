from dataclasses import replace
from datetime import timedelta
from threading import Timer

import pytest

from jobd.core.claim import Pause
from jobd.core.hooks import Hook, Hooks
from jobd.core.job import Provenance
from jobd.core.ledger import Skip, SkipReason, TickRange
from jobd.core.outcome import Outcome
from jobd.web.node import OutputSlice
from tests.web.fake_node import (
    NOW,
    BrokenStore,
    FakeNode,
    Served,
    ended_as,
    job_named,
    view_of,
    waiting_view,
)

STATUS_KEYS = """active_elsewhere active_runs config config_path drain draining enforcement failing
holding http jobs labels load max_running max_waiting memory_budget_bytes
memory_reserved_bytes node now paused paused_jobs pid pressure pressure_measured ready
ready_reason running shared skipped_24h socket started_at stopping store upcoming version waiting
waiting_ticks"""
JOB_KEYS = """active attention description elsewhere enabled interval_s job last_duration_s
last_ended last_outcome last_started last_success memory_peak_bytes next_due next_fire nodes owner
pause pool rest_until runbook schedule scope skip_next smoothed_duration_s smoothed_lasted_s state
tags timezone utilization waiting"""
JOB_PAGE_KEYS = f"""{JOB_KEYS} audit command defined_in differs_on enforcement_detail now settings
skipped_24h"""
RUN_KEYS = """attempt began_at claimed_at cpu_s duration_s retried_attempts ended_at exit_code
fire_time job lasted_s memory_peak_bytes node outcome output_bytes output_dropped_bytes params
reason requested_by run_id signal started_at state steps token trigger"""


def words(text: str) -> list[str]:
    return sorted(text.split())


def test_the_index_lists_every_question(server: Served) -> None:
    assert "/api/v1/jobs/{job}/why" in server.get("/", tcp=True).json["questions"]


def test_the_injected_metrics_are_served(server: Served) -> None:
    assert server.get("/metrics", tcp=True).body == b"jobd_up 1\n"


def test_a_living_daemon_says_so(server: Served) -> None:
    assert server.get("/healthz", tcp=True).json == {"alive": True}


def test_a_daemon_that_is_not_ready_answers_503_with_the_reason(
    server: Served, node: FakeNode
) -> None:
    node.readiness = (False, "the store does not answer")
    got = server.get("/readyz", tcp=True)
    assert (got.status, got.json["reason"]) == (503, "the store does not answer")


@pytest.mark.parametrize("tcp", [True, False])
def test_the_keys_of_the_status_are_stable(server: Served, tcp: bool) -> None:
    assert sorted(server.get("/api/v1/status", tcp=tcp).json) == words(STATUS_KEYS)


def test_the_keys_of_a_job_in_the_list_are_stable(server: Served) -> None:
    assert sorted(server.get("/api/v1/jobs").json["jobs"][0]) == words(JOB_KEYS)


def test_jobs_are_told_by_name_unless_attention_is_asked_for(
    server: Served, node: FakeNode
) -> None:
    for name, outcome in (("a-fine", "success"), ("b-fails", "failure"), ("c-fine", "success")):
        node.add(ended_as(name, outcome))

    def told(query: str) -> list[str]:
        return [job["job"] for job in server.get(f"/api/v1/jobs{query}").json["jobs"]]

    assert told("") == told("?order=name") == ["a-fine", "b-fails", "backup", "c-fine"]
    assert told("?order=attention") == ["b-fails", "a-fine", "backup", "c-fine"]


def test_a_limit_leaves_out_the_last_and_tells_how_many_there_are(
    server: Served, node: FakeNode
) -> None:
    node.add(ended_as("z-fails", "failure"))
    found = server.get("/api/v1/jobs?order=attention&limit=1").json
    assert [(job["job"], job["attention"]) for job in found["jobs"]] == [
        (
            "z-fails",
            [{"concern": "failing", "level": "bad", "words": "never succeeded"}],
        )
    ]
    assert (found["order"], found["total"]) == ("attention", 2)


def test_names_are_told_with_little_else(server: Served, node: FakeNode) -> None:
    """For completion: of ten thousand jobs that answers before somebody presses a key again."""
    node.add(view_of(job_named("backoffice", schedule=None)))
    node.add(view_of(job_named("audit")))
    node.store = BrokenStore()  # which nobody asks
    assert server.get("/api/v1/names?begins=back", tcp=True).json == {
        "now": "2026-11-23T10:20:00Z",
        "jobs": [
            {"job": "backoffice", "schedule": None},
            {"job": "backup", "schedule": "*/15 * * * *"},
        ],
    }
    assert server.get("/api/v1/names").json["jobs"][0]["job"] == "audit"


@pytest.mark.parametrize("query", ["order=worst", "limit=-1", "limit=all", "first=1"])
def test_another_order_or_limit_is_a_400_that_says_what_there_is(
    server: Served, query: str
) -> None:
    got = server.get(f"/api/v1/jobs?{query}")
    assert (got.status, got.json["error"]["code"]) == (400, "bad_request")


def test_attention_counts_the_skips_of_a_day(server: Served, node: FakeNode) -> None:
    assert server.get("/api/v1/jobs/backup").json["attention"] == []
    ticks = TickRange("backup", NOW - timedelta(hours=1), NOW - timedelta(hours=1), 1)
    server.call(node.start_run("aaaa1111"))  # the store knows the job from here on
    server.call(node.store.skip([Skip(ticks, SkipReason.OVERLAP)], "app1", NOW))
    (worry,) = server.get("/api/v1/jobs/backup").json["attention"]
    assert (worry["concern"], worry["words"]) == ("overlapping", "1 tick in 24 h")


@pytest.mark.parametrize("tcp", [True, False])
def test_the_keys_of_a_job_s_page_are_stable(server: Served, tcp: bool) -> None:
    assert sorted(server.get("/api/v1/jobs/backup", tcp=tcp).json) == words(JOB_PAGE_KEYS)


def test_the_keys_of_a_run_are_stable(server: Served, node: FakeNode) -> None:
    server.call(node.start_run("aaaa1111"))
    assert sorted(server.get("/api/v1/runs").json["runs"][0]) == words(RUN_KEYS)


def test_a_run_that_goes_on_says_when_its_present_attempt_began(
    server: Served, node: FakeNode
) -> None:
    """The history has it with the end."""
    server.call(node.start_run("aaaa1111", at=NOW - timedelta(minutes=5)))
    (shown,) = node.views["backup"].runs
    again = replace(shown, run=replace(shown.run, attempt=2), started_at=NOW - timedelta(minutes=1))
    server.call(node.retry("aaaa1111"))
    node.add(replace(node.views["backup"], runs=(again,)))
    (run,) = server.get("/api/v1/runs").json["runs"]
    assert (run["began_at"], run["started_at"]) == ("2026-11-23T10:15:00Z", "2026-11-23T10:19:00Z")
    assert server.get("/api/v1/runs/aaaa1111").json["run"] == run


def test_a_run_that_waits_has_the_keys_of_a_run(server: Served, node: FakeNode) -> None:
    """Whoever waits for it need not know that it has no history yet."""
    node.add(view_of(job_named(), waiting=(waiting_view("bbbb2222"),)))
    assert sorted(server.get("/api/v1/runs/bbbb2222").json["run"]) == words(RUN_KEYS)


def test_a_run_that_is_being_claimed_is_found(server: Served, node: FakeNode) -> None:
    """It is in no line any more, and not yet in the history."""
    node.add(view_of(job_named(), claiming=("bbbb2222",)))

    def grant() -> None:
        server.call(node.start_run("bbbb2222"))
        node.add(replace(node.views["backup"], claiming=()))

    timer = Timer(0.2, grant)
    timer.start()
    run = server.get("/api/v1/runs/bbbb2222").json["run"]
    timer.join()
    assert (run["run_id"], run["state"]) == ("bbbb2222", "active")


def test_what_was_claimed_in_vain_is_no_run(server: Served, node: FakeNode) -> None:
    node.add(view_of(job_named(), claiming=("bbbb2222",)))
    timer = Timer(0.2, lambda: node.add(view_of(job_named())))
    timer.start()
    got = server.get("/api/v1/runs/bbbb2222")
    timer.join()
    assert (got.status, got.json["error"]["code"]) == (404, "no_such_run")


def test_instants_are_utc_with_a_z(server: Served) -> None:
    assert server.get("/api/v1/status").json["now"] == "2026-11-23T10:20:00Z"


def test_the_command_is_shown_on_the_control_socket(server: Served) -> None:
    assert server.get("/api/v1/jobs/backup").json["command"][0] == "/bin/backup"


@pytest.mark.parametrize("path", ["/api/v1/status", "/api/v1/jobs", "/api/v1/jobs/backup"])
def test_no_argument_is_shown_over_tcp(server: Served, path: str) -> None:
    """Command lines hold passwords, and anyone on the machine may ask over TCP."""
    assert b"hunter2" not in server.get(path, tcp=True).body


@pytest.mark.parametrize("tcp", [True, False])
def test_no_environment_is_ever_shown(server: Served, tcp: bool) -> None:
    assert b"swordfish" not in server.get("/api/v1/jobs/backup", tcp=tcp).body


def test_parameters_of_runs_are_for_the_control_socket(server: Served, node: FakeNode) -> None:
    """They become the job's environment, which is shown to nobody who may not control it."""
    server.call(node.start_run("aaaa1111", params=(("table", "orders"),)))
    shown = [server.get("/api/v1/runs", tcp=tcp).json["runs"][0]["params"] for tcp in (True, False)]
    assert shown == [None, {"table": "orders"}]
    of_one = [server.get("/api/v1/runs/aaaa1111", tcp=tcp).json["run"] for tcp in (True, False)]
    assert [run["params"] for run in of_one] == shown


@pytest.mark.parametrize(
    ("name", "value", "source", "enforced_by"),
    [
        ("timeout_s", 300.0, "job", "supervisor"),
        ("timeout_when_extended_s", 3000.0, "job", "supervisor"),
        ("memory_max_bytes", 512 << 20, "defaults", "cgroup v1"),
        ("kill_after_s", 10.0, "built in", "supervisor"),
        ("watchdog_s", None, "built in", None),
        ("pids_max", None, "built in", None),
        ("max_running", 16, "limits", "scheduler"),
    ],
)
def test_every_limit_names_its_source_and_its_keeper(
    server: Served, name: str, value: float, source: str, enforced_by: str
) -> None:
    """No hidden ceilings."""
    setting = server.get("/api/v1/jobs/backup", tcp=True).json["settings"][name]
    assert setting == {"value": value, "source": source, "enforced_by": enforced_by}


def test_hooks_are_shown_without_their_secrets_and_with_what_bounds_them(
    server: Served, node: FakeNode
) -> None:
    hooks = Hooks(Hook(("/bin/alert", "hunter3")), ping_url=Hook(url="https://u:hunter3@h/hunter3"))
    origin = Provenance("jobs.d/a.toml", 12, frozenset({"on_failure"}), frozenset({"ping_url"}))
    node.add(view_of(job_named(hooks=hooks, provenance=origin)))
    reply = server.get("/api/v1/jobs/backup")
    assert "hunter3" not in str(reply.json)
    shown = {
        name: tuple(setting[key] for key in ("value", "source", "enforced_by"))
        for name, setting in reply.json["settings"].items()
        if "hook" in name or name.startswith(("on_", "ping"))
    }
    assert shown == {
        "on_failure": ("/bin/alert", "job", "supervisor"),
        "on_recovery": (None, "built in", None),
        "on_success": (None, "built in", None),
        "ping_url": ("https://h/***", "defaults", "daemon"),
        "max_hooks": (8, "limits", "daemon"),
        "hook_timeout_s": (20.0, "limits", "daemon"),
        "hook_memory_max_bytes": (256 << 20, "built in", "cgroup v1"),
        "hook_pids_max": (100, "built in", "cgroup v1"),
    }


def test_an_interval_from_the_defaults_is_told_to_be_from_there(
    server: Served, node: FakeNode
) -> None:
    origin = Provenance("jobs.d/a.toml", 12, inherited=frozenset({"every"}))
    node.add(view_of(job_named(provenance=origin)))
    settings = server.get("/api/v1/jobs/backup").json["settings"]
    assert settings["schedule"]["source"] == "defaults"


def test_an_unknown_job_gets_a_404_with_the_nearest_name(server: Served) -> None:
    error = server.get("/api/v1/jobs/bakup").json["error"]
    assert error["message"] == 'no job "bakup"; did you mean backup?'


def test_a_job_that_failed_last_is_in_the_status(server: Served, node: FakeNode) -> None:
    view = node.views["backup"]
    node.add(replace(view, memory=replace(view.memory, last_outcome="oom", last_ended=NOW)))
    assert server.get("/api/v1/status").json["failing"][0]["last_outcome"] == "oom"


def test_the_status_counts_the_skips_of_a_day(server: Served, node: FakeNode) -> None:
    server.call(node.start_run("aaaa1111"))  # the store knows the job from here on
    late = TickRange("backup", NOW - timedelta(hours=1), NOW - timedelta(hours=1), 1)
    server.call(node.store.skip([Skip(late, SkipReason.OVERLAP)], "app1", NOW))
    assert server.get("/api/v1/status").json["skipped_24h"] == {"backup": {"overlap": 1}}


def test_the_status_answers_without_the_store(server: Served, node: FakeNode) -> None:
    """The moment the store is down is the moment somebody asks."""
    node.store = BrokenStore()
    got = server.get("/api/v1/status")
    assert (got.status, got.json["skipped_24h"]) == (200, None)


def test_a_question_that_needs_the_store_gets_a_503_without_it(
    server: Served, node: FakeNode
) -> None:
    node.store = BrokenStore()
    got = server.get("/api/v1/runs")
    assert (got.status, got.json["error"]["code"]) == (503, "store_unavailable")


def test_a_pause_says_who_and_why(server: Served, node: FakeNode) -> None:
    pause = Pause("uid 0 (root)", NOW, "deploy")
    node.add(view_of(job_named(), pause=pause))
    assert server.get("/api/v1/jobs/backup").json["pause"] == {
        "by": "uid 0 (root)",
        "since": "2026-11-23T10:20:00Z",
        "reason": "deploy",
        "until": None,
    }


def test_runs_are_filtered_by_outcome(server: Served, node: FakeNode) -> None:
    server.call(node.start_run("aaaa1111"))
    server.call(node.end_run("aaaa1111", Outcome.FAILURE, exit_code=1))
    server.call(node.start_run("bbbb2222"))
    runs = server.get("/api/v1/runs?outcome=failure&job=backup").json["runs"]
    assert [run["run_id"] for run in runs] == ["aaaa1111"]


def test_a_run_is_found_by_the_beginning_of_its_id(server: Served, node: FakeNode) -> None:
    server.call(node.start_run("aaaa1111"))
    assert server.get("/api/v1/runs/aaaa").json["run"]["run_id"] == "aaaa1111"


def test_waiting_for_a_run_returns_at_its_end(server: Served, node: FakeNode) -> None:
    server.call(node.start_run("aaaa1111"))
    timer = Timer(0.2, lambda: server.call(node.end_run("aaaa1111")))
    timer.start()
    run = server.get("/api/v1/runs/aaaa1111?wait=15").json["run"]
    timer.join()
    assert run["outcome"] == "success"


def test_the_output_comes_as_it_is_with_the_offset_that_follows(
    server: Served, node: FakeNode
) -> None:
    server.call(node.start_run("aaaa1111"))
    node.outputs["aaaa1111", 1] = b"\xff\x00one\ntwo"
    got = server.get("/api/v1/runs/aaaa1111/output?offset=2", tcp=True)
    assert (got.body, got.headers["x-jobd-next-offset"]) == (b"one\ntwo", "9")


def test_the_output_says_how_much_of_the_middle_is_lost(server: Served, node: FakeNode) -> None:
    server.call(node.start_run("aaaa1111"))
    node.outputs["aaaa1111", 1] = b"head" + b"x" * 100 + b"tail"
    node.lost_middle = (4, 104)
    got = server.get("/api/v1/runs/aaaa1111/output?offset=4")
    assert (got.body, got.headers["x-jobd-skipped-bytes"]) == (b"tail", "100")


def test_output_that_cannot_be_read_says_so(
    server: Served, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> OutputSlice:
        raise ValueError("no output file of jobd")

    server.call(node.start_run("aaaa1111"))
    monkeypatch.setattr(node, "read_output", fail)
    got = server.get("/api/v1/runs/aaaa1111/output")
    assert (got.status, got.json["error"]["code"]) == (503, "output_unreadable")


def test_output_is_complete_only_once_the_attempt_is_over(server: Served, node: FakeNode) -> None:
    server.call(node.start_run("aaaa1111"))
    before = server.get("/api/v1/runs/aaaa1111/output").headers["x-jobd-complete"]
    server.call(node.end_run("aaaa1111"))
    after = server.get("/api/v1/runs/aaaa1111/output").headers["x-jobd-complete"]
    assert (before, after) == ("false", "true")


def test_following_the_output_waits_for_what_comes(server: Served, node: FakeNode) -> None:
    server.call(node.start_run("aaaa1111"))
    timer = Timer(0.3, lambda: node.outputs.update({("aaaa1111", 1): b"late"}))
    timer.start()
    got = server.get("/api/v1/runs/aaaa1111/output?follow=15")
    timer.join()
    assert got.body == b"late"


def test_output_is_never_a_page_that_a_browser_runs(server: Served, node: FakeNode) -> None:
    server.call(node.start_run("aaaa1111"))
    headers = server.get("/api/v1/runs/aaaa1111/output", tcp=True).headers
    shown = (headers["content-type"], headers["x-content-type-options"])
    assert shown == ("text/plain; charset=utf-8", "nosniff")


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/runs?limit=-1",
        "/api/v1/runs?limit=1001",
        "/api/v1/runs?limit=%D9%A1",  # an Arabic one
        "/api/v1/runs?outcome=fine",
        "/api/v1/runs?job_name=backup",
        "/api/v1/runs/aaaa1111?wait=31",
        "/api/v1/jobs/backup/why?at=yesterday",
        "/api/v1/jobs/backup/why?at=9999-12-31T23:59",
        "/api/v1/status?verbose=1",
    ],
)
def test_a_malformed_question_gets_a_400_that_says_what_is_wrong(
    server: Served, node: FakeNode, path: str
) -> None:
    server.call(node.start_run("aaaa1111"))
    got = server.get(path, tcp=True)
    assert (got.status, got.json["error"]["code"]) == (400, "bad_request")


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/api/v1/runs/zzzz",
        "/api/v1/runs/%2e%2e%2fpasswd",
        "/api/v1/jobs/%00",
        "/api/v2",
    ],
)
def test_what_is_not_there_gets_a_404_in_json(server: Served, path: str) -> None:
    got = server.get(path, tcp=True)
    assert (got.status, sorted(got.json)) == (404, ["error"])


def test_why_answers_from_the_ledger(server: Served, node: FakeNode) -> None:
    fire_time = NOW.replace(minute=15)
    server.call(node.start_run("aaaa1111", at=fire_time, fire_time=fire_time))
    server.call(node.end_run("aaaa1111"))
    verdicts = server.get("/api/v1/jobs/backup/why?at=10:15", tcp=True).json["verdicts"]
    assert [verdict["text"] for verdict in verdicts] == [
        "2026-11-23 10:15:00 started as run aaaa1111, < 1 ms after its due time, "
        "ended success after 3 s"
    ]


def test_why_without_a_time_lists_ticks_and_runs_by_hand(server: Served, node: FakeNode) -> None:
    fire_time = NOW.replace(minute=15)
    server.call(node.start_run("aaaa1111", at=fire_time, fire_time=fire_time))
    server.call(node.start_run("bbbb2222", at=NOW.replace(minute=16)))
    verdicts = server.get("/api/v1/jobs/backup/why").json["verdicts"]
    assert [verdict["verdict"] for verdict in verdicts] == ["manual", "started"]
