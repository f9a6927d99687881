"""Notifier: what reaches the socket that systemd named, and what never does any harm."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobd.daemon.systemd import Notifier


class ServiceManager:
    """The service manager's end of the notify socket."""

    def __init__(self, bind_to: str, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(bind_to)
        self._socket.settimeout(5)

    def receive(self) -> list[str]:
        return self._socket.recv(4096).decode().split("\n")

    def has_nothing(self) -> bool:
        self._socket.setblocking(False)
        try:
            self._socket.recv(4096)
        except BlockingIOError:
            return True
        return False

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ServiceManager]:
    manager = ServiceManager(str(tmp_path / "notify"), str(tmp_path / "notify"))
    yield manager
    manager.close()


def told_by(manager: ServiceManager, environ: dict[str, str]) -> Notifier:
    """Return the notifier of a daemon that a manager started with this environment."""
    return Notifier.from_environment({"NOTIFY_SOCKET": manager.address, **environ})


def test_ready_and_its_status_travel_in_one_message(manager: ServiceManager) -> None:
    Notifier(manager.address).ready("12 jobs")
    assert manager.receive() == ["READY=1", "STATUS=12 jobs"]


def test_ready_without_words_leaves_the_shown_status_alone(manager: ServiceManager) -> None:
    Notifier(manager.address).ready()
    assert manager.receive() == ["READY=1"]


def test_a_reload_names_an_instant_on_the_manager_s_own_clock(manager: ServiceManager) -> None:
    """systemd takes the notice for this reload only if the instant is not before its request."""
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    Notifier(manager.address).reloading()
    after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    first, second = manager.receive()
    assert first == "RELOADING=1"
    assert before <= int(second.removeprefix("MONOTONIC_USEC=")) <= after


def test_stopping_is_said(manager: ServiceManager) -> None:
    Notifier(manager.address).stopping()
    assert manager.receive() == ["STOPPING=1"]


def test_a_line_break_in_a_status_cannot_smuggle_in_a_second_word(manager: ServiceManager) -> None:
    """A job's or a user's text may end up in the status; READY=1 must not come of it."""
    Notifier(manager.address).status("waiting\nREADY=1\r\n")
    assert manager.receive() == ["STATUS=waiting READY=1"]


def test_an_abstract_socket_is_reached() -> None:
    """systemd in a container, and every user manager of old, names the socket with an @."""
    name = f"jobd-test-{os.getpid()}"
    manager = ServiceManager(f"\0{name}", f"@{name}")
    try:
        Notifier(manager.address).ready()
        assert manager.receive() == ["READY=1"]
    finally:
        manager.close()


def test_the_watchdog_says_that_it_is_alive(manager: ServiceManager) -> None:
    environ = {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}
    told_by(manager, environ).watchdog()
    assert manager.receive() == ["WATCHDOG=1"]


def test_without_a_watchdog_nothing_is_fed(manager: ServiceManager) -> None:
    told_by(manager, {}).watchdog()
    assert manager.has_nothing()


def test_another_process_s_watchdog_is_not_ours(manager: ServiceManager) -> None:
    told_by(manager, {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}).watchdog()
    assert manager.has_nothing()


def test_a_watchdog_without_a_pid_is_ours(manager: ServiceManager) -> None:
    told_by(manager, {"WATCHDOG_USEC": "4000000"}).watchdog()
    assert manager.receive() == ["WATCHDOG=1"]


@pytest.mark.parametrize("nonsense", ["", "0", "-5", "soon", "1e6"])
def test_a_watchdog_time_that_is_no_number_is_no_watchdog(
    manager: ServiceManager, nonsense: str
) -> None:
    told_by(manager, {"WATCHDOG_USEC": nonsense}).watchdog()
    assert manager.has_nothing()


def test_no_child_inherits_the_manager_s_address() -> None:
    """A job that found NOTIFY_SOCKET could report the daemon as stopping."""
    environ = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "PATH": "/bin"}
    Notifier.from_environment(environ)
    assert environ == {"PATH": "/bin"}


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "@no-such-name", "a" * 200, "\0"])
def test_a_manager_that_cannot_be_reached_changes_nothing(address: str) -> None:
    notifier = Notifier(address, has_watchdog=True)
    notifier.ready("x")
    notifier.reloading()
    notifier.status("y")
    notifier.watchdog()
    notifier.stopping()


def test_a_manager_that_does_not_read_cannot_block_the_daemon(manager: ServiceManager) -> None:
    """The queue of a datagram socket is short; a stuck systemd must not stop the ticks."""
    notifier = Notifier(manager.address)
    for _ in range(5000):
        notifier.status("x" * 500)
