"""What a service tells systemd: ready, reloading, stopping, in a few words how it goes, alive.

The protocol is one datagram of ``KEY=value`` lines to the socket that systemd names in
``$NOTIFY_SOCKET`` (sd_notify(3)); outside systemd all of it does nothing.
"""

import os
import socket
from collections.abc import MutableMapping

from jobd.clock import monotonic_us


class Notifier:
    """Speaks to the service manager. Never blocks and never raises: a daemon that cannot tell
    how it is goes on; systemd's own timeouts judge the silence."""

    def __init__(self, address: str = "", *, has_watchdog: bool = False) -> None:
        self._address = address
        self._has_watchdog = has_watchdog

    @classmethod
    def from_environment(cls, environ: MutableMapping[str, str] = os.environ) -> "Notifier":
        """Take the service manager's address and watchdog out of the environment.

        They are removed, so that no child process speaks in this daemon's name. A watchdog
        that ``$WATCHDOG_PID`` meant for another process is not ours (sd_watchdog_enabled(3)).
        """
        address = environ.pop("NOTIFY_SOCKET", "")
        watchdog_us = environ.pop("WATCHDOG_USEC", "")
        watchdog_pid = environ.pop("WATCHDOG_PID", "") or str(os.getpid())
        is_ours = watchdog_us.isdecimal() and watchdog_pid == str(os.getpid())
        return cls(address, has_watchdog=is_ours and int(watchdog_us) > 0)

    def ready(self, status: str = "") -> None:
        """Say that start-up, or a reload, is complete; ``status`` is shown by systemctl."""
        self._send("READY=1", *_status_lines(status))

    def reloading(self) -> None:
        """Say that the configuration is being read again; :meth:`ready` must follow."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={monotonic_us()}")

    def stopping(self) -> None:
        """Say that the daemon is on its way out."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """Show a line in ``systemctl status``."""
        self._send(*_status_lines(text))

    def watchdog(self) -> None:
        """Say that the tick loop still turns."""
        if self._has_watchdog:
            self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if not self._address or not lines:
            return
        try:
            _send_datagram(self._address, "\n".join(lines).encode())
        except (OSError, ValueError):
            # Gone, full or malformed: there is nobody to tell. See the class.
            return


def _send_datagram(address: str, message: bytes) -> None:
    # "@" stands for the NUL byte that begins a name in Linux's abstract namespace (unix(7)).
    target = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        sender.sendto(message, target)


def _status_lines(text: str) -> tuple[str, ...]:
    # A line break would begin another KEY=value.
    flat = " ".join(text.split())
    return (f"STATUS={flat}",) if flat else ()
