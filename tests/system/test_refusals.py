"""When a daemon does not start: it says why, and breaks nothing."""

import os
import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.system.conftest import MakeNode
from tests.system.node import JOBD, Node

SHORT = '[jobs.short]\ncommand = "work 1"\n'


def test_a_second_daemon_is_told_who_holds_the_state_directory(make_node: MakeNode) -> None:
    node = make_node(SHORT).start()
    second = jobd_run(node)
    assert second.returncode == 73
    assert str(node.pid) in second.stderr
    assert node.is_ready()


def test_a_bad_configuration_is_78_and_names_every_error(make_node: MakeNode) -> None:
    node = make_node('[jobs.a]\ncommand = ""\nevery = "soon"\n[jobs.b]\ncomand = "true"\n')
    done = jobd_run(node)
    assert done.returncode == 78
    for words in ("jobs.a.command", "jobs.a.every", "jobs.b.comand"):
        assert words in done.stderr


@pytest.mark.parametrize("state", ["damaged", "newer"])
def test_a_state_file_that_cannot_be_used_is_73_and_stays_as_it_is(
    make_node: MakeNode, state: str
) -> None:
    """Whoever recreated it would forget what ran, and run it again."""
    node = make_node(SHORT).start()
    node.stop_daemon()
    file = node.state / "jobd.db"
    spoil(file, state)
    before = file.read_bytes()
    done = jobd_run(node)
    assert done.returncode == 73
    assert state in done.stderr
    assert str(file) in done.stderr
    assert file.read_bytes() == before


def spoil(file: Path, state: str) -> None:
    """Damage a state file, or make it one of a jobd to come."""
    if state == "damaged":
        data = bytearray(file.read_bytes())
        data[:4096] = os.urandom(4096)
        file.write_bytes(data)
        return
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()


def jobd_run(node: Node) -> subprocess.CompletedProcess[str]:
    """Run a daemon that is expected to leave by itself."""
    argv = [*JOBD, "run", "-c", str(node.config)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
