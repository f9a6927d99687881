"""Forecast: how long a job takes lately, how much of its interval that is, and what memory to
reserve for its next run.

The smoothed duration is an exponentially weighted moving average: one number a job, kept
by the store, so that the warning survives a restart. The expected peak of its memory is one
more: an upper envelope of the peaks that were measured.
"""

from datetime import timedelta

# Half of what a run says is forgotten after three more (0.8³ ≈ 0.51). Smaller would notice
# a job that grows too late, larger would let one slow run raise the alarm.
WEIGHT = 0.2
# Of the difference to a smaller peak so much is given up with each run: after fourteen of them
# half is left (0.95¹⁴ ≈ 0.49).
FALL = 0.05


def smoothed(previous_s: float | None, duration_s: float) -> float:
    """Return the smoothed duration in seconds once a run took ``duration_s``.

    ``previous_s`` None: nothing is known yet, the first run speaks for itself.
    """
    if previous_s is None:
        return duration_s
    return previous_s + WEIGHT * (duration_s - previous_s)


def expected_peak(previous_bytes: int | None, peak_bytes: int) -> int:
    """Return what the next run may well take, in bytes, once one took ``peak_bytes``.

    ``previous_bytes``: what was expected before it; None: nothing. It rises at once to what
    was seen, and falls slowly: a job that needs much once a week is not forgotten meanwhile.
    """
    if previous_bytes is None or peak_bytes >= previous_bytes:
        return peak_bytes
    return previous_bytes - round(FALL * (previous_bytes - peak_bytes))


def utilization(smoothed_s: float, interval: timedelta) -> float:
    """Return the share of the interval that a run takes; above 1 its ticks are skipped."""
    assert interval > timedelta(0), f"a schedule repeats after {interval}"
    return smoothed_s / interval.total_seconds()
