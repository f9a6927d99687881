"""A full disk: jobs go on, the daemon says loudly what it does not keep, and recovers."""

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.conftest import MakeNode
from tests.system.node import Node
from tests.system.processes import eventually

JOBS = """
[jobs.writes]
command = "echo $JOBD_RUN_ID; work 0"
shell = true
schedule = "* * * * * *"
"""


@pytest.fixture
def node(needs_root: None, make_node: MakeNode) -> Iterator[Node]:
    """A node whose state lies on a file system of two megabytes. Its journal lies beside it,
    where there is room."""
    directory = Path(tempfile.mkdtemp(prefix="jobd-test-"))
    state = directory / "state"
    state.mkdir(0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "jobd", state], check=True)
    try:
        node = make_node(JOBS, directory=directory).start()
        eventually(lambda: node.runs("writes", "success"), "a run is in the history")
        yield node
        node.stop_daemon()
    finally:
        subprocess.run(["umount", "--lazy", state], check=True)


def fill(disk: Path) -> Path:
    """Fill a disk to the last byte; return the file that does it."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    return filler


def test_a_full_disk_stops_no_job_and_is_said_and_healed(node: Node) -> None:
    filler = fill(node.state)
    eventually(lambda: node.status["store"]["trouble"], "the trouble is seen", within_s=20)
    before = len(node.journal.ends())
    eventually(lambda: len(node.journal.ends()) > before + 1, "runs go on")
    assert node.metric("jobd_history_kept") == 0
    assert "HISTORY IS NOT KEPT since" in node.ctl("status").stdout
    filler.unlink()
    eventually(lambda: not node.status["store"]["trouble"], "it has recovered", within_s=25)
    assert node.metric("jobd_history_kept") == 1
    after = len(node.runs("writes", "success"))
    eventually(lambda: len(node.runs("writes", "success")) > after, "history is kept again")
    assert node.journal.overlaps() == []
