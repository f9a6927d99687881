"""Every call of jobd that the pages print is made, against a daemon that runs.

An option that is taken is not enough: what the pages say to type at three in the morning has to
do something and end well.
"""

import contextlib
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.docs.pages import command_lines
from tests.system.conftest import MakeNode
from tests.system.node import JOBD, Node
from tests.system.processes import WITHIN_S, eventually

# The jobs that the pages speak of.
JOBS = """
[jobs.report]
command = "work 0"
every = "1h"
[jobs.slower-than-its-interval]
command = "work 0"
every = "1h"
[jobs.lasting]
command = "work forever"
stop_signal = "KILL"
"""
# What stands in the pages for something that the reader has.
LONG_AGO = "2026-03-29T"
LATER = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT")
TAKES_CONFIG = {"check", "doctor", "migrate", "next", "simulate"}
# What a server has in these places; here, what Debian's packages would put there.
DEBIAN = Path(__file__).parents[1] / "config/importers/crontab/debian"
PLACES = {
    "/etc/crontab": DEBIAN / "etc/crontab",
    "/etc/cron.d": DEBIAN / "cron.d",
    "/var/spool/cron/crontabs": DEBIAN / "etc",
}
# The doctor gives all its looks five seconds, and a late one is a failure; here others work, too.
PATIENT_DOCTOR = """
import sys
from functools import partial
from jobd.cli.doctor import command
from jobd.cli.main import main
command.diagnose = partial(command.diagnose, within_s=60.0)
main(sys.argv[1:])
"""
# It goes on until one has seen enough.
ENDLESS = {"top"}


@pytest.fixture(scope="module")
def node(make_shared_node: MakeNode) -> Iterator[Node]:
    """A node that has run each of the jobs that end by themselves."""
    node = make_shared_node(JOBS).start()
    for job in ("report", "slower-than-its-interval"):
        node.run_to_end(job)
    yield node
    node.send(signal.SIGCONT)


@pytest.fixture
def ready(node: Node) -> Iterator[Node]:
    """The node as it was before the last command: a job runs, nothing is paused or drained."""
    if not node.job("lasting")["active"]:
        node.trigger("lasting")
    yield node
    node.ctl("resume", "--all")
    node.ctl("undrain")


@pytest.mark.parametrize(
    ("page", "words"), [pytest.param(p, w, id=f"{p}: {' '.join(w)}") for p, w in command_lines()]
)
def test_what_a_page_says_to_type_works(page: str, words: list[str], ready: Node) -> None:
    done = type_in(ready, filled_in(words, ready))
    assert done.returncode == 0, f"{page}: {words}\n{done.stdout.decode()}"
    assert done.stdout
    if "cancel" in words:
        eventually(lambda: not ready.job("lasting")["active"], "its run is over")


def filled_in(words: list[str], node: Node) -> list[str]:
    """Return a page's words with the reader's own in the place of those that stand for them."""
    job = "lasting" if "cancel" in words else "report"
    own = {"JOB": job, "RUN": node.runs("report")[-1]["run_id"]}
    own |= {place: str(here) for place, here in PLACES.items()}
    filled = [own.get(word, word) for word in words]
    for number, word in enumerate(filled):
        if word == "--socket":
            filled[number + 1] = str(node.socket)
        if filled[number - 1] == "--until":
            filled[number] = word.replace(LONG_AGO, LATER)
    if filled[0] in TAKES_CONFIG and "-c" not in filled:
        filled += ["-c", str(node.config)]
    return filled


def type_in(node: Node, words: list[str]) -> subprocess.CompletedProcess[bytes]:
    """Run the command in a terminal, to its end; Ctrl-C ends one that goes on, once it shows the
    jobs. (Sooner it may meet Python amid an import, which ends well and then tells otherwise.)"""
    ours, terminal = pty.openpty()
    jobd = [sys.executable, "-c", PATIENT_DOCTOR] if words[0] == "doctor" else JOBD
    typed = subprocess.Popen(
        [*jobd, *words],
        cwd=node.directory,
        env={**os.environ, "JOBD_SOCKET": str(node.socket), "TERM": "xterm"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    shown = b""
    if ENDLESS & set(words):
        while b"report" not in shown:
            shown += os.read(ours, 1 << 16)
        typed.send_signal(signal.SIGINT)
    shown += rest_of(ours)
    return subprocess.CompletedProcess(words, typed.wait(WITHIN_S), shown)


def rest_of(terminal: int) -> bytes:
    """Return what is written until nobody holds the other side, and close this one."""
    shown = b""
    reader = os.fdopen(terminal, "rb", buffering=0)
    with reader, contextlib.suppress(OSError):  # what a terminal answers instead of an end
        while piece := reader.read(1 << 16):
            shown += piece
    return shown


def test_the_pages_have_commands() -> None:
    """Else the test above would have nothing to do, and pass."""
    pages = {page for page, _ in command_lines()}
    assert {"README.md", "operating.md", "simulate.md"} <= pages
