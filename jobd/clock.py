"""The only reader of clocks.

Instants are aware datetimes in UTC. The steady clock is ``CLOCK_BOOTTIME``: it never
jumps, it is the same number in the daemon and in the supervisor, and unlike
``CLOCK_MONOTONIC`` it goes on while the machine sleeps, so that a timeout or a lease
does not outlive a suspended laptop (clock_getres(2)).
"""

import time
from datetime import UTC, datetime

_STA_UNSYNC = 0x40  # of struct timex's status


class SystemClock:
    """Reads the machine's clocks; see :class:`jobd.ports.Clock`."""

    def now(self) -> datetime:
        """Return the wall clock's instant, in UTC."""
        return datetime.now(UTC)

    def steady_s(self) -> float:
        """Return seconds on CLOCK_BOOTTIME."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)


def monotonic_us() -> int:
    """Return CLOCK_MONOTONIC in microseconds: what systemd wants to read in ``RELOADING=1``.

    systemd compares it with its own clock to tell this reload's notice from an older
    one's (sd_notify(3)); nothing else in jobd uses this clock.
    """
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def is_synchronised() -> bool | None:
    """Return whether the kernel holds the wall clock to be synchronised, as adjtimex(2) says of
    whoever steers it (chrony, systemd-timesyncd, ntpd); None where it cannot be asked."""
    import ctypes  # takes as long to load as all else here, and only the doctor asks

    # struct timex: modes, then offset, freq, maxerror, esterror, status; 208 bytes in all.
    timex = ctypes.create_string_buffer(256)  # modes 0: nothing is set
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(timex)
    except (OSError, AttributeError):
        return None
    if state < 0:
        return None
    at = 5 * ctypes.sizeof(ctypes.c_long)
    status = ctypes.c_int.from_buffer(timex, at).value
    return not status & _STA_UNSYNC
