"""Ceilings, users and environments of real processes, and jobs that cannot start at all."""

import pwd
import re
from pathlib import Path

import pytest

from tests.system.conftest import MakeNode
from tests.system.node import Node
from tests.system.processes import eventually, is_alive, processes_with

JOBS = r"""
[jobs.hungry]
command = '''sleep 5271 & python3 -c "
kept = []
while True:
    kept.append(b'x' * (1 << 20))
"'''
shell = true
memory_max = "64M"
timeout = "20s"

[jobs.modest]
command = ["python3", "-c", "kept = b'x' * (20 << 20)"]
memory_max = "64M"

[jobs.hidden]
command = "(setsid sh -c 'trap : TERM; echo $$; while :; do sleep 5272; done' &) ; sleep 5272"
shell = true
timeout = "3s"
kill_after = "1s"

[jobs.daemonizes]
command = "setsid sleep 1 > /dev/null 2>&1 < /dev/null &"
shell = true

[jobs.many]
command = "for n in 1 2 3 4 5 6 7 8 9; do sleep 1 & done; echo all nine"
shell = true
pids_max = 5
timeout = "10s"

[jobs.identity]
command = "id -u; id -g; id -G; umask; cat /proc/self/oom_score_adj; nice; pwd"
shell = true
user = "nobody"
umask = "0027"
nice = 7
oom_score_adj = 321
cwd = "/"

[jobs.environment]
command = "/usr/bin/env"
env = { GREETING = "hello", PATH = "/usr/bin:/bin" }
user = "nobody"
cwd = "/"
timezone = "Europe/Berlin"
params = { since = { default = "2026" } }

[jobs.reads]
command = "/bin/cat"
[jobs.no-program]
command = "/no/such/program"
every = "1s"
[jobs.no-directory]
command = "/bin/true"
cwd = "/no/such/directory"
[jobs.no-user]
command = "/bin/true"
user = "jobd-no-such-user"
[jobs.no-env-file]
command = "/bin/true"
env_file = "/no/such/file"

[jobs.still-there]
command = "work 0"
schedule = "* * * * * *"
"""


@pytest.fixture(scope="module")
def node(make_shared_node: MakeNode) -> Node:
    """A node with all these jobs; each test triggers its own."""
    return make_shared_node(JOBS).start()


def test_a_tree_above_its_memory_ceiling_is_killed_as_a_whole(node: Node) -> None:
    """The sleeper beside the hungry one did nothing wrong, and goes with it."""
    supervisor = node.supervisor_pid
    run = node.run_to_end("hungry")
    assert run["outcome"] == "oom"
    assert processes_with("sleep\x005271") == []
    assert run["memory_peak_bytes"] > 50 << 20
    assert node.supervisor_pid == supervisor


def test_a_tree_below_its_ceiling_succeeds_and_its_peak_is_known(node: Node) -> None:
    run = node.run_to_end("modest")
    assert run["outcome"] == "success"
    assert 20 << 20 < run["memory_peak_bytes"] < 64 << 20


def test_a_timeout_reaches_who_left_the_session_and_ignores_the_signal(node: Node) -> None:
    run = node.run_to_end("hidden")
    assert run["outcome"] == "timeout"
    hidden = int(node.output(run).split()[0])  # it said so itself, and works until it is killed
    assert not is_alive(hidden)
    assert processes_with(f"JOBD_RUN_ID={run['run_id']}") == []


def test_a_run_lasts_as_long_as_its_tree(node: Node) -> None:
    """The shell is gone at once and its pipe is closed; what it left behind still works."""
    run = node.run_to_end("daemonizes")
    assert (run["outcome"], run["exit_code"]) == ("success", 0)
    assert run["duration_s"] > 0.5


def test_no_tree_has_more_processes_than_its_ceiling(node: Node) -> None:
    run = node.run_to_end("many")
    assert run["outcome"] == "failure"
    assert "all nine" not in node.output(run)
    assert re.search("fork|Resource temporarily unavailable", node.output(run))


def test_user_groups_umask_priorities_and_directory_are_those_asked_for(
    node: Node, needs_root: None
) -> None:
    nobody = pwd.getpwnam("nobody")
    run = node.run_to_end("identity")
    assert node.output(run).split() == [
        str(nobody.pw_uid), str(nobody.pw_gid), str(nobody.pw_gid), "0027", "321", "7", "/",
    ]  # fmt: skip


def test_the_environment_is_clean(node: Node, needs_root: None) -> None:
    """Nothing of the daemon's own gets through; all that the contract promises is there."""
    run = node.run_to_end("environment")
    env = dict(line.split("=", 1) for line in node.output(run).splitlines())
    facts = {name: env.pop(name) for name in sorted(env) if name.startswith("JOBD_")}
    assert env.pop("NOTIFY_SOCKET").startswith("/")
    assert env == {
        "GREETING": "hello",
        "PATH": "/usr/bin:/bin",
        "HOME": pwd.getpwnam("nobody").pw_dir,
        "USER": "nobody",
        "LOGNAME": "nobody",
        "SHELL": pwd.getpwnam("nobody").pw_shell,
        "LANG": "C.UTF-8",
        "TZ": "Europe/Berlin",
    }
    assert (facts["JOBD_RUN_ID"], facts["JOBD_TRIGGER"]) == (run["run_id"], "manual")
    assert (facts["JOBD_JOB"], facts["JOBD_ATTEMPT"]) == ("environment", "1")
    assert (facts["JOBD_PARAM_SINCE"], facts["JOBD_TICK"]) == ("2026", "")
    assert facts["JOBD_FENCING_TOKEN"] == str(run["token"])


def test_standard_input_is_empty(node: Node) -> None:
    assert node.run_to_end("reads")["outcome"] == "success"


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        ("no-program", "/no/such/program"),
        ("no-directory", "/no/such/directory"),
        ("no-user", "jobd-no-such-user"),
        ("no-env-file", "/no/such/file"),
    ],
)
def test_what_cannot_start_says_why_and_stops_nothing_else(
    node: Node, job: str, reason: str
) -> None:
    # Queued: one of the job's own ticks may be active at just that moment.
    run = node.ended(node.trigger(job, "--queue"))
    assert (run["outcome"], run["exit_code"]) == ("start_error", None)
    assert reason in run["reason"]
    before = len(node.journal.ends("still-there"))
    eventually(lambda: len(node.journal.ends("still-there")) > before, "ticks go on")


def test_show_names_what_holds_each_limit(node: Node) -> None:
    """By the machine's own word on which hierarchies it has."""
    means = node.job("hungry")["settings"]["memory_max_bytes"]["enforced_by"]
    shown = node.ctl("show", "hungry").stdout
    assert re.search(rf"^memory_max +64M +job +{means}$", shown, re.MULTILINE), shown
    assert re.search(r"^timeout +20s +job +supervisor$", shown, re.MULTILINE), shown
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8")
    assert means == "watcher" or means.replace(" v2", "2").replace(" v1", " ") in mounts
    assert node.log("limits are held by")[0]["memory"] == means
