"""The only reader of clocks.

Instants are aware datetimes in UTC. The steady clock is ``CLOCK_BOOTTIME``: it never
jumps, it is the same number in the daemon and in the supervisor, and unlike
``CLOCK_MONOTONIC`` it goes on while the machine sleeps, so that a timeout or a lease
does not outlive a suspended laptop (clock_getres(2)).
"""

import time
from datetime import UTC, datetime


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
