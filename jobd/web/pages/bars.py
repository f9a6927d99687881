"""Bars: the runs of a lane as they are drawn, many of them as one where they have no room.

Places and widths are per cent of the window. Pure: what the store gathered in, bars out.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from jobd.core.amounts import counted
from jobd.core.outcome import Outcome
from jobd.ports import RunCell, Window
from jobd.ports.window import ACTIVE

NARROWEST = 0.3  # of a window of a thousand pixels: three of them
LEVELS = 4  # heights by which a bar of many runs tells how busy the time was
MOST_ROWS = 3  # of runs beside one another

# What to look at first; of a bar of many runs the worst decides its sign.
WORST_FIRST = (
    Outcome.OOM,
    Outcome.TIMEOUT,
    Outcome.LOST,
    Outcome.START_ERROR,
    Outcome.FAILURE,
    Outcome.CANCELED,
    ACTIVE,
    Outcome.SUCCESS,
)
FAILED = frozenset(WORST_FIRST[:5])
_MANY = {
    Outcome.START_ERROR: "start errors",
    Outcome.TIMEOUT: "timeouts",
    Outcome.FAILURE: "failures",
    Outcome.SUCCESS: "successes",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A run, or several that are too near one another to be told apart.

    ``level``: 0 for a single run, else how much of its time was busy, 1 to ``LEVELS``.
    """

    begun: datetime
    ended: datetime  # now, while one is active
    outcomes: Counter[str]
    busy_s: float
    longest_s: float
    run_id: str
    level: int = 0
    row: int = 0
    is_late: bool = False  # one took longer than the interval

    @property
    def runs(self) -> int:
        """How many runs it stands for."""
        return self.outcomes.total()

    @property
    def worst(self) -> str:
        """The outcome to look at first."""
        return next(outcome for outcome in WORST_FIRST if self.outcomes[outcome])

    @property
    def commonest(self) -> str:
        """The outcome of most of them, of equals the worst."""
        return max(WORST_FIRST, key=lambda outcome: self.outcomes[outcome])


def counted_as(runs: int, outcome: str) -> str:
    """Return how many runs came out so: ``1 failure``, ``17 failures``, ``2 lost``."""
    word = outcome.replace("_", " ")
    return counted(runs, word, _MANY.get(Outcome(outcome), word) if outcome != ACTIVE else word)


def bars_of(
    cells: Iterable[RunCell], window: Window, now: datetime, interval: timedelta | None
) -> list[Bar]:
    """Return the bars of one lane, from left to right; of runs beside one another each in a row
    of its own, as far as there are rows."""
    by_cell: dict[int, list[RunCell]] = {}
    for cell in cells:
        by_cell.setdefault(cell.cell, []).append(cell)
    limit_s = None if interval is None else interval.total_seconds()
    bars = [_bar(parts, now, limit_s) for _, parts in sorted(by_cell.items())]
    return list(_in_rows(_joined(bars, window)))


def place_of(instant: datetime, window: Window) -> float:
    """Return where an instant is, within the window."""
    share = (instant - window.start) / (window.end - window.start)
    return round(min(max(share, 0.0), 1.0) * 100, 2)


def span_of(begun: datetime, ended: datetime, window: Window) -> tuple[float, float]:
    """Return place and width of what is visible of a time, wide enough to be seen."""
    left = min(place_of(begun, window), 100 - NARROWEST)
    return left, round(max(place_of(ended, window) - left, NARROWEST), 2)


def _bar(parts: Sequence[RunCell], now: datetime, limit_s: float | None) -> Bar:
    begun = min(part.begun for part in parts)
    outcomes = Counter[str]()
    for part in parts:
        outcomes[part.outcome] += part.runs
    active_s = max(_active_s(part, now) for part in parts)
    longest_s = max(active_s, *(part.longest_s for part in parts))
    bar = Bar(
        begun,
        max([begun, *(part.ended or now for part in parts)]),
        outcomes,
        sum(part.took_s for part in parts) + active_s,
        longest_s,
        parts[0].run_id,
        is_late=limit_s is not None and longest_s > limit_s,
    )
    return replace(bar, level=_level(bar)) if bar.runs > 1 else bar


def _active_s(part: RunCell, now: datetime) -> float:
    """Return how long its oldest run has been going on; 0 where all have ended."""
    return max((now - part.begun).total_seconds(), 0.0) if part.outcome == ACTIVE else 0.0


def _level(bar: Bar) -> int:
    span_s = (bar.ended - bar.begun).total_seconds()
    share = bar.busy_s / span_s if span_s else 1.0
    return min(int(share * LEVELS) + 1, LEVELS)


def _joined(bars: Iterable[Bar], window: Window) -> Iterator[Bar]:
    """Yield the bars; neighbours that are many runs each and look alike become one."""
    near = 1.5 * (window.end - window.start) / window.cells
    last: Bar | None = None
    for bar in bars:
        if last is not None and _are_alike(last, bar) and bar.begun - last.ended < near:
            last = _together(last, bar)
            continue
        if last is not None:
            yield last
        last = bar
    if last is not None:
        yield last


def _are_alike(one: Bar, other: Bar) -> bool:
    look = (one.level, one.worst, one.commonest, one.is_late)
    return bool(one.level) and look == (other.level, other.worst, other.commonest, other.is_late)


def _together(one: Bar, other: Bar) -> Bar:
    both = replace(
        one,
        begun=min(one.begun, other.begun),
        ended=max(one.ended, other.ended),
        outcomes=one.outcomes + other.outcomes,
        busy_s=one.busy_s + other.busy_s,
        longest_s=max(one.longest_s, other.longest_s),
        is_late=one.is_late or other.is_late,
    )
    return replace(both, level=_level(both) if not one.level else max(one.level, other.level))


def _in_rows(bars: Iterable[Bar]) -> Iterator[Bar]:
    """Yield each bar in the first row that is free; where none is, with the last of the last."""
    ends: list[datetime] = []
    held: Bar | None = None  # the newest bar of the last row: others may still join it
    for bar in bars:
        row = next((n for n, end in enumerate(ends) if end <= bar.begun), len(ends))
        if row == MOST_ROWS:
            assert held is not None, "the last row has a bar"
            held = _together(held, bar)
            ends[-1] = held.ended
            continue
        ends[row : row + 1] = [bar.ended]
        if row < MOST_ROWS - 1:
            yield replace(bar, row=row)
            continue
        if held is not None:
            yield held
        held = replace(bar, row=row)
    if held is not None:
        yield held
