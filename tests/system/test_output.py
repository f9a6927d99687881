"""What jobs write: however much, however garbled, the job is not held up and jobd not filled."""

import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.system.conftest import MakeNode
from tests.system.node import JOBD, Node

MEGABYTES = 200
JOBS = rf"""
[jobs.loud]
command = '''
echo the first line
dd if=/dev/zero bs=1M count={MEGABYTES} status=none | tr '\0' x
echo; echo the last line'''
shell = true
output_max = "64K"

[jobs.both]
command = "echo out 1; echo err 1 >&2; echo out 2; echo err 2 >&2"
shell = true

[jobs.junk]
command = "head -c 3000 /dev/urandom; printf '\\033[2J\\377\\000'"
shell = true

[jobs.counts]
command = "for n in 1 2 3 4 5; do echo $n; sleep 0.3; done"
shell = true

[jobs.lasts]
command = "echo the first of many; sleep 60"
shell = true

[jobs.complains]
command = "echo all done; echo ERROR: it is not"
shell = true
failure_pattern = "^ERROR"

[jobs.dawdles]
command = "echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"
failure_pattern = "^(a+)+$"
"""


@pytest.fixture(scope="module")
def node(make_shared_node: MakeNode) -> Node:
    """A node with all these jobs; each test triggers its own."""
    return make_shared_node(JOBS).start()


@pytest.fixture(scope="module")
def loud(node: Node) -> str:
    """The id of a run that wrote two hundred megabytes, and ended."""
    run = node.ended(node.trigger("loud"))
    assert run["outcome"] == "success"
    return str(run["run_id"])


def test_of_too_much_output_head_and_tail_are_kept_and_the_rest_is_counted(
    node: Node, loud: str
) -> None:
    done = node.ctl("logs", loud)
    run = node.run(loud)
    assert done.stdout.startswith("the first line\nxxx")
    assert done.stdout.endswith("xxx\nthe last line\n")
    assert run["output_bytes"] == len("the first line\n\nthe last line\n") + (MEGABYTES << 20)
    assert run["output_dropped_bytes"] == run["output_bytes"] - len(done.stdout)
    assert f"{run['output_dropped_bytes']} bytes of the middle were not kept" in done.stderr


def test_the_file_of_a_run_is_bounded(node: Node, loud: str) -> None:
    sizes = [path.stat().st_size for path in node.state.rglob(f"{loud}.*")]
    assert len(sizes) == 1
    assert sizes[0] < 80 << 10


def test_the_supervisor_does_not_grow_by_it(node: Node, loud: str) -> None:
    status = Path(f"/proc/{node.supervisor_pid}/status").read_text(encoding="utf-8")
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert peak is not None
    assert int(peak[1]) < 64 << 10


def test_both_streams_are_kept_in_their_true_order(node: Node) -> None:
    run = node.run_to_end("both")
    assert node.output(run) == "out 1\nerr 1\nout 2\nerr 2\n"


def test_any_bytes_come_back_as_they_were(node: Node) -> None:
    run = node.run_to_end("junk")
    argv = [*JOBD, "ctl", "--socket", str(node.socket), "logs", run["run_id"]]
    raw = subprocess.run(argv, capture_output=True, timeout=60, check=True).stdout
    assert len(raw) == run["output_bytes"] == 3006
    assert raw.endswith(b"\x1b[2J\xff\x00")
    assert len(node.ctl_json("logs", run["run_id"])["text"]) > 0


def test_logs_f_follows_to_the_end(node: Node) -> None:
    run_id = node.trigger("counts")
    assert node.ctl("logs", "-f", run_id).stdout == "1\n2\n3\n4\n5\n"
    assert node.run(run_id)["ended_at"]


def test_logs_f_shows_lines_as_they_come_and_ctrl_c_leaves_the_run_alone(node: Node) -> None:
    run_id = node.trigger("lasts")
    argv = [*JOBD, "ctl", "--socket", str(node.socket), "logs", "-f", "lasts"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        assert following.stdout.readline() == "the first of many\n"
        following.send_signal(signal.SIGINT)
        assert following.wait(60) == 130
    assert node.job("lasts")["state"] == "running"
    node.ctl("cancel", run_id)


def test_a_line_can_make_a_run_fail(node: Node) -> None:
    run = node.run_to_end("complains")
    assert (run["outcome"], run["exit_code"]) == ("failure", 0)


def test_a_pattern_without_end_ends_and_holds_up_nobody(node: Node) -> None:
    """It would take longer than anybody lives; no schedule may stand still meanwhile."""
    run_id = node.trigger("dawdles")
    assert node.run_to_end("complains")["outcome"] == "failure"
    run = node.ended(run_id)
    assert (run["outcome"], run["reason"]) == (
        "success",
        "judged without failure_pattern: it gave up after 5 s",
    )
