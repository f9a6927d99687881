import sys
from dataclasses import replace
from datetime import timedelta
from unittest.mock import ANY

import pytest

from jobd.core.claim import Pause
from jobd.core.ledger import Skip, SkipReason, TickRange
from jobd.core.outcome import Outcome
from jobd.core.run import RunState
from jobd.core.said import Said
from jobd.core.view import JobState
from tests.cli.ctl.conftest import Ctl
from tests.web.fake_node import NOW, FakeNode, Served, job_named, view_of, waiting_view


def test_status_shows_the_node_in_two_columns(ctl: Ctl) -> None:
    said = ctl("status")
    assert said.status == 0
    assert said.out.startswith(
        "node       app1, jobd 0.1.0, pid 4711\nup         3h, since 07:20:00 (3h ago)\n"
    )


def test_status_lists_what_runs(ctl: Ctl, server: Served, node: FakeNode) -> None:
    server.call(node.start_run("aaaa1111", at=NOW - timedelta(minutes=2)))
    assert "backup  aaaa1111  running  10:18:00 (2m ago)  manual  1" in ctl("status").out


def test_status_and_show_tell_what_runs_say(ctl: Ctl, server: Served, node: FakeNode) -> None:
    server.call(node.start_run("aaaa1111"))
    assert "WHAT RUNS SAY" not in ctl("status").out
    view = node.views["backup"]
    said = Said("41 of 97\x1b[31m", 0.42, "send_reminders", NOW - timedelta(minutes=2))
    node.add(replace(view, runs=(replace(view.runs[0], said=said),)))
    for command in (("status",), ("show", "backup")):
        lines = ctl(*command).out.splitlines()
        block = lines[lines.index("WHAT RUNS SAY") + 1 :][:2]
        assert [line.split() for line in block] == [
            ["JOB", "STEP", "SINCE", "DONE", "STATUS"],
            ["backup", "send_reminders", "10:18:00", "(2m", "ago)", "42%", "41", "of", ANY],
        ]
        assert "\x1b" not in block[1]


def test_status_lists_what_waits_and_what_comes(ctl: Ctl, node: FakeNode) -> None:
    node.add(view_of(job_named(), waiting=(waiting_view("bbbb2222"),)))
    out = ctl("status").out
    assert "backup  bbbb2222  -     10:20:00 (now)  max_running" in out
    assert "backup  10:30:00 (in 10m)" in out


def test_status_counts_skips_by_job_and_reason(ctl: Ctl, server: Served, node: FakeNode) -> None:
    server.call(node.start_run("aaaa1111"))
    late = TickRange("backup", NOW - timedelta(hours=3), NOW - timedelta(hours=1), 7)
    server.call(node.store.skip([Skip(late, SkipReason.MISFIRE)], "app1", NOW))
    assert "backup  misfire  7" in ctl("status").out


def test_status_names_what_somebody_has_paused_and_why(ctl: Ctl, node: FakeNode) -> None:
    """A pause of last week is forgotten by whoever made it, and counted only."""
    assert "PAUSED" not in ctl("status").out
    pause = Pause("uid 1000 (anna)", NOW - timedelta(days=7), "migration")
    node.add(replace(node.views["backup"], state=JobState.PAUSED, pause=pause))
    row = "backup  uid 1000 (anna)  2026-11-16 10:20:00 (7d ago)  -      migration"
    assert row in ctl("status").out


def test_status_shouts_when_the_node_is_not_ready(ctl: Ctl, node: FakeNode) -> None:
    node.readiness = (False, "the store does not answer")
    assert "ready      NO: the store does not answer\n" in ctl("status").out


def test_jobs_are_rows_under_heads(ctl: Ctl, node: FakeNode) -> None:
    view = node.views["backup"]
    memory = replace(
        view.memory,
        last_ended=NOW - timedelta(days=1),
        last_outcome="success",
        last_duration=timedelta(seconds=3.2),
    )
    node.add(replace(view, memory=memory))
    assert ctl("jobs").out.splitlines() == [
        "JOB     STATE      OUTCOME  TOOK  ENDED                         NEXT               "
        "SCHEDULE",
        "backup  scheduled  success  3.2s  2026-11-22 10:20:00 (1d ago)  10:30:00 (in 10m)  "
        "*/15 * * * *",
    ]


