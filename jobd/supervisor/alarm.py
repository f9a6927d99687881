"""Alarm: a descriptor that becomes readable at an instant of the steady clock.

epoll waits by CLOCK_MONOTONIC, which stands still while the machine sleeps: a deadline that
passed meanwhile would be seen as much later as was left to wait. A timerfd on CLOCK_BOOTTIME
is due at wake-up. Python has it since 3.13, so libc is asked; timerfd_create(2).
"""

import ctypes
import os
import time

_ABSOLUTE = 1  # TFD_TIMER_ABSTIME
_libc = ctypes.CDLL(None, use_errno=True)


class _Setting(ctypes.Structure):
    """struct itimerspec: an interval, which is none, and an instant."""

    _fields_ = (
        ("every_s", ctypes.c_long), ("every_ns", ctypes.c_long),
        ("at_s", ctypes.c_long), ("at_ns", ctypes.c_long),
    )  # fmt: skip


class Alarm:
    """One alarm; setting it anew replaces it. OSError when there can be none."""

    def __init__(self) -> None:
        flags = os.O_CLOEXEC | os.O_NONBLOCK
        self.fd: int = _libc.timerfd_create(time.CLOCK_BOOTTIME, flags)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._instant_s = 0.0

    def set(self, instant_s: float) -> None:
        """Be readable from that instant on, at once if it has passed."""
        if instant_s == self._instant_s:
            return
        self._instant_s = instant_s
        whole = int(instant_s)
        # Nothing but zeros would mean never.
        setting = _Setting(0, 0, whole, int((instant_s - whole) * 1e9) or 1)
        _libc.timerfd_settime(self.fd, _ABSOLUTE, ctypes.byref(setting), None)

    def clear(self) -> None:
        """Take note that it went off."""
        try:
            os.read(self.fd, 8)
        except BlockingIOError:
            return
