"""Telling systemd how we are: sd_notify(3) without its library. Silent elsewhere."""

import os
import socket

from jobd.supervisor.instants import steady_s
from jobd.supervisor.loop import Loop


class Notifier:
    """Says READY, STOPPING and, twice within the interval asked for, WATCHDOG."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._path = os.environ.get("NOTIFY_SOCKET", "")
        microseconds = os.environ.get("WATCHDOG_USEC", "")
        self._every_s = int(microseconds) / 2e6 if microseconds.isdigit() else 0.0

    def ready(self) -> None:
        """The socket answers."""
        self._send("READY=1")
        if self._path and self._every_s:
            self._stroke()

    def stopping(self) -> None:
        """Runs are being stopped; the end is near."""
        self._send("STOPPING=1")

    def _stroke(self) -> None:
        self._send("WATCHDOG=1")
        self._loop.call_at(steady_s() + self._every_s, self._stroke)

    def _send(self, state: str) -> None:
        if not self._path:
            return
        address = "\0" + self._path[1:] if self._path.startswith("@") else self._path
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as out:
                out.sendto(state.encode(), address)
        except OSError:
            return  # systemd will judge by our silence
