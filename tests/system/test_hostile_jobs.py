"""A job that is another user's reaches nothing that is jobd's, whatever it tries.

A job of root's reaches everything: there is no boundary to test.
"""

import json
import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import MakeNode
from tests.system.node import Node
from tests.system.processes import eventually

NOBODY = pwd.getpwnam("nobody")

# What it tried, and what came of it, as JSON: its last words, which the test reads.
ATTACK = """
import json, os, socket, sys
base, own = sys.argv[1], os.environ["NOTIFY_SOCKET"]
told = {}
def attempt(name, act):
    try:
        told[name] = repr(act())
    except OSError as error:
        told[name] = type(error).__name__
def connect(path):
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(path)
def send(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.sendto(b"WATCHDOG=1", path)
def join(path):
    with open(path + "/cgroup.procs", "w") as file:
        file.write(str(os.getpid()))
attempt("control socket", lambda: connect(base + "/jobd.sock"))
attempt("supervisor socket", lambda: connect(base + "/state/supervisor.sock"))
attempt("state", lambda: os.listdir(base + "/state"))
attempt("database", lambda: open(base + "/state/jobd.db", "rb"))
attempt("output", lambda: open(base + "/state/output", "rb"))
attempt("configuration", lambda: open(base + "/jobd.toml", "a"))
attempt("other mailboxes", lambda: os.listdir(os.path.dirname(own)))
attempt("a place in the mailboxes", lambda: os.symlink("/", os.path.dirname(own) + "/x"))
attempt("another's mailbox", lambda: send(sys.argv[2]))
for number, path in enumerate(sys.argv[5:]):
    attempt(f"another's group {number}", lambda: join(path))
attempt("the daemon", lambda: os.kill(int(sys.argv[3]), 9))
attempt("the supervisor", lambda: os.kill(int(sys.argv[4]), 9))
attempt("the daemon's environment", lambda: open(f"/proc/{sys.argv[3]}/environ", "rb").read())
attempt("its own mailbox", lambda: send(own))
attempt("root", lambda: os.setuid(0))
print(json.dumps(told))
"""
JOBS = """
[jobs.victim]
command = "sh -c 'echo $NOTIFY_SOCKET; cat /proc/self/cgroup; sleep 600'"
memory_max = "64M"
[jobs.hostile]
command = [{attack}]
user = "nobody"
memory_max = "64M"
"""


@pytest.fixture
def node(make_node: MakeNode, needs_root: None) -> Node:
    """A node with a run of root's that goes on."""
    node = make_node(JOBS.format(attack='"true"')).start()
    node.trigger("victim")
    return node


def victim(node: Node) -> tuple[str, list[str]]:
    """Return mailbox and cgroup directories of the run that goes on."""
    (run,) = node.runs("victim")
    text = eventually(lambda: (out := node.output(run)).count("\n") > 1 and out, "the victim runs")
    mailbox, *_ = text.splitlines()
    return mailbox, _groups_with(node, run["run_id"])


def _groups_with(node: Node, run_id: str) -> list[str]:
    found = [Path(group) for group in node.groups()]
    return [str(inner) for group in found for inner in group.glob(f"{run_id}.*")]


def attacked(node: Node) -> dict[str, str]:
    """Run the attack as nobody; return what came of each attempt."""
    mailbox, groups = victim(node)
    interpreter = _interpreter_of_everybody()
    words = [
        interpreter, "-c", ATTACK, str(node.directory), mailbox, str(node.pid),
        str(node.supervisor_pid), *groups,
    ]  # fmt: skip
    node.configure(JOBS.format(attack=", ".join(map(json.dumps, words))))
    assert node.ctl("reload").returncode == 0
    run = node.run_to_end("hostile")
    text = node.output(run)
    assert run["outcome"] == "success", text + str(run)
    told: dict[str, str] = json.loads(text)
    return told


def _interpreter_of_everybody() -> str:
    """Return a Python that nobody may execute: ours may lie where only root reads."""
    for path in ("/usr/bin/python3", sys.executable):
        argv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", path, "-c", ""]
        if os.path.exists(path) and not subprocess.run(argv, check=False).returncode:
            return path
    if os.environ.get("CI"):
        pytest.fail("no Python that another user may execute; .ci/run installs /usr/bin/python3")
    pytest.skip("no Python that another user may execute: apt-get install python3")


def test_another_user_s_job_is_refused_everywhere(node: Node) -> None:
    told = attacked(node)
    assert told.pop("its own mailbox") == "None", "what it may do it can"
    assert ("another's group 0" in told) is bool(node.groups()), "where there are any"
    assert {name: came for name, came in told.items() if came != "PermissionError"} == {}
    assert node.is_running
    assert node.runs("victim")[0]["ended_at"] is None


def test_the_control_socket_is_for_its_group_alone(node: Node) -> None:
    """Mode and group decide; who it was is the kernel's word, and kept."""
    gid = 54321
    assert os.stat(node.socket).st_mode & 0o777 == 0o660
    os.chown(node.socket, 0, gid)
    asked: dict[str, Any] = {}
    for name, groups in (("member", str(gid)), ("stranger", "54322")):
        asked[name] = _pause_as(NOBODY.pw_uid, groups, node)
    assert asked == {"member": "200", "stranger": "refused"}
    (entry, *_) = json.loads(node.fetch("/api/v1/audit?limit=1")[1])["audit"]
    assert (entry["by"], entry["action"]) == ("uid 65534 (nobody)", "pause")


def _pause_as(uid: int, groups: str, node: Node) -> str:
    """Return the status of a wish of another user's; "refused" if he does not get through."""
    code = (
        "import http.client, socket, sys\n"
        "c = http.client.HTTPConnection('localhost')\n"
        "c.sock = socket.socket(socket.AF_UNIX)\n"
        "try:\n"
        "    c.sock.connect(sys.argv[1])\n"
        "except PermissionError:\n"
        "    print('refused'); sys.exit()\n"
        "c.request('POST', '/api/v1/jobs/victim/pause')\n"
        "print(c.getresponse().status)\n"
    )
    who = ["setpriv", f"--reuid={uid}", "--regid=65534", f"--groups={groups}"]
    argv = [*who, _interpreter_of_everybody(), "-c", code, str(node.socket)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True)
    return done.stdout.strip()
