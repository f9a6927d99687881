"""Trend: where measurements lead, judged by all pairs of them, so that outliers have no say.

The slope is the median of the slopes between all pairs (Theil 1950, Sen 1968); a quarter of
the measurements may be anything at all. Its range is the order statistics of those slopes
that bound it by Kendall's test (Gilbert 1987, section 16.5), at 99 %: a report looks at many
jobs at once, and one in twenty would always cry wolf.

Three things look like a trend and are none:

- *Cycles* are taken out first (:mod:`jobd.core.cycles`).
- *Neighbours that are alike*, as on the flank of a cycle that was not seen often enough, are
  fewer measurements than they seem. The variance of Kendall's sum is widened by their
  correlation, of ranks without their straight line (after Hamed and Rao 1998; of a first-order
  process). Ranks make a growth of any shape a straight line.
- *A step*, as after a deployment, goes on no further: what came after the sharpest step has
  to grow by itself.

However long the history, the cost is bounded: it is cut into ``SLICES`` equal slices of time,
of which the medians count. All of it is deterministic.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, inf, sqrt
from statistics import median

from jobd.core.cycles import Point, calmed, slopes

SLICES = 48  # 1128 pairs, which takes about a millisecond
FEWEST = 10  # measurements; of fewer the range of the slope would say nothing
_Z = 2.576  # 99 %, on both sides
_MOST_ALIKE = 0.95
_SHORTEST = 5  # slices before and after a step
_GOES_ON = 1 / 3  # of the slope has to be left after a step


@dataclass(frozen=True, slots=True)
class Trend:
    """A line through the newest third of the history, and the ranges of its parts.

    Slopes are per second. A range that holds zero is no trend; bounds are infinite where
    nothing bounds them.
    """

    at_s: float
    level: float
    level_low: float
    level_high: float
    slope: float
    slope_low: float
    slope_high: float

    @property
    def is_rising(self) -> bool:
        """Whether it rises beyond doubt."""
        return self.slope_low > 0

    @property
    def is_falling(self) -> bool:
        """Whether it falls beyond doubt."""
        return self.slope_high < 0


def trend_of(points: Sequence[Point]) -> Trend | None:
    """Return where ``points`` lead; None when they are too few to say."""
    slices = sliced(calmed(sorted(points)))
    ordered = slopes(slices) if len(slices) >= FEWEST else []
    if not ordered:
        return None
    slope = median(ordered)
    low, high = _range_of(ordered, slices)
    is_real = low > 0 or high < 0
    if is_real and not _goes_on(slices, slope):
        low, high = min(low, 0.0), max(high, 0.0)
    newest = slices[-(len(slices) // 3) :]
    at_s = median(at for at, _ in newest)
    levels = _levels([value - slope * (at - at_s) for at, value in newest])
    return Trend(at_s, *levels, slope, low, high)


def sliced(points: Sequence[Point]) -> Sequence[Point]:
    """Return at most ``SLICES`` points in order of time: the medians of equal slices of it."""
    if len(points) <= SLICES or points[-1][0] == points[0][0]:
        return points[-SLICES:]
    first_s = points[0][0]
    width_s = (points[-1][0] - first_s) / SLICES
    slices: dict[int, list[Point]] = {}
    for point in points:
        number = min(int((point[0] - first_s) / width_s), SLICES - 1)
        slices.setdefault(number, []).append(point)
    return [
        (inside[len(inside) // 2][0], median([value for _, value in inside]))
        for inside in slices.values()
    ]


def _range_of(ordered: Sequence[float], slices: Sequence[Point]) -> tuple[float, float]:
    """Return between which of the slopes the true one lies."""
    count = len(slices)
    alike = _likeness([value for _, value in slices])
    variance = count * (count - 1) * (2 * count + 5) / 18 * (1 + alike) / (1 - alike)
    margin = _Z * sqrt(variance)
    lowest, highest = floor((len(ordered) - margin) / 2) - 1, ceil((len(ordered) + margin) / 2)
    return (
        ordered[lowest] if lowest >= 0 else -inf,
        ordered[highest] if highest < len(ordered) else inf,
    )


def _levels(values: Sequence[float]) -> tuple[float, float, float]:
    """Return their median and, by order statistics, its range at 95 %."""
    ordered, margin = sorted(values), ceil(sqrt(len(values)))
    lowest = max((len(ordered) - 1) // 2 - margin, 0)
    highest = min(len(ordered) // 2 + margin, len(ordered) - 1)
    return median(ordered), ordered[lowest], ordered[highest]


def _likeness(values: Sequence[float]) -> float:
    """Return how alike neighbours are, from 0 to nearly 1, beyond what a trend makes them."""
    count = len(values)
    middle = (count - 1) / 2
    ranks = [rank - middle for rank in _ranks(values)]
    places = [place - middle for place in range(count)]
    rise = sum(a * b for a, b in zip(places, ranks, strict=True)) / sum(a * a for a in places)
    left = [rank - rise * place for place, rank in zip(places, ranks, strict=True)]
    spread = sum(a * a for a in left)
    if spread < 1e-9:
        return 0.0
    seen = sum(a * b for a, b in pairwise(left)) / spread
    # A short series shows less of it than there is (Kendall 1954).
    return min(max(seen + (1 + 4 * seen) / count, 0.0), _MOST_ALIKE)


def _ranks(values: Sequence[float]) -> list[float]:
    """Return the place of each among all; equals share the middle of theirs."""
    ordered = sorted(values)
    return [(bisect_left(ordered, v) + bisect_right(ordered, v) - 1) / 2 for v in values]


def _goes_on(slices: Sequence[Point], slope: float) -> bool:
    """Whether it was no mere step: what followed the sharpest one leads on the same way."""
    values = [value for _, value in slices]
    splits = range(_SHORTEST, len(values) - _SHORTEST + 1)
    sharpest = min(splits, key=lambda place: _unrest(values[:place]) + _unrest(values[place:]))
    after = slopes(slices[sharpest:])
    return bool(after) and median(after) / slope >= _GOES_ON


def _unrest(values: Sequence[float]) -> float:
    middle = median(values)
    return sum(abs(value - middle) for value in values)
