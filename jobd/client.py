"""For Python jobs: say how far the run is. Outside jobd nothing here does anything.

::

    from jobd.client import alive, progress, status, step

    with step("send_reminders"):
        for number, order in enumerate(orders):
            progress(number / len(orders))
            remind(order)

It needs the standard library alone and no other file of jobd, so that it may be copied beside
a job that runs in another environment. What is said goes to NOTIFY_SOCKET without waiting: a
socket that is full or gone costs a word, and never the job.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

_open: list[list[str]] = []  # the steps that we are in, the innermost last
_told = [""]  # the progress that was said last, to a thousandth


@contextmanager
def step(name: str) -> Iterator[None]:
    """Be in a step; also a decorator.

    A run is in one step at a time, so that the durations of its steps add up: a step within a
    step interrupts the outer one, which goes on after it.
    """
    entry = [str(name)]
    _open.append(entry)
    _say("X_JOBD_STEP", entry[0])
    try:
        yield
    finally:
        # Ours and not the last: steps of several threads may end in any order.
        _open[:] = [other for other in _open if other is not entry]
        _say("X_JOBD_STEP", _open[-1][0] if _open else "")


def progress(share: float) -> None:
    """Say how much is done, from 0 to 1; nothing before it has moved by a thousandth.

    A loop may so tell of each of its items, and not fill the socket for signs of life and
    steps: what it does not take of those, nobody says again.
    """
    shown = f"{share:.3f}"
    if shown != _told[0]:
        _told[0] = shown
        _say("X_JOBD_PROGRESS", shown)


def status(text: str) -> None:
    """Say in a line, to people, what the run is at."""
    _say("STATUS", str(text))


def alive() -> None:
    """Give a sign of life, which a job with ``watchdog`` has to do in time."""
    _say("WATCHDOG", "1")


def _say(name: str, value: str) -> None:
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    line = f"{name}={' '.join(value.splitlines())}"[:1000]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.setblocking(False)
            out.sendto(line.encode(errors="replace"), _address(path))
    except OSError:
        return


def _address(path: str) -> str:
    """Return the address of a socket: a leading @ stands for the NUL of an abstract one."""
    return "\0" + path[1:] if path.startswith("@") else path
