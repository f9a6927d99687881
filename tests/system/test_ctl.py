"""``jobd ctl`` against a daemon that runs: what it does, and the status with which it exits."""

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.system.cluster import after_s
from tests.system.conftest import MakeNode
from tests.system.node import JOBD, Node
from tests.system.processes import eventually

JOBS = """
[jobs.fine]
command = "work 0"
[jobs.seven]
command = "work 0 7"
[jobs.killed]
command = "kill -USR1 $$"
shell = true
[jobs.slow]
command = "sleep 30"
timeout = "1s"
[jobs.hungry]
command = ["python3", "-c", "kept = []\\nwhile True: kept.append(b'x' * (1 << 20))"]
memory_max = "64M"
[jobs.missing]
command = "/no/such/program"
[jobs.lasting]
command = "work 30"
[jobs.busy]
command = "work busy"
[jobs.queued]
command = "work queued"
[jobs.beside]
command = "work beside"
overlap = "allow"
max_instances = 1
[jobs.takes]
command = "echo $JOBD_PARAM_SINCE"
shell = true
params = { since = { pattern = "[0-9]{4}", default = "2026" } }
[jobs.endless]
command = "work 0"
params = { name = { pattern = "(a+)+" } }
[jobs.ticks]
command = "work 0"
schedule = "* * * * * *"
[jobs.yearly]
command = "work 0"
schedule = "0 0 1 1 *"
"""


@pytest.fixture(scope="module")
def node(make_shared_node: MakeNode) -> Node:
    """A node with all these jobs."""
    return make_shared_node(JOBS).start()


@pytest.mark.parametrize(
    ("job", "status"),
    [
        ("fine", 0),
        ("seven", 7),
        ("killed", 128 + signal.SIGUSR1),
        ("slow", 124),
        ("hungry", 137),
        ("missing", 126),
    ],
)
def test_trigger_wait_exits_with_the_run_s_own_status(node: Node, job: str, status: int) -> None:
    assert node.ctl("trigger", job, "--wait").returncode == status


def test_trigger_alone_exits_0_once_the_run_is_accepted(node: Node) -> None:
    assert node.ctl("trigger", "seven").returncode == 0


def test_a_busy_job_is_75_and_the_run_in_the_way_is_named(node: Node) -> None:
    run_id = node.trigger("busy")
    done = node.ctl("trigger", "busy")
    node.journal.release("busy")
    since = datetime.fromisoformat(node.run(run_id)["claimed_at"]).astimezone()
    assert done.returncode == 75
    for words in (run_id, f"on {node.status['node']}", f"since {since:%H:%M:%S}"):
        assert words in done.stderr


def test_trigger_queue_waits_its_turn(node: Node) -> None:
    first = node.trigger("queued")
    argv = [*JOBD, "ctl", "--socket", str(node.socket), "trigger", "queued", "--queue", "--wait"]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as asking:
        (second,) = eventually(lambda: node.job("queued")["waiting"], "another waits")
        node.journal.release("queued")
        assert asking.wait(60) == 0
    ran = [note.run_id for note in node.journal.starts("queued")]
    assert ran == [first, second["run_id"]]
    assert node.journal.overlaps("queued") == []


def test_trigger_force_runs_beside_the_prior_run_where_that_is_allowed(node: Node) -> None:
    node.trigger("beside")
    assert node.ctl("trigger", "beside").returncode == 75
    assert node.ctl("trigger", "beside", "--force").returncode == 0
    eventually(lambda: node.journal.overlaps("beside"), "both run")
    node.journal.release("beside")
    refused = node.ctl("trigger", "fine", "--force")
    assert (refused.returncode, "overlap" in refused.stderr) == (64, True)


def test_trigger_passes_parameters_that_match(node: Node) -> None:
    run = json.loads(
        node.ctl("trigger", "takes", "--wait", "--param", "since=1999", "--json").stdout
    )
    assert node.output(run["run"]) == "1999\n"
    for wrong in ("since=soon", "until=1999"):
        assert node.ctl("trigger", "takes", "--param", wrong).returncode == 64


