import os
import re
import socket
import stat
from pathlib import Path

import pytest

from jobd.errors import ConfigError, StateError
from jobd.web.listeners import open_tcp, parse_address, unix_listener
from tests.web.fake_node import Served


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_the_socket_is_for_owner_and_group_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        with unix_listener(tmp_path / "s") as unix:
            assert stat.S_IMODE(os.stat(unix.getsockname()).st_mode) == 0o660
            assert os.umask(mask) == mask
    finally:
        os.umask(before)


def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with unix_listener(path) as unix:
        assert unix.getsockname() == str(path)


def test_a_living_daemon_keeps_its_socket(tmp_path: Path) -> None:
    """Or two daemons would share a path, and operators would talk to the later one."""
    path, refusal = tmp_path / "s", "another daemon listens"
    with unix_listener(path), pytest.raises(StateError, match=refusal), unix_listener(path):
        raise AssertionError


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("precious")
    with pytest.raises(ConfigError, match="is no socket"), unix_listener(path):
        raise AssertionError
    assert path.read_text() == "precious"


def test_a_path_too_long_for_a_socket_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match=r"daemon\.socket.*107"),
        unix_listener(tmp_path / ("x" * 108)),
    ):
        raise AssertionError


def test_a_directory_that_cannot_be_made_is_named() -> None:
    with (
        pytest.raises(ConfigError, match=r"daemon\.socket: cannot listen"),
        unix_listener(Path("/proc/nowhere/s")),
    ):
        raise AssertionError


def test_the_file_goes_with_the_listener(tmp_path: Path) -> None:
    with unix_listener(tmp_path / "s"):
        pass
    assert not (tmp_path / "s").exists()


def test_a_later_daemon_s_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with unix_listener(path):
        path.rename(tmp_path / "old")
        path.write_text("the successor's")
    assert path.exists()


def test_a_port_in_use_names_the_key() -> None:
    with open_tcp("127.0.0.1:0") as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            ConfigError, match=re.escape(f"daemon.http: cannot listen on 127.0.0.1:{port}")
        ):
            open_tcp(f"127.0.0.1:{port}")


@pytest.mark.parametrize("text", ["localhost", "1.2.3.4:http", "1.2.3.4:65536", ":", "a:٣"])
def test_an_address_that_is_none_says_what_to_write(text: str) -> None:
    with pytest.raises(ConfigError, match=r"daemon\.http.*write"):
        parse_address(text)


def test_an_ipv6_address_is_written_in_brackets() -> None:
    assert parse_address("[::1]:9746") == ("::1", 9746)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:9746", 200),
        ("localhost:9746", 200),
        ("[::1]:9746", 200),
        ("app1:9746", 200),
        ("evil.example:9746", 421),
        ("evil.example", 421),
    ],
)
def test_a_page_that_rebinds_its_name_to_loopback_learns_nothing(
    server: Served, host: str, status: int
) -> None:
    assert server.request("GET", "/api/v1/status", tcp=True, Host=host).status == status
