"""top in a terminal of its own, 80 columns wide."""

import fcntl
import io
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from rich.console import Console

from jobd.cli.ctl.client import Client
from jobd.cli.ctl.screen import screen
from jobd.cli.ctl.top import latest, snapshot
from tests.web.fake_node import PATIENCE_S, FakeNode, Served, ended_as


@dataclass
class Terminal:
    """A pseudo terminal with ``jobd ctl top`` in it."""

    process: subprocess.Popen[bytes]
    master: int
    slave: int
    before: list[Any]  # how the terminal was set
    seen: bytes = b""

    def wait_for(self, text: bytes) -> None:
        """Read until the text has appeared."""
        self.wait_until(lambda seen: text in seen)

    def wait_until(self, is_there: Callable[[bytes], bool]) -> None:
        """Read until this is true of what has been seen."""
        deadline = time.monotonic() + PATIENCE_S
        while not is_there(self.seen):
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
def terminal(server: Served, request: pytest.FixtureRequest) -> Iterator[Terminal]:
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {**os.environ, "JOBD_SOCKET": server.path, "TERM": "xterm"}
    for name in ("COLUMNS", "LINES"):
        environment.pop(name, None)
    environment |= getattr(request, "param", {})
    before = termios.tcgetattr(slave)
    process = subprocess.Popen(
        [sys.executable, "-m", "jobd", "ctl", "top"],
        stdin=slave, stdout=slave, stderr=slave, env=environment,
    )  # fmt: skip
    yield Terminal(process, master, slave, before)
    process.kill()
    process.wait(PATIENCE_S)
    os.close(master)
    os.close(slave)


def test_q_leaves_and_gives_the_terminal_back(terminal: Terminal) -> None:
    terminal.wait_for(b"backup")
    os.write(terminal.master, b"q")
    assert (terminal.leave(), termios.tcgetattr(terminal.slave)) == (0, terminal.before)


def test_ctrl_c_leaves_as_quietly(terminal: Terminal) -> None:
    terminal.wait_for(b"backup")
    terminal.process.send_signal(signal.SIGINT)
    assert (terminal.leave(), b"Traceback" in terminal.seen) == (0, False)


def test_the_columns_fit_into_eighty(terminal: Terminal) -> None:
    terminal.wait_for(b"USE")
    terminal.wait_for(b"25%")
    assert "…".encode() not in terminal.seen


@pytest.mark.parametrize("terminal", [{"NO_COLOR": "1"}], indirect=True)
def test_without_colours_the_mark_still_tells(
    terminal: Terminal, server: Served, node: FakeNode
) -> None:
    view = node.views["backup"]
    node.add(replace(view, memory=replace(view.memory, last_outcome="failure")))
    terminal.wait_for(b"failure")
    assert b"!" in terminal.seen
    assert re.search(rb"\x1b\[[0-9;]*3[0-7]", terminal.seen) is None


@pytest.mark.parametrize("terminal", [{"TERM": "dumb"}], indirect=True)
def test_a_terminal_on_which_nothing_can_be_drawn_is_told_so(terminal: Terminal) -> None:
    assert (terminal.leave(), b"jobd ctl status needs none" in terminal.seen) == (64, True)


def test_it_takes_the_size_that_the_terminal_has_become(terminal: Terminal) -> None:
    terminal.wait_for(b"SKIPS")
    fcntl.ioctl(terminal.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    terminal.process.send_signal(signal.SIGWINCH)
    terminal.wait_until(is_narrow)
    assert terminal.process.poll() is None


def is_narrow(seen: bytes) -> bool:
    """Whether the last picture has no room for all columns, and has come as far as its rows."""
    picture = seen.rpartition(b"STATE")[2]
    return b"backup" in picture and b"SKIPS" not in picture


def test_a_daemon_that_goes_away_is_said_and_what_was_known_stays(
    server: Served, node: FakeNode
) -> None:
    last = snapshot(Client(server.path))
    gone = latest(Client(f"{server.path}.gone"), last, 24)
    shown = lines(gone)
    assert shown[1].startswith("AS OF ")
    assert "no daemon listens on" in shown[1]
    assert any("backup" in line for line in shown)
    assert latest(Client(server.path), gone, 24)["trouble"] == ""


def lines(document: Any, height: int = 24, width: int = 80) -> list[str]:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(screen(document, height, width))
    return [line.rstrip() for line in console.export_text().splitlines()]


def job(name: str, **facts: Any) -> dict[str, Any]:
    return {
        "job": name,
        "state": "scheduled",
        "active": [],
        "elsewhere": [],
        "waiting": [],
        "next_due": "2026-11-23T10:30:00Z",
        "last_outcome": "success",
        "last_duration_s": 3.0,
        "utilization": 0.1,
        "attention": [],
        **facts,
    }


@pytest.fixture
def document(server: Served) -> dict[str, Any]:
    """Return a snapshot with jobs of a test's own."""
    found = dict(snapshot(Client(server.path)))
    found["status"] = {**found["status"], "skipped_24h": {"skips": {"overlap": 1234}}}
    found["jobs"] = [
        job("fails", last_outcome="start_error", attention=[{"level": "bad"}]),
        job("slow", utilization=1.67, attention=[{"level": "warn"}, {"level": "note"}]),
        job("skips", attention=[{"level": "warn"}]),
        job("paused", attention=[{"level": "note"}], state="paused"),
        job("calm", active=[{"began_at": "2026-11-23T10:19:00Z"}], state="running"),
        job("x" * 60 + "end", utilization=123.0, last_duration_s=359_999.0),
    ]
    return {**found, "total": len(found["jobs"])}


def test_what_somebody_should_look_at_is_marked(document: dict[str, Any]) -> None:
    """A pause is somebody's wish."""
    rows = [line.split()[:2] for line in lines(document)[3:]]
    assert rows[:3] == [["!", "fails"], ["!", "slow"], ["!", "skips"]]
    assert [row[0] for row in rows[3:5]] == ["paused", "calm"]


def test_an_outcome_is_told_in_full_on_a_terminal_of_eighty_columns(
    document: dict[str, Any],
) -> None:
    assert " start_error " in lines(document)[3]


def test_what_needs_attention_stands_first(server: Served, node: FakeNode) -> None:
    """In the order that the overview has, too: the daemon decides it for both."""
    for name, outcome in (("fine", "success"), ("z-fails", "timeout")):
        node.add(ended_as(name, outcome))
    shown = [line.split()[:2] for line in lines(snapshot(Client(server.path), 2))[3:]]
    assert shown[0] == ["!", "z-fails"]
    assert [row[0] for row in shown[1:]] == ["backup", "…"]


@pytest.mark.parametrize("width", [20, 30, 40, 50, 60, 79, 80, 200])
def test_no_line_is_longer_than_the_terminal(document: dict[str, Any], width: int) -> None:
    shown = lines(document, width=width)
    assert max(map(len, shown)) <= width
    assert len(shown) == 9


def test_a_long_name_keeps_its_end(document: dict[str, Any]) -> None:
    """pretix-send-… begins each of twenty jobs."""
    assert any("…" in line and "end " in line for line in lines(document))


def test_what_does_not_fit_is_counted(document: dict[str, Any]) -> None:
    assert lines(document, height=6)[-1] == "… and 4 more: jobd ctl jobs"


def test_the_bar_shows_how_much_of_its_interval_a_job_uses(document: dict[str, Any]) -> None:
    shown = "\n".join(lines(document))
    assert "##### 167%" in shown
    assert "##### >10x" in shown  # the longest run that there may be fits as well
    assert ".....  10%" in shown