def test_a_pattern_that_takes_for_ever_stops_neither_ctl_nor_the_daemon(node: Node) -> None:
    refused = node.ctl("trigger", "endless", "--param", f"name={'a' * 4000}!")
    assert (refused.returncode, "takes too long to be judged" in refused.stderr) == (64, True)
    assert node.ctl("trigger", "fine", "--wait").returncode == 0


def test_ctrl_c_on_follow_detaches_and_the_run_goes_on(node: Node) -> None:
    argv = [*JOBD, "ctl", "--socket", str(node.socket), "trigger", "lasting", "--follow"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        assert following.stdout.readline() == "working for 30\n"
        following.send_signal(signal.SIGINT)
        assert following.wait(10) == 0
    active = node.job("lasting")["active"]
    assert [run["state"] for run in active] == ["running"]
    assert node.ctl("cancel", "lasting").returncode == 0
    assert node.ended(active[0]["run_id"])["outcome"] == "canceled"


def test_cancel_takes_a_run_by_the_beginning_of_its_id(node: Node) -> None:
    run_id = node.trigger("lasting")
    assert node.ctl("cancel", run_id[:8]).returncode == 0
    assert node.ended(run_id)["outcome"] == "canceled"
    assert node.ctl("cancel", run_id).returncode == 66


@pytest.mark.parametrize(
    "words",
    [("show", "fien"), ("trigger", "fien"), ("logs", "fien"), ("why", "fien"), ("cancel", "fien"),
     ("pause", "fien"), ("runs", "fien")],
)  # fmt: skip
def test_an_unknown_job_is_66_and_the_nearest_name_is_offered(
    node: Node, words: tuple[str, ...]
) -> None:
    done = node.ctl(*words)
    assert done.returncode == 66
    assert "did you mean fine?" in done.stderr


def test_no_daemon_is_69(node: Node) -> None:
    argv = [*JOBD, "ctl", "--socket", str(node.directory / "none.sock"), "status"]
    assert subprocess.run(argv, capture_output=True, timeout=30, check=False).returncode == 69


def test_who_may_not_use_the_socket_gets_77(node: Node, needs_root: None) -> None:
    """As root and, after that, as nobody: the interpreter itself may lie where only root reads."""
    code = (
        "import os, sys, jobd.cli.main, jobd.cli.ctl.status, jobd.cli.ctl.errors; "
        "os.setgroups([]); os.setgid(65534); os.setuid(65534); jobd.cli.main.main(sys.argv[1:])"
    )
    argv = [sys.executable, "-c", code, "ctl", "--socket", str(node.socket), "status"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, "mode 0660" in done.stderr) == (77, True), done.stderr


def test_pause_resume_and_skip_next_outlive_the_daemon(make_node: MakeNode) -> None:
    jobs = '[jobs.a]\ncommand = "work 0"\nschedule = "*/10 * * * * *"\n'
    node = make_node(jobs + '[jobs.b]\ncommand = "work 0"\nschedule = "* * * * * *"\n').start()
    eventually(lambda: node.journal.starts("b"), "b runs")
    # Right after a tick: the one to be skipped must not pass while no daemon is there.
    eventually(lambda: node.journal.starts("a"), "a runs")
    asked = [
        node.ctl("skip-next", "a", "--reason", "once"),
        node.ctl("pause", "b", "--reason", "the shop moves"),
    ]
    assert [done.returncode for done in asked] == [0, 0]
    node.restart()
    pause = node.job("b")["pause"]
    assert (pause["by"], pause["reason"]) == ("uid 0 (root)", "the shop moves")
    paused = len(node.journal.starts("b"))
    eventually(lambda: "paused" in reasons(node, "a"), "a's next tick is skipped")
    eventually(lambda: reasons(node, "a")[-1] is None, "and just that one")
    assert len(node.journal.starts("b")) == paused
    assert "paused" in reasons(node, "b")
    node.ctl("resume", "b")
    node.restart()
    eventually(lambda: len(node.journal.starts("b")) > paused, "b runs again")


def reasons(node: Node, job: str) -> list[str | None]:
    """Return the ledger's reasons of a job, None where a tick was started; oldest first."""
    return [verdict["reason"] for verdict in node.verdicts(job)]


def test_why_tells_the_truth_of_a_tick_that_started(node: Node) -> None:
    eventually(lambda: len(node.journal.ends("ticks")) > 1, "it has run")
    note = node.journal.ends("ticks")[0]
    verdict = only_verdict(node, "ticks", note.tick)
    assert (verdict["verdict"], verdict["run_id"]) == ("started", note.run_id)
    # The first tick after a start: as late as the machine is busy, and before the run's end.
    assert 0 <= verdict["lateness_s"] <= after_s(note, note.tick) + 0.02
    assert "ended success" in verdict["text"]


def test_why_names_who_paused_it(node: Node) -> None:
    node.ctl("pause", "ticks", "--reason", "stocktaking")
    skipped = eventually(
        lambda: [v for v in node.verdicts("ticks") if v["reason"] == "paused"], "one is skipped"
    )
    verdict = only_verdict(node, "ticks", skipped[0]["fire_time"])
    in_the_way = node.ctl_json("why", "ticks")["in_the_way_now"]
    node.ctl("resume", "ticks")
    assert (verdict["verdict"], verdict["reason"]) == ("skipped", "paused")
    assert "stocktaking" in verdict["text"]
    assert ["paused by uid 0 (root)" in words for words in in_the_way] == [True]


def test_why_knows_what_is_to_come_and_what_is_no_tick(node: Node) -> None:
    year = datetime.now(UTC).year + 1
    assert only_verdict(node, "yearly", f"{year}-01-01T00:00:00Z")["verdict"] == "future"
    assert only_verdict(node, "yearly", f"{year}-01-02T00:00:00Z")["verdict"] == "no_tick"


def test_why_does_not_invent_a_past(node: Node) -> None:
    """Before the daemon knew the job, no tick of it was owed."""
    before = datetime.now(UTC) - timedelta(days=1)
    verdict = only_verdict(node, "ticks", f"{before:%Y-%m-%dT%H:%M:%SZ}")
    assert verdict["verdict"] == "undecided"
    assert "nothing is known of it" in verdict["text"]


def only_verdict(node: Node, job: str, at: str) -> dict[str, Any]:
    """Return what why says of one instant."""
    verdicts = node.ctl_json("why", job, at)["verdicts"]
    assert len(verdicts) == 1, verdicts
    verdict: dict[str, Any] = verdicts[0]
    return verdict


def test_the_report_knows_who_met_a_ceiling(node: Node) -> None:
    """From what the supervisor measured to what an operator reads."""
    for job in ("slow", "hungry"):
        node.ctl("trigger", job, "--wait")
    found = {job["job"]: job for job in node.ctl_json("report")["jobs"]}
    slow, hungry = found["slow"]["timeout"], found["hungry"]["memory_max"]
    assert (slow["needs_a_look"], slow["use_lately"] >= 1.0) == (True, True)
    assert (hungry["needs_a_look"], hungry["use_lately"] > 0.9) == (True, True)
    assert found["yearly"]["runs"] == 0
    assert "ran into its timeout of 1s" in node.ctl("report", "slow").stdout


def test_who_did_what_is_kept(node: Node) -> None:
    node.ctl("pause", "yearly", "--reason", "because")
    node.ctl("resume", "yearly")
    audit = node.job("yearly")["audit"]
    assert [(e["by"], e["action"]) for e in audit] == [
        ("uid 0 (root)", "resume"),
        ("uid 0 (root)", "pause"),
    ]
    assert audit[1]["detail"] == "because"
    run = node.run(node.trigger("fine"))
    assert run["requested_by"] == "uid 0 (root)"


@pytest.mark.parametrize(
    ("words", "job"),
    [
        (("status",), "yearly"),  # comes next
        (("jobs",), "yearly"),
        (("runs",), "fine"),
        (("show", "fine"), "fine"),
        (("why", "ticks"), "ticks"),
    ],
)
def test_the_tables_for_people_name_the_jobs(node: Node, words: tuple[str, ...], job: str) -> None:
    node.ctl("trigger", "fine", "--wait")
    done = node.ctl(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert job in done.stdout
