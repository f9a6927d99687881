"""The supervisor's socket against everything that is not a well-behaved daemon."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobd.errors import SupervisorError

HELLO = b'{"op":"hello","version":1}\n'


def _connect(path: Path) -> socket.socket:
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(60)
    peer.connect(str(path))
    return peer


def _ask(path: Path, data: bytes) -> list[dict[str, Any]]:
    """Send bytes, say that there will be no more, and return all answers."""
    with _connect(path) as peer:
        try:
            peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)
            answer = b""
            while part := peer.recv(1 << 16):
                answer += part
        except (BrokenPipeError, ConnectionResetError):
            return []
    return [json.loads(line) for line in answer.splitlines()]


@pytest.fixture(scope="module")
def socket_path(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One supervisor for all the fuzzing, started as systemd would."""
    directory = tmp_path_factory.mktemp("server")
    process = subprocess.Popen(
        [sys.executable, "-m", "jobd.supervisor", "--state-dir", str(directory)],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    yield directory / "supervisor.sock"
    process.terminate()
    assert process.wait(20) == 0, "whatever it was told, it ended well"
    process.stdout.close()


@given(st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_bytes_leave_it_alive(socket_path: Path, data: bytes) -> None:
    for answer in _ask(socket_path, data + b"\n"):
        assert answer["ev"] == "error"
    assert _ask(socket_path, HELLO)[-1]["ev"] == "welcome"


JUNK = st.none() | st.integers() | st.floats(allow_nan=False) | st.text() | st.lists(st.text())
FRAMES = st.fixed_dictionaries(
    {"op": st.sampled_from(["start", "stop", "extend", "forget", "hello", "release", "dance"])},
    optional={
        "run": JUNK, "runs": JUNK, "cause": JUNK, "until": JUNK, "version": JUNK,
        "untils": JUNK | st.dictionaries(st.text(), JUNK),
        "launch": JUNK | st.dictionaries(st.sampled_from(["run", "argv", "env", "uid"]), JUNK),
    },
)  # fmt: skip


@given(st.lists(FRAMES, max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_frames_leave_it_alive(socket_path: Path, frames: list[dict[str, Any]]) -> None:
    lines = [json.dumps(frame, allow_nan=False).encode() for frame in frames if _finite(frame)]
    _ask(socket_path, HELLO + b"\n".join(lines) + b"\n")
    assert _ask(socket_path, HELLO)[-1]["ev"] == "welcome"


def _finite(frame: dict[str, Any]) -> bool:
    try:
        json.dumps(frame, allow_nan=False)
    except ValueError:
        return False
    return True


def test_what_is_wrong_with_a_frame_is_answered(socket_path: Path) -> None:
    bad = [
        b"no json", b"[]", b'{"op":"dance"}', b'{"op":"stop","run":"x","cause":"boredom"}',
        b'{"op":"start"}', b'{"op":"extend","run":"x","until":"soon"}', b'{"op":"forget"}',
        b'{"op":"extend","untils":["x"]}', b'{"op":"extend","untils":{"x":1,"y":"soon"}}',
    ]  # fmt: skip
    answers = _ask(socket_path, HELLO + b"\n".join(bad) + b"\n")
    messages = [answer["message"] for answer in answers if answer["ev"] == "error"]
    assert len(messages) == len(bad)
    assert "boredom" in messages[3]


def test_nobody_commands_without_a_hello(socket_path: Path) -> None:
    (answer,) = _ask(socket_path, b'{"op":"shutdown"}\n')
    assert answer == {"ev": "error", "message": "say hello first"}


def test_another_version_is_refused_with_what_to_do(socket_path: Path) -> None:
    (answer,) = _ask(socket_path, b'{"op":"hello","version":99}\n')
    assert "restart the supervisor" in answer["message"]


def test_a_line_that_never_ends_is_cut_off(socket_path: Path) -> None:
    _ask(socket_path, b"x" * (17 << 20))
    assert _ask(socket_path, HELLO)[-1]["ev"] == "welcome"


def test_the_socket_is_for_its_own_user(socket_path: Path) -> None:
    assert socket_path.stat().st_mode & 0o777 == 0o600


def test_another_user_is_hung_up_on_even_if_the_file_lets_him_in(socket_path: Path) -> None:
    """The mode of the file may be changed by accident; the peer's uid may not."""
    socket_path.chmod(0o666)
    chain = [p for p in socket_path.parents if p.stat().st_uid == 0 and len(p.parts) > 2]
    modes = [(p, p.stat().st_mode) for p in chain]
    for path, mode in modes:
        path.chmod(mode | 0o755)
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(60)
    os.seteuid(65534)
    try:
        peer.connect(str(socket_path))
    finally:
        os.seteuid(0)
        for path, mode in modes:
            path.chmod(mode)
        socket_path.chmod(0o600)
    with peer:
        assert peer.recv(100) == b""


async def test_a_second_daemon_is_refused_while_the_first_lives(open_ward: Any) -> None:
    other = open_ward.new_client()
    with pytest.raises(SupervisorError, match="another daemon is connected"):
        await other.connect()
    assert (await open_ward.run(open_ward.shell("still", "exit 0"))).exit.exit_code == 0


async def test_orders_of_a_dying_daemon_are_held_before_the_next_is_told(open_ward: Any) -> None:
    """It wrote them and died: neither may they be lost, nor start behind the next one's back."""
    runs = [open_ward.shell(f"run-{n}", "sleep 600") for n in range(40)]
    await open_ward.client.start(runs)
    await open_ward.drop()
    open_ward.client = open_ward.new_client()
    held = await open_ward.adopt()
    assert len(held) == 40
    assert all(h.started_at is not None for h in held)
