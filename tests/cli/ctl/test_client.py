"""What the client makes of a socket that is closed, missing, silent, or no daemon at all."""

import contextlib
import json
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobd.cli.ctl.client import Client
from jobd.cli.ctl.errors import CtlError, Garbled, Unreachable
from jobd.cli.ctl.session import SOCKET, SessionOptions, find_socket
from jobd.web.listeners import unix_listener
from tests.cli.ctl.conftest import Ctl
from tests.web.fake_node import PATIENCE_S

FEW = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Liar:
    """Answers every request with the same bytes and closes."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.answer = b""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen(8)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE_S)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(PATIENCE_S)
                connection.recv(65536)
                connection.sendall(self.answer)


@pytest.fixture
def liar(tmp_path: Path) -> Iterator[Liar]:
    other = Liar(tmp_path / "liar.sock")
    yield other
    other.stop()


def http_reply(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


def test_no_daemon_leaves_with_69_and_names_the_socket(call: Ctl, tmp_path: Path) -> None:
    path = str(tmp_path / "nobody.sock")
    said = call("--socket", path, "status")
    assert (said.status, path in said.err, "systemctl start jobd" in said.err) == (69, True, True)


def test_a_dead_daemon_s_socket_leaves_with_69(call: Ctl, tmp_path: Path) -> None:
    path = str(tmp_path / "dead.sock")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    assert call("--socket", path, "status").status == 69


def test_a_path_too_long_for_a_socket_leaves_with_69(call: Ctl) -> None:
    assert call("--socket", "/tmp/" + "x" * 200, "status").status == 69


def test_an_unreachable_daemon_is_a_json_document_too(call: Ctl) -> None:
    said = call("--socket", "/nowhere/s", "status", "--json")
    assert said.json["error"]["code"] == "unreachable"


def test_a_silent_daemon_leaves_with_69(tmp_path: Path) -> None:
    path = str(tmp_path / "silent.sock")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(path)
        silent.listen(8)
        with pytest.raises(Unreachable, match="does not answer within"):
            Client(path, timeout_s=0.2).get("status")


@contextlib.contextmanager
def as_stranger(path: Path) -> Iterator[None]:
    """Be somebody who may not use the socket: user nobody, or (not being root) anyone."""
    if os.geteuid() != 0:
        path.chmod(0)
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def test_a_stranger_is_told_whose_socket_it_is_and_leaves_with_77(call: Ctl) -> None:
    call("--socket", "/nowhere", "status")  # a stranger may not be able to import it any more
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        path = Path(directory, "s")
        with unix_listener(path), as_stranger(path):
            said = call("--socket", str(path), "status")
    assert (said.status, "mode 0" in said.err, "sudo" in said.err) == (77, True, True)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + b"X: y\r\n" * 200 + b"\r\n{}",
        b"HTTP/1.1 200 OK\r\n" + b"X" * 70000,
        http_reply(b"[]"),
        http_reply(b"{"),
        http_reply(b"\xff\xfe"),
        http_reply(b"[" * 50000),
        http_reply(b"{}"),
        http_reply(b'{"now": 5, "jobs": {}}'),
        http_reply(b"<html>502</html>", b"502 Bad Gateway"),
        http_reply(b'{"error": "no"}', b"404 Not Found"),
        http_reply(b"{}", b"302 Found"),
    ],
)
def test_what_is_no_daemon_leaves_with_76_and_no_traceback(
    call: Ctl, liar: Liar, answer: bytes
) -> None:
    liar.answer = answer
    said = call("--socket", liar.path, "status")
    assert (said.status, said.err.count("\n")) == (76, 1)


@FEW
@given(st.binary(max_size=300), st.sampled_from([b"", b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\n"]))
def test_no_answer_is_more_than_an_error(liar: Liar, garbage: bytes, start: bytes) -> None:
    liar.answer = start + garbage
    with contextlib.suppress(CtlError):
        Client(liar.path, timeout_s=5).get("status")


@FEW
@given(
    st.sampled_from(["status", "jobs", "runs", "show backup", "why backup", "logs backup"]),
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["now", "jobs", "runs", "run_id", "error"]), inner)
        ),
    ),
)
def test_no_json_is_more_than_an_error(
    call: Ctl, liar: Liar, command: str, document: object
) -> None:
    liar.answer = http_reply(json.dumps(document).encode())
    said = call("--socket", liar.path, *command.split())
    assert said.status in (0, 66, 76)


def test_an_endless_answer_is_cut_off(liar: Liar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobd.cli.ctl.client.MAX_BODY_BYTES", 1000)
    liar.answer = b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 2000
    with pytest.raises(Garbled, match="without end"):
        Client(liar.path).get("status")


def test_escapes_in_an_error_do_not_reach_the_terminal(call: Ctl, liar: Liar) -> None:
    body = b'{"error": {"code": "bad_request", "message": "\\u001b[2Jgone"}}'
    liar.answer = http_reply(body, b"400 Bad Request")
    assert call("--socket", liar.path, "status").err == "jobd ctl: ?[2Jgone\n"


def test_names_with_slashes_and_dots_reach_the_daemon_as_they_are(ctl: Ctl) -> None:
    for name in ("../status", "..", "a/b", "ü?limit=1", "%2e"):
        said = ctl("show", name)
        assert (said.status, f'no job "{name}"' in said.err) == (66, True)


def test_the_socket_option_outranks_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBD_SOCKET", "/from/environment")
    assert find_socket(SessionOptions(socket="/from/option")) == "/from/option"


def test_the_environment_outranks_the_default_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JOBD_SOCKET", "/from/environment")
    assert find_socket(SessionOptions()) == "/from/environment"


def test_without_any_configuration_the_default_socket_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("JOBD_SOCKET", raising=False)
    monkeypatch.setattr("jobd.cli.ctl.session.CONFIG", "/nowhere/jobd.toml")
    assert find_socket(SessionOptions()) == SOCKET


def test_the_configured_socket_is_asked(tmp_path: Path) -> None:
    config = tmp_path / "jobd.toml"
    config.write_text('daemon.socket = "/from/configuration"\n')
    assert find_socket(SessionOptions(config=str(config))) == "/from/configuration"


def test_a_configuration_that_is_none_leaves_with_78(call: Ctl, tmp_path: Path) -> None:
    config = tmp_path / "jobd.toml"
    config.write_text("daemon.socket = ")
    said = call("-c", str(config), "status", "--json")
    assert (said.status, said.json["error"]["code"]) == (78, "bad_configuration")
