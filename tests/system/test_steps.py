"""A job that tells of its steps, from its words to the metrics and the history."""

import json
import sys
from pathlib import Path

import pytest

from tests.system.conftest import MakeNode
from tests.system.node import Node
from tests.system.processes import eventually

ROOT = Path(__file__).parent.parent.parent
NAMED = """
import os, time
from jobd.client import alive, progress, status, step
with step("load"):
    time.sleep(0.5)  # how long this step takes is judged
with step("send_reminders"):
    progress(0.42)
    status("41 of 97")
    while not os.path.exists(os.environ["GO"]):
        alive()
        time.sleep(0.1)  # between two signs of life, until the timeout of the job
"""
# As `python -m pretix runperiodic -v 2` prints it for each of its receivers.
PRINTED = """
echo 'INFO Running pretix.base.services.orders.expire_orders…'; sleep 0.3
echo 'INFO Completed pretix.base.services.orders.expire_orders in 0.3s'
echo 'INFO Running pretix.base.services.waitinglist.process…'; sleep 1.2
echo 'INFO Skipped pretix.base.services.waitinglist.process'
"""
JOBS = f"""
[jobs.named]
command = [{json.dumps(sys.executable)}, "-c", {json.dumps(NAMED)}]
env = {{ PYTHONPATH = {json.dumps(str(ROOT))}, GO = "%s" }}
watchdog = "30s"
timeout = "5m"
[jobs.printed]
command = ["/bin/sh", "-c", {json.dumps(PRINTED)}]
steps = {{ start = '^INFO Running (?P<step>\\S+)…', end = '^INFO (?:Completed|Skipped)' }}
[jobs.silent]
command = "sleep 60"
watchdog = "1s"
kill_after = "1s"
"""


@pytest.fixture
def go(tmp_path: Path) -> Path:
    """The file for which the job ``named`` waits."""
    return tmp_path / "go"


@pytest.fixture
def node(make_node: MakeNode, go: Path) -> Node:
    return make_node(JOBS % go).start()


def counted(node: Node, job: str, step: str) -> float | None:
    return node.metric(f'jobd_step_duration_seconds_count{{job_name="{job}",step="{step}"}}')


def said(node: Node, job: str) -> dict[str, object]:
    active = node.job(job)["active"]
    return (active[0]["said"] or {}) if active else {}


def test_what_a_run_says_is_shown_and_its_steps_outlive_the_daemon(node: Node, go: Path) -> None:
    run_id = node.trigger("named")
    eventually(lambda: said(node, "named").get("step") == "send_reminders", "the step is shown")
    shown = node.ctl("status").stdout
    assert "send_reminders" in shown
    node.restart()
    eventually(lambda: said(node, "named").get("status") == "41 of 97", "it is shown again")
    assert said(node, "named")["progress"] == 0.42
    go.touch()
    run = node.ended(run_id)
    steps = {one["step"]: one["duration_s"] for one in run["steps"]}
    assert list(steps) == ["load", "send_reminders"]
    assert run["outcome"] == "success"
    assert 0.25 < steps["load"] < run["duration_s"]
    assert 0.25 < steps["send_reminders"] < run["duration_s"]
    assert counted(node, "named", "load") == counted(node, "named", "send_reminders") == 1


def test_steps_are_found_in_what_a_command_prints(node: Node) -> None:
    run = node.run_to_end("printed")
    steps = {one["step"]: one["duration_s"] for one in run["steps"]}
    assert list(steps) == [
        "pretix.base.services.orders.expire_orders",
        "pretix.base.services.waitinglist.process",
    ]
    assert steps["pretix.base.services.waitinglist.process"] > 0.6
    assert counted(node, "printed", "pretix.base.services.waitinglist.process") == 1


def test_a_run_that_falls_silent_is_stopped_and_says_why(node: Node) -> None:
    run = node.run_to_end("silent")
    assert run["outcome"] == "timeout"
    assert run["reason"] == "stopped by jobd: watchdog, it did not send WATCHDOG=1 for 1 s"
