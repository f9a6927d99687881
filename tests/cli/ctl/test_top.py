"""top in a terminal of its own, 80 columns wide."""

import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.web.fake_node import PATIENCE_S, Served


@dataclass
class Terminal:
    """A pseudo terminal with ``jobd ctl top`` in it."""

    process: subprocess.Popen[bytes]
    master: int
    slave: int
    seen: bytes = b""

    def wait_for(self, text: bytes) -> None:
        """Read until the text has appeared."""
        deadline = time.monotonic() + PATIENCE_S
        while text not in self.seen:
            assert time.monotonic() < deadline, self.seen
            if select.select([self.master], [], [], 0.2)[0]:
                self.seen += os.read(self.master, 65536)

    def leave(self) -> int:
        """Read on until the program has left; return its exit status."""
        deadline = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.seen
            if select.select([self.master], [], [], 0.05)[0]:
                self.seen += os.read(self.master, 65536)
        return self.process.returncode


@pytest.fixture
def terminal(server: Served) -> Iterator[Terminal]:
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {**os.environ, "JOBD_SOCKET": server.path, "TERM": "xterm"}
    for name in ("COLUMNS", "LINES"):
        environment.pop(name, None)
    process = subprocess.Popen(
        [sys.executable, "-m", "jobd", "ctl", "top"],
        stdin=slave, stdout=slave, stderr=slave, env=environment,
    )  # fmt: skip
    yield Terminal(process, master, slave)
    process.kill()
    process.wait(PATIENCE_S)
    os.close(master)
    os.close(slave)


def test_q_leaves_and_gives_the_terminal_back(terminal: Terminal) -> None:
    before = termios.tcgetattr(terminal.slave)
    terminal.wait_for(b"backup")
    os.write(terminal.master, b"q")
    assert (terminal.leave(), termios.tcgetattr(terminal.slave)) == (0, before)


def test_ctrl_c_leaves_as_quietly(terminal: Terminal) -> None:
    terminal.wait_for(b"backup")
    terminal.process.send_signal(signal.SIGINT)
    assert (terminal.leave(), b"Traceback" in terminal.seen) == (0, False)


def test_the_columns_fit_into_eighty(terminal: Terminal) -> None:
    terminal.wait_for(b"USE")
    terminal.wait_for(b"25%")
    assert "…".encode() not in terminal.seen