def test_a_run_that_is_active_is_not_given_the_outcome_of_the_one_before(
    ctl: Ctl, server: Served, node: FakeNode
) -> None:
    """Begun 17 s ago, and a success after 20 s: there is no such run."""
    server.call(node.start_run("aaaa1111", at=NOW - timedelta(seconds=17)))
    view = node.views["backup"]
    ended = {"last_ended": NOW - timedelta(seconds=27), "last_duration": timedelta(seconds=20)}
    memory = replace(
        view.memory, last_started=NOW - timedelta(seconds=17), last_outcome="success", **ended
    )
    node.add(replace(view, state=JobState.RUNNING, memory=memory))
    assert (
        "last run      ended 10:19:33 (27s ago), success after 20s\n" in ctl("show", "backup").out
    )
    row = ctl("jobs").out.splitlines()[1]
    assert row.startswith("backup  running since 10:19:43  success  20s   10:19:33 (27s ago)")


def test_a_retried_run_began_with_its_first_attempt_wherever_it_is_told(
    ctl: Ctl, server: Served, node: FakeNode
) -> None:
    """A run of twenty minutes looked as if it had begun five seconds ago."""
    server.call(node.start_run("aaaa1111", at=NOW - timedelta(minutes=20)))
    (shown,) = node.views["backup"].runs
    second = replace(shown, run=replace(shown.run, attempt=2), started_at=NOW)
    node.add(replace(node.views["backup"], state=JobState.RUNNING, runs=(second,)))
    assert "backup  aaaa1111  running  10:00:00 (20m ago)" in ctl("status").out
    assert "backup  running since 10:00:00" in ctl("jobs").out
    assert "running  10:00:00 (20m ago)" in ctl("show", "backup").out


def test_a_run_between_two_attempts_is_retrying_in_every_view(
    ctl: Ctl, server: Served, node: FakeNode
) -> None:
    server.call(node.start_run("aaaa1111"))
    (shown,) = node.views["backup"].runs
    waits = replace(shown, state=RunState.BACKOFF)
    node.add(replace(node.views["backup"], state=JobState.RETRYING, runs=(waits,)))
    for words in (("status",), ("jobs",), ("show", "backup")):
        said = ctl(*words).out
        assert "retrying" in said
        assert "backoff" not in said


def test_of_a_retried_run_all_of_it_is_told(ctl: Ctl, server: Served, node: FakeNode) -> None:
    server.call(node.start_run("aaaa1111", at=NOW - timedelta(minutes=20)))
    last = {"attempt": 3, "started_at": NOW - timedelta(seconds=5), "duration_s": 5.0}
    server.call(node.end_run("aaaa1111", Outcome.FAILURE, exit_code=1, ended_at=NOW, **last))
    assert "10:00:00 (20m ago)  failure  20m " in ctl("runs").out
    assert ctl("runs", "--json").json["runs"][0]["duration_s"] == 5.0


