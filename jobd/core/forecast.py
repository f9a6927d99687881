"""Forecast: how long a job takes lately, and how much of its interval that is.

The smoothed duration is an exponentially weighted moving average: one number a job, kept
by the store, so that the warning survives a restart.
"""

from datetime import timedelta

# Half of what a run says is forgotten after three more (0.8³ ≈ 0.51). Smaller would notice
# a job that grows too late, larger would let one slow run raise the alarm.
WEIGHT = 0.2


def smoothed(previous_s: float | None, duration_s: float) -> float:
    """Return the smoothed duration in seconds once a run took ``duration_s``.

    ``previous_s`` None: nothing is known yet, the first run speaks for itself.
    """
    if previous_s is None:
        return duration_s
    return previous_s + WEIGHT * (duration_s - previous_s)


def utilization(smoothed_s: float, interval: timedelta) -> float:
    """Return the share of the interval that a run takes; above 1 its ticks are skipped."""
    assert interval > timedelta(0), f"a schedule repeats after {interval}"
    return smoothed_s / interval.total_seconds()
