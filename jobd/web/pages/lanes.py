"""Lanes: the rows of a timeline, with all that a template draws and says of each. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from urllib.parse import quote, urlencode

from jobd.core.amounts import counted
from jobd.core.ceilings import is_free_of_interval
from jobd.core.schedule import AfterSchedule
from jobd.core.view import JobView
from jobd.ports import RunCell, SkipCell, Window
from jobd.ports.window import ACTIVE, WINDOW_SEEN_OF_JOB
from jobd.web.pages.bars import (
    FAILED,
    WORST_FIRST,
    Bar,
    bars_of,
    counted_as,
    place_of,
    span_of,
)
from jobd.web.pages.signs import Sign, failure_signs, skip_signs
from jobd.web.shapes import iso
from jobd.web.words import clock_time, in_words

WORDY = 9.0  # per cent of the window: a word has room

Zoom = Callable[[datetime, datetime], str]  # the address of a closer look at a time


@dataclass(frozen=True, slots=True)
class Item:
    """A bar or a sign: where it is, what it looks like, what it says and where it leads."""

    x: float
    width: float
    kind: str
    title: str
    href: str
    begun: datetime
    ended: datetime
    level: int = 0
    row: int = 0
    flaw: str = ""  # the worst outcome of many runs, where it is not the commonest
    late: tuple[float, float] | None = None  # the part beyond the interval
    label: str = ""  # of a sign that is long enough for a word


@dataclass(frozen=True, slots=True)
class Lane:
    """A row of a timeline."""

    name: str
    bars: Sequence[Item]
    signs: Sequence[Item]
    coming: Sequence[Item]
    told: Sequence[tuple[str, str]]  # in words: kind, words

    @property
    def rows(self) -> int:
        """How many rows of bars it has, one at least."""
        return max((bar.row for bar in self.bars), default=0) + 1

    @property
    def sign_rows(self) -> int:
        """How many rows of signs it has: what was skipped stands below what ended badly."""
        return max((sign.row for sign in self.signs), default=-1) + 1


@dataclass(frozen=True, slots=True)
class Light:
    """In what light lanes are seen: the window, the present, the zone, the closer look."""

    window: Window
    now: datetime
    zone: tzinfo
    zoom: Zoom

    def clock(self, instant: datetime) -> str:
        """Return what the clock shows, with its date on another day."""
        return clock_time(instant, self.now, self.zone)

    def day(self, instant: datetime) -> str:
        """Return the day and the minute, as an end of the window is told."""
        return f"{instant.astimezone(self.zone):%a %Y-%m-%d %H:%M}"

    def span(self, begun: datetime, ended: datetime) -> str:
        """Return from when to when."""
        return f"{self.clock(begun)} to {clock_time(ended, begun, self.zone)}"


def lane_of(
    name: str,
    runs: Iterable[RunCell],
    skips: Iterable[SkipCell],
    light: Light,
    view: JobView | None = None,
) -> Lane:
    """Return the lane of a job, or of a node (``view`` None)."""
    window = light.window
    interval = None if view is None or is_free_of_interval(view.job) else view.interval
    bars = bars_of(runs, window, light.now, interval)
    skipped, failed = skip_signs(skips, window), failure_signs(bars, window)
    return Lane(
        name,
        [_bar_item(bar, light, interval) for bar in sorted(bars, key=lambda bar: bar.begun)],
        [
            *(_sign_item(sign, 0, name if view else "", light) for sign in failed),
            *(_sign_item(sign, int(bool(failed)), name if view else "", light) for sign in skipped),
        ],
        [*_coming(view, light)] if view is not None and view.job.enabled else [],
        [*_told(bars, skipped)],
    )


def _bar_item(bar: Bar, light: Light, interval: timedelta | None) -> Item:
    x, width = span_of(bar.begun, bar.ended, light.window)
    late = None
    if bar.is_late and interval is not None:
        from_there = bar.begun if bar.level else min(bar.begun + interval, bar.ended)
        late = span_of(from_there, bar.ended, light.window)
    single = f"/runs/{quote(bar.run_id, safe='')}"
    return Item(
        x,
        width,
        bar.commonest,
        _bar_title(bar, light, interval),
        light.zoom(bar.begun, bar.ended) if bar.level else single,
        bar.begun,
        bar.ended,
        bar.level,
        bar.row,
        bar.worst if bar.worst != bar.commonest else "",
        late,
    )


def _bar_title(bar: Bar, light: Light, interval: timedelta | None) -> str:
    took = in_words(bar.longest_s)
    if bar.level:
        counts = ", ".join(counted_as(n, outcome) for outcome, n in _worst_first(bar.outcomes))
        words = f"{bar.runs:,} runs ({counts}), {light.span(bar.begun, bar.ended)}"
        words += f", the longest {took}"
    elif bar.outcomes[ACTIVE]:
        words = f"active since {light.clock(bar.begun)}, for {took}"
    else:
        words = f"{bar.worst.replace('_', ' ')}, {light.span(bar.begun, bar.ended)}, took {took}"
    if bar.is_late and interval is not None:
        words += f": longer than its interval of {in_words(interval)}"
    return words


def _sign_item(sign: Sign, row: int, job: str, light: Light) -> Item:
    first = place_of(sign.first, light.window)
    width = round(place_of(sign.last, light.window) - first, 2)
    return Item(
        first,
        width,
        "skipped" if sign.is_skip else sign.kind,
        _skip_title(sign, light) if sign.is_skip else _failure_title(sign, light),
        _sign_href(sign, job, light),
        sign.first,
        sign.last,
        row=row,
        label=f"{sign.kind} {sign.count:,}" if sign.is_skip and width > WORDY else "",
    )


def _skip_title(sign: Sign, light: Light) -> str:
    when = light.clock(sign.first) if sign.count == 1 else light.span(sign.first, sign.last)
    many = "skipped" if sign.count == 1 else f"{sign.count:,} ticks skipped"
    way = f"; run {sign.blocker} was active" if sign.blocker else ""
    return f"{many}: {sign.kind}, {when}{f': {sign.detail}' if sign.detail else ''}{way}"


def _failure_title(sign: Sign, light: Light) -> str:
    if sign.count == 1:
        return f"{sign.kind.replace('_', ' ')}, {light.clock(sign.last)}"
    return f"{counted_as(sign.count, sign.kind)}, {light.span(sign.first, sign.last)}"


def _sign_href(sign: Sign, job: str, light: Light) -> str:
    if sign.run_id is not None:
        return f"/runs/{quote(sign.run_id, safe='')}"
    if sign.is_skip and sign.count == 1 and job:
        at = urlencode({"at": iso(sign.first) or ""})
        return f"/jobs/{quote(job, safe='')}?{at}#why"
    return light.zoom(sign.first, sign.last)


def _coming(view: JobView, light: Light) -> Iterator[Item]:
    """Yield the ticks to come, so far apart that they can be told apart."""
    window, schedule, tick = light.window, view.job.schedule, view.next_fire
    apart = (window.end - window.start) / 100
    while tick is not None and tick < window.end:
        if tick >= window.start:
            what = "tick to come" if tick >= light.now else "tick not decided yet,"
            words = f"{what} {light.clock(tick)}"
            yield Item(place_of(tick, window), 0.0, "coming", words, "", tick, tick)
        if schedule is None or isinstance(schedule, AfterSchedule):  # it knows its next one alone
            return
        tick = schedule.next_after(tick + apart)


def _told(bars: Sequence[Bar], skips: Sequence[Sign]) -> Iterator[tuple[str, str]]:
    outcomes = sum((bar.outcomes for bar in bars), Counter[str]())
    total = outcomes.total()
    newest = "the newest " if total >= WINDOW_SEEN_OF_JOB else ""
    yield "", f"{newest}{counted(total, 'run')}" if total else "no runs"
    for outcome, count in _worst_first(outcomes):
        if outcome in FAILED or outcome == ACTIVE:
            yield outcome, counted_as(count, outcome)
    reasons = Counter[str]()
    for sign in skips:
        reasons[sign.kind] += sign.count
    if reasons:
        words = ", ".join(f"{reason} {count:,}" for reason, count in reasons.most_common())
        yield "skipped", f"skipped: {words.replace('_', ' ')}"
    late = sum(bar.runs for bar in bars if bar.is_late and not bar.level)
    if late or any(bar.is_late for bar in bars):
        yield "late", f"{late:,} over the interval" if late else "over the interval"


def _worst_first(outcomes: Counter[str]) -> list[tuple[str, int]]:
    return [(outcome, outcomes[outcome]) for outcome in WORST_FIRST if outcomes[outcome]]