def test_what_ails_a_job_is_seen_on_a_terminal_of_eighty_columns(
    ctl: Ctl, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = node.views["backup"]
    memory = replace(view.memory, last_ended=NOW - timedelta(hours=1), last_outcome="failure")
    node.add(replace(view, memory=memory))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    assert "failure" in ctl("jobs").out


def test_a_fact_goes_on_below_where_the_terminal_ends(
    ctl: Ctl, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of a trouble names its cause."""
    node.readiness = (False, "the shared store has not answered for 10 s: no route to host")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    shown = (
        "ready      NO: the shared store has not answered for 10 s:\n           no route to host\n"
    )
    assert shown in ctl("status").out


def test_nothing_is_cut_when_it_is_piped(ctl: Ctl, node: FakeNode) -> None:
    node.add(view_of(job_named("x" * 300)))
    assert "x" * 300 in ctl("jobs").out


def test_lines_end_where_the_terminal_does(
    ctl: Ctl, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.add(view_of(job_named("x" * 300)))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    lines = ctl("jobs").out.splitlines()
    assert max(map(len, lines)) <= 80
    assert all(line.endswith(("SCHEDULE", "*/15 * * * *")) for line in lines)


def test_a_narrow_terminal_is_told_why_a_run_failed(
    ctl: Ctl, node: FakeNode, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over ssh at three in the morning: that is what is looked for, and not its processor time."""
    server.call(node.start_run("aaaa1111", at=NOW - timedelta(seconds=90)))
    server.call(node.end_run("aaaa1111", Outcome.FAILURE, exit_code=3))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    heads, row = ctl("runs").out.splitlines()
    assert heads.split() == ["JOB", "RUN", "STARTED", "OUTCOME", "TOOK", "WHY"]
    assert row.endswith("exit status 3")


def test_no_name_reaches_the_terminal_as_an_escape(ctl: Ctl, node: FakeNode) -> None:
    node.add(view_of(job_named("evil\x1b[2J")))
    assert "evil?[2J" in ctl("jobs").out


def test_show_says_where_each_limit_comes_from_and_what_holds_it(ctl: Ctl) -> None:
    lines = [" ".join(line.split()) for line in ctl("show", "backup").out.splitlines()]
    assert "timeout 5m job supervisor" in lines
    assert "memory_max 512M defaults cgroup v1" in lines
    assert "io_weight none built in -" in lines


def test_show_shouts_what_nothing_holds(ctl: Ctl, node: FakeNode) -> None:
    job = job_named()
    node.add(view_of(replace(job, limits=replace(job.limits, io_weight=100))))
    lines = [" ".join(line.split()) for line in ctl("show", "backup").out.splitlines()]
    assert "io_weight 100 built in NOTHING HERE" in lines


def test_show_tells_who_paused_it(ctl: Ctl, node: FakeNode) -> None:
    node.add(view_of(job_named(), pause=Pause("uid 0 (root)", NOW, "deploy")))
    assert (
        'paused        by uid 0 (root) since 10:20:00 (now) "deploy"' in ctl("show", "backup").out
    )


def test_runs_are_filtered_and_say_how_they_ended(ctl: Ctl, server: Served, node: FakeNode) -> None:
    server.call(node.start_run("aaaa1111"))
    server.call(node.end_run("aaaa1111", Outcome.FAILURE, exit_code=7, memory_peak_bytes=3 << 20))
    server.call(node.start_run("bbbb2222"))
    out = ctl("runs", "backup", "--outcome", "failure").out
    row = out.splitlines()[1].split()
    assert (len(out.splitlines()), row[0]) == (2, "aaaa1111")
    assert " failure  3s    -    3M    exit status 7" in out


def test_runs_say_how_the_attempts_before_ended(ctl: Ctl, server: Served, node: FakeNode) -> None:
    """A success that took three attempts is no success to be left alone."""
    server.call(node.start_run("aaaa1111"))
    server.call(node.retry("aaaa1111"))
    server.call(node.retry("aaaa1111"))
    assert ctl("runs").out.splitlines()[1].endswith("  attempt 3 (earlier: 2x failure)")
    server.call(node.end_run("aaaa1111", Outcome.FAILURE, exit_code=7))
    assert "exit status 7, attempt 3 (earlier: 2x failure)" in ctl("runs").out


def test_why_prints_the_verdicts_and_what_is_in_the_way(
    ctl: Ctl, server: Served, node: FakeNode
) -> None:
    fire_time = NOW.replace(minute=15)
    server.call(node.start_run("aaaa1111", at=fire_time, fire_time=fire_time))
    assert ctl("why", "backup", "10:15").out == (
        "backup, times in UTC\n"
        "  2026-11-23 10:15:00 started as run aaaa1111, < 1 ms after its due time, "
        "still active after 5 min\n"
        "now\n"
        "  run aaaa1111 is active on app1 since 2026-11-23 10:15:00; overlap = skip\n"
        "  next due 2026-11-23 10:30:00, in 10 min\n"
    )


def test_with_a_full_disk_nobody_takes_the_last_record_for_the_last_that_happened(
    ctl: Ctl, server: Served, node: FakeNode
) -> None:
    """The job runs on, and why and runs ended minutes ago without a word."""
    server.call(node.start_run("aaaa1111", at=NOW, fire_time=NOW))
    gap = "history is not kept since 2026-11-23 10:20:00, so what follows has a gap: disk full"
    assert "has a gap" not in ctl("runs").err + ctl("why", "backup").out
    node.not_kept = "disk full"
    assert gap in ctl("runs").err
    assert ctl("why", "backup").out.splitlines()[1] == f"  {gap}"


def test_why_of_a_job_without_history_says_so(ctl: Ctl) -> None:
    assert "the ledger has no tick of this job yet" in ctl("why", "backup").out


@pytest.mark.parametrize(
    "command",
    [
        ["status"],
        ["jobs"],
        ["show", "backup"],
        ["runs"],
        ["runs", "backup", "--limit", "1"],
        ["logs", "backup"],
        ["trigger", "backup"],
        ["cancel", "backup"],
        ["pause", "backup"],
        ["resume", "--all"],
        ["skip-next", "backup"],
        ["why", "backup", "10:15"],
        ["drain"],
        ["undrain"],
        ["nodes"],
        ["pools"],
        ["report"],
        ["report", "backup"],
        ["reload"],
        ["top"],
    ],
)
def test_every_command_prints_one_json_document(
    ctl: Ctl, server: Served, node: FakeNode, command: list[str]
) -> None:
    server.call(node.start_run("aaaa1111"))
    said = ctl(*command, "--json")
    assert (said.status, type(said.json)) == (0, dict)


def test_the_options_may_stand_before_the_command(call: Ctl, server: Served) -> None:
    assert call("--socket", server.path, "--json", "status").json["node"] == "app1"
