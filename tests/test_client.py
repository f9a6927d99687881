"""jobd.client: what a job says, and that saying it never costs the job anything."""

import ast
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobd import client
from jobd.client import alive, progress, status, step

ROOT = Path(__file__).parent.parent


class Box:
    """Stands for the supervisor's end of the socket."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(str(path))

    def heard(self) -> list[str]:
        found = []
        while True:
            try:
                found.append(self.socket.recv(65536).decode())
            except BlockingIOError:
                return found


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    box = Box(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setattr(client, "_told", [""])
    yield box
    box.socket.close()


def test_a_step_begins_and_ends(box: Box) -> None:
    with step("load"):
        assert box.heard() == ["X_JOBD_STEP=load"]
    assert box.heard() == ["X_JOBD_STEP="]


def test_a_step_that_fails_ends_too_and_hides_nothing(box: Box) -> None:
    with pytest.raises(KeyError, match="why"), step("load"):
        raise KeyError("why")
    assert box.heard() == ["X_JOBD_STEP=load", "X_JOBD_STEP="]


def test_an_inner_step_interrupts_the_outer_one(box: Box) -> None:
    with step("outer"), step("inner"):
        box.heard()
    assert box.heard() == ["X_JOBD_STEP=outer", "X_JOBD_STEP="]


def test_steps_of_the_same_name_may_be_nested(box: Box) -> None:
    with step("walk"), step("walk"):
        box.heard()
    assert box.heard() == ["X_JOBD_STEP=walk", "X_JOBD_STEP="]


def test_steps_that_end_in_another_order_leave_the_one_that_is_open(box: Box) -> None:
    """As those of two threads do."""
    first, second = step("first"), step("second")
    first.__enter__()
    second.__enter__()
    box.heard()
    first.__exit__(None, None, None)
    assert box.heard() == ["X_JOBD_STEP=second"]
    second.__exit__(None, None, None)
    assert box.heard() == ["X_JOBD_STEP="]


def test_a_function_may_be_a_step(box: Box) -> None:
    @step("load")
    def load() -> int:
        return 3

    assert load() == load() == 3
    assert box.heard() == ["X_JOBD_STEP=load", "X_JOBD_STEP="] * 2


def test_the_rest_is_said_as_it_is(box: Box) -> None:
    progress(1 / 3)
    status("half\nway\ud800")
    alive()
    assert box.heard() == ["X_JOBD_PROGRESS=0.333", "STATUS=half way?", "WATCHDOG=1"]


def test_no_text_can_smuggle_in_another_message(box: Box) -> None:
    with step("a\nWATCHDOG=1"):
        assert box.heard() == ["X_JOBD_STEP=a WATCHDOG=1"]


def test_what_is_said_is_never_too_long_to_be_heard(box: Box) -> None:
    status("ä" * 100_000)
    assert len(box.heard()[0].encode()) < 4096


def say_all() -> None:
    with step("load"):
        progress(0.5)
        status("half way")
        alive()


@pytest.mark.parametrize("path", [None, "", "/no/such/socket", "@no-such-socket", "x" * 200, "\t"])
def test_without_a_socket_nothing_happens(
    monkeypatch: pytest.MonkeyPatch, path: str | None
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if path is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", path)
    say_all()
    assert client._open == []


def test_a_socket_that_nobody_reads_does_not_hold_up_the_job(box: Box) -> None:
    for _ in range(2000):
        say_all()
    assert len(box.heard()) < 2000


def test_progress_leaves_room_for_signs_of_life(box: Box) -> None:
    """A sign of life that the full socket did not take may be the end of the run."""
    progress(0.5)
    for number in range(1000):
        progress(0.5 + number / 10_000_000)
    alive()
    assert box.heard() == ["X_JOBD_PROGRESS=0.500", "WATCHDOG=1"]
    progress(0.25)
    assert box.heard() == ["X_JOBD_PROGRESS=0.250"], "it may begin anew, with another step"


def test_it_imports_the_standard_library_alone() -> None:
    tree = ast.parse((ROOT / "jobd/client.py").read_text(encoding="utf-8"))
    names = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert names <= sys.stdlib_module_names


def test_importing_it_loads_nothing_else_of_jobd() -> None:
    """-S: not even where the libraries of the daemon are."""
    script = "import sys, jobd.client; print(sorted(m for m in sys.modules if m[:4] == 'jobd'))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", script],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert done.stdout == "['jobd', 'jobd.client']\n"
