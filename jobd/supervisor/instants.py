"""The supervisor process's own reader of clocks.

It stands apart from :mod:`jobd.clock` because the process imports as little as it can, but
reads the same ones: CLOCK_BOOTTIME for deadlines, so that an instant means the same here
and in the daemon, and the wall clock only to tell people when something happened.
"""

import time


def steady_s() -> float:
    """Return seconds on CLOCK_BOOTTIME; they go on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def wall_s() -> float:
    """Return seconds since the epoch."""
    return time.clock_gettime(time.CLOCK_REALTIME)
