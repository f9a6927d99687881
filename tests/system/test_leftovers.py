"""What a demo that was killed has left is gone when the next one begins; nothing else is."""

import signal
import subprocess
from pathlib import Path

import pytest

from deploy.cluster.leftovers import begin_anew, note_server
from tests.system.processes import eventually, processes_with


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a demo's folder, with that of a node."""
    (tmp_path / "state/a").mkdir(parents=True)
    return tmp_path / "state"


def test_the_server_and_its_folder_are_gone(state: Path, tmp_path: Path) -> None:
    server = tmp_path / "jobd-pg-1"
    server.mkdir()
    note_server(state, server)
    words = ["sh", "-c", "read word", "-D", f"{server}/data"]
    with subprocess.Popen(words, stdin=subprocess.PIPE) as process:
        # For a moment after its start the kernel does not tell the words of a process.
        eventually(lambda: process.pid in processes_with(f"{server}/data"), "it has its words")
        begin_anew(state, ("a",))
        assert process.wait(60) == -signal.SIGKILL
    assert not server.exists()
    assert not (state / "a").exists()


def test_what_no_demo_has_made_is_kept(state: Path, tmp_path: Path) -> None:
    """A note may say anything: only a folder that is named as theirs is taken for one."""
    precious = tmp_path / "precious"
    for folder in (precious, state / "kept"):
        folder.mkdir()
    note_server(state, precious)
    begin_anew(state, ("a", "b"))
    assert precious.exists()
    assert (state / "kept").exists()
    assert not (state / "a").exists()
