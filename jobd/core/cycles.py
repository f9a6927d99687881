"""Cycles: measurements with the usual difference of hours and of weekdays taken out.

A nightly batch that takes three times as long would hide a growth behind it, and half a
week of history would look like one. Removed is, additively, what each phase of the cycle
differs by in its median from all of them, once a rough trend is set aside: the medians of
phases (https://otexts.com/fpp3/classical-decomposition.html), instead of their means, so
that outliers have no say here either.
"""

from collections.abc import Sequence
from statistics import median

Point = tuple[float, float]  # an instant in seconds, and what was measured then

DAY_S = 86400.0
# Period and its phases: three hours of the day, days of the week.
CYCLES = ((DAY_S, 8), (7 * DAY_S, 7))
SEEN = 3  # times that a cycle has to have come round, and the measurements in each phase


def slopes(points: Sequence[Point]) -> list[float]:
    """Return the slopes between all pairs, in ascending order; of ``points`` in order of time."""
    return sorted(
        [
            (later - value) / (later_at - at)
            for place, (at, value) in enumerate(points)
            for later_at, later in points[place + 1 :]
            if later_at > at
        ]
    )


def calmed(points: Sequence[Point]) -> Sequence[Point]:
    """Return ``points``, which are in order of time, without the cycles that they cover."""
    if not points:
        return points
    span_s = points[-1][0] - points[0][0]
    for period_s, phases in CYCLES:
        if span_s >= SEEN * period_s and len(points) >= SEEN * phases:
            points = _without(points, period_s, phases)
    return points


def _without(points: Sequence[Point], period_s: float, phases: int) -> Sequence[Point]:
    slope = _rough_slope(points)
    left = [value - slope * at for at, value in points]
    phase_of = [int(at % period_s / period_s * phases) for at, _ in points]
    of_phase: dict[int, list[float]] = {}
    for phase, rest in zip(phase_of, left, strict=True):
        of_phase.setdefault(phase, []).append(rest)
    usual = median(left)
    offsets = {phase: median(rests) - usual for phase, rests in of_phase.items()}
    return [
        (at, value - offsets[phase]) for phase, (at, value) in zip(phase_of, points, strict=True)
    ]


def _rough_slope(points: Sequence[Point]) -> float:
    """Return the median slope over pairs half the history apart: enough to set a trend aside."""
    half = len(points) // 2
    apart = zip(points, points[half:], strict=False)
    return median((b[1] - a[1]) / (b[0] - a[0]) if b[0] > a[0] else 0.0 for a, b in apart)
