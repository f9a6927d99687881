"""``jobd ctl top``: a live view in a terminal."""

import os
import select
import shutil
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import click

from jobd.cli.ctl.client import Client, Document
from jobd.cli.ctl.errors import CtlError
from jobd.cli.ctl.session import Session, ctl_command

REFRESH_S = 1.0
# A daemon that hangs must not make the keys wait as long as a command would.
PATIENCE_S = 3.0


@ctl_command(("jobd ctl top", "over ssh too: 80 columns are enough"))
def top(session: Session) -> None:
    """A live view of the node: q or Ctrl-C leaves it.

    Jobs that need attention stand first, as on the daemon's pages. A "!" marks those that fail, run
    too long, are late, were skipped, or use much of their interval (USE) or of a ceiling.
    """
    lines = None if session.as_json else shutil.get_terminal_size().lines
    document = snapshot(session.client, lines)
    if session.as_json:
        session.show(document, str)
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("top needs a terminal; jobd ctl status does not")
    if os.environ.get("TERM", "dumb") in ("dumb", "unknown"):
        raise click.UsageError(
            "top needs a terminal on which it can draw, and TERM says that this one cannot; "
            "jobd ctl status needs none"
        )
    _live(Client(session.client.path, timeout_s=PATIENCE_S), document)


def _live(client: Client, document: Document) -> None:
    from rich.console import Console
    from rich.live import Live

    from jobd.cli.ctl.screen import screen

    console = Console()
    view = Live(console=console, screen=True, auto_refresh=False, vertical_overflow="crop")
    with suppress(KeyboardInterrupt), _single_keys(), _resizes() as resized, view:
        while True:
            view.update(screen(document, console.height, console.width), refresh=True)
            ready, _, _ = select.select([sys.stdin, resized], [], [], REFRESH_S)
            if sys.stdin in ready and _is_left():
                return
            if resized in ready:
                os.read(resized, 64)  # draw what is known at once, in the new size
            else:
                document = latest(client, document, console.height)


def snapshot(client: Client, limit: int | None = None) -> Document:
    """Return the node and its jobs, as many as asked for, what needs attention first."""
    found = client.get("jobs", order="attention", limit=limit)
    status = client.get("status")
    return {"status": status, "total": found["total"], "jobs": found["jobs"], "trouble": ""}


def latest(client: Client, last: Document, limit: int) -> Document:
    """Return a new snapshot; the last one with the trouble named if there is none to be had."""
    try:
        return snapshot(client, limit)
    except CtlError as error:
        return {**last, "trouble": error.message}


@contextmanager
def _single_keys() -> Iterator[None]:
    """Let keys arrive without Enter, and give the terminal back as it was."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


@contextmanager
def _resizes() -> Iterator[int]:
    """Return a descriptor that can be read when the terminal's size has changed."""
    read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    before = signal.signal(signal.SIGWINCH, lambda *_: os.write(write, b"r"))
    try:
        yield read
    finally:
        signal.signal(signal.SIGWINCH, before)
        os.close(read)
        os.close(write)


def _is_left() -> bool:
    """Return whether q was pressed, or the terminal closed."""
    keys = os.read(sys.stdin.fileno(), 64)
    return not keys or b"q" in keys.lower()
