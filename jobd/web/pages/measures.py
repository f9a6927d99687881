"""Measures: what a job's runs took over time, as a chart: each run, the limits, the trend.

Places are per cent of the chart, from the left and from the top. Pure.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from jobd.core.ceilings import Ceiling, CeilingKind, JobUsage
from jobd.core.forecast import Prospect, course_of
from jobd.core.scales import Mark, duration_marks, size_marks, time_marks
from jobd.core.trend import Trend
from jobd.core.usage import Measured, RunUse
from jobd.web.brief import duration, size
from jobd.web.words import stamp

FEWEST = 2  # of fewer runs a chart says less than the history
_FAR = 2.5  # a limit so many times above all that is reached would flatten the rest
_AIR = 1.08
_MOST_TIMES = 6
_AHEAD = 0.15  # of the chart is kept for what is to come


@dataclass(frozen=True, slots=True)
class Dot:
    """A run."""

    x: float
    y: float
    outcome: str
    title: str


@dataclass(frozen=True, slots=True)
class Line:
    """A limit and its name; ``y`` None: it is far above the chart."""

    y: float | None
    label: str


@dataclass(frozen=True, slots=True)
class Foresight:
    """Where the trend leads: a line through what was measured, and the fan of its range."""

    line: tuple[float, float, float, float]  # from and to
    fan: str  # the points of a polygon


@dataclass(frozen=True, slots=True)
class Chart:
    """One measure of a job over time."""

    title: str
    dots: Sequence[Dot]
    lines: Sequence[Line]
    values: Sequence[Mark]  # marks at the side
    times: Sequence[Mark]
    now: float
    foresight: Foresight | None


@dataclass(frozen=True, slots=True)
class Frame:
    """What the edges of a chart stand for."""

    start: datetime
    end: datetime
    top: float

    def x(self, instant: datetime) -> float:
        """Return where an instant is."""
        return round((instant - self.start) / (self.end - self.start) * 100, 2)

    def y(self, value: float) -> float:
        """Return where a value is; within the chart."""
        return round(100 - min(max(value / self.top, 0.0), 1.0) * 100, 2)


@dataclass(frozen=True, slots=True)
class Measure:
    """What a chart is about: the runs' values, how they are told, the limits beside them."""

    title: str
    words: Callable[[float], str]
    marks: Callable[[float], list[Mark]]
    taken: Sequence[tuple[RunUse, float]]
    measured: Measured | None
    ceilings: Sequence[Ceiling]


def charts_of(
    usage: JobUsage, uses: Sequence[RunUse], now: datetime, zone: ZoneInfo
) -> list[Chart]:
    """Return charts of the duration and, where it was measured, of the memory."""
    charts = (_chart(measure, now, zone) for measure in _measures(usage, uses))
    return [chart for chart in charts if chart is not None]


def _measures(usage: JobUsage, uses: Sequence[RunUse]) -> Iterator[Measure]:
    ceilings = {ceiling.kind: ceiling for ceiling in usage.ceilings}
    yield from _durations(usage.duration, ceilings, uses)
    limits = [ceilings[CeilingKind.MEMORY]] if CeilingKind.MEMORY in ceilings else []
    peaks = [(u, float(u.memory_peak_bytes)) for u in uses if u.memory_peak_bytes is not None]
    yield Measure("Memory peak", _size, size_marks, peaks, usage.memory, limits)


def _durations(
    whole: Measured | None, ceilings: Mapping[CeilingKind, Ceiling], uses: Sequence[RunUse]
) -> Iterator[Measure]:
    """A timeout is for each attempt. Where runs were retried it has a chart of its own: beside
    runs with all their attempts it would seem to be passed all the time."""
    words, marks = duration, duration_marks
    interval, timeout = map(ceilings.get, (CeilingKind.INTERVAL, CeilingKind.TIMEOUT))
    taken = [(use, use.lasted_s) for use in uses]
    if timeout is None or not any(use.earlier_s for use in uses):
        limits = [limit for limit in (interval, timeout) if limit is not None]
        yield Measure("Duration", words, marks, taken, whole, limits)
        return
    limits = [] if interval is None else [interval]
    yield Measure("Duration, all attempts", words, marks, taken, whole, limits)
    last = [(use, use.duration_s) for use in uses]
    title = "Duration of the last attempt"
    yield Measure(title, words, marks, last, timeout.measured, [timeout])


def _size(value: float) -> str:
    return size(round(value))


def _chart(measure: Measure, now: datetime, zone: ZoneInfo) -> Chart | None:
    if len(measure.taken) < FEWEST:
        return None
    frame = _frame(measure, now)
    return Chart(
        measure.title,
        [_dot(use, value, measure, frame, zone) for use, value in measure.taken],
        [_limit(ceiling, measure, frame) for ceiling in measure.ceilings],
        measure.marks(frame.top),
        time_marks(frame.start, frame.end, zone.key, _MOST_TIMES),
        frame.x(now),
        _foresight(measure, frame, now),
    )


def _frame(measure: Measure, now: datetime) -> Frame:
    start = min(use.ended_at for use, _ in measure.taken)
    span = max(now - start, timedelta(minutes=1))
    reached = [ceiling.forecast.at for ceiling in measure.ceilings]
    ahead = [at - now + span * _AHEAD / 2 for at in reached if at is not None]
    end = now + min(max([span * _AHEAD, *ahead]), span)
    most = max([1e-3, *(value for _, value in measure.taken)])
    trend = _notable(measure.measured)
    if trend is not None and trend.is_rising:
        most = max(most, _on_line(trend, end))
    near = [ceiling.limit for ceiling in measure.ceilings if ceiling.limit <= _FAR * most]
    return Frame(start, end, max([most, *near]) * _AIR)


def _dot(use: RunUse, value: float, measure: Measure, frame: Frame, zone: ZoneInfo) -> Dot:
    title = f"{measure.words(value)}, {use.outcome.value}, ended {stamp(use.ended_at, zone)}"
    return Dot(frame.x(use.ended_at), frame.y(value), use.outcome.value, title)


def _limit(ceiling: Ceiling, measure: Measure, frame: Frame) -> Line:
    label = f"{ceiling.kind.value} {measure.words(ceiling.limit)}"
    return Line(frame.y(ceiling.limit) if ceiling.limit <= frame.top else None, label)


def _notable(measured: Measured | None) -> Trend | None:
    """Return the trend of what grows or shrinks beyond doubt."""
    if measured is None or course_of(measured) not in (Prospect.GROWS, Prospect.SHRINKS):
        return None
    return measured.trend


def _on_line(trend: Trend, instant: datetime) -> float:
    return trend.level + trend.slope * (instant.timestamp() - trend.at_s)


def _foresight(measure: Measure, frame: Frame, now: datetime) -> Foresight | None:
    trend = _notable(measure.measured)
    if trend is None:
        return None
    begin, end = (frame.y(_on_line(trend, at)) for at in (frame.start, frame.end))
    lows = [trend.level_low + trend.slope_low * _since(trend, at) for at in (now, frame.end)]
    highs = [trend.level_high + trend.slope_high * _since(trend, at) for at in (now, frame.end)]
    corners = zip(
        (frame.x(now), 100.0, 100.0, frame.x(now)),
        map(frame.y, (*lows, *reversed(highs))),
        strict=True,
    )
    fan = " ".join(f"{x},{y}" for x, y in corners)
    return Foresight((0.0, begin, 100.0, end), fan)


def _since(trend: Trend, instant: datetime) -> float:
    return max(instant.timestamp() - trend.at_s, 0.0)
