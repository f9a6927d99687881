"""Chart: both sides on one time axis, as an SVG that is readable on light and dark paper."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from deploy.outage.plan import INTERVAL_MIN, MIB, NODE_MIB, NODES
from deploy.outage.record import Record, Sample

WIDTH, HEIGHT = 960, 684
LEFT, RIGHT = 64, 936
Point = tuple[float, float]

_STYLE = """
svg { --paper: #ffffff; --ink: #1f2328; --faint: #59636e; --rule: #d1d9e0; --night: #eef1f4;
      --cron: #cf222e; --jobd: #0969da; font: 13px system-ui, "DejaVu Sans", sans-serif; }
@media (prefers-color-scheme: dark) {
  svg { --paper: #0d1117; --ink: #f0f6fc; --faint: #9198a1; --rule: #3d444d; --night: #1c222b;
        --cron: #ff7b72; --jobd: #58a6ff; } }
text { fill: var(--ink); } .faint { fill: var(--faint); font-size: 12px; }
.head, .label { paint-order: stroke; stroke: var(--paper); stroke-width: 4px; }
.label { fill: var(--faint); font-size: 12px; }
.title { font-size: 17px; font-weight: 600; } .head { font-weight: 600; }
.cron { fill: var(--cron); } .jobd { fill: var(--jobd); } .end { text-anchor: end; }
.middle { text-anchor: middle; } .rule { stroke: var(--rule); } .night { fill: var(--night); }
.curve { fill: none; stroke: var(--ink); stroke-width: 2; }
.cron-area { fill: var(--cron); fill-opacity: .25; stroke: var(--cron); stroke-width: 1.5; }
.jobd-area { fill: var(--jobd); fill-opacity: .45; stroke: var(--jobd); stroke-width: 1.5; }
.limit { stroke: var(--faint); stroke-dasharray: 5 4; }
.cron-mark { stroke: var(--cron); stroke-dasharray: 3 3; stroke-width: 1.5; }
.jobd-mark { stroke: var(--jobd); stroke-dasharray: 3 3; stroke-width: 1.5; }
.faint-mark { stroke: var(--faint); stroke-dasharray: 3 3; stroke-width: 1.5; }
.started { fill: var(--jobd); }
.skipped { fill: var(--paper); stroke: var(--jobd); stroke-width: 2; }
.kill { stroke: var(--cron); stroke-width: 2; }
"""


@dataclass(frozen=True, slots=True)
class _Panel:
    """A part of the chart: where it lies, and up to which value it reaches."""

    record: Record
    top: float
    bottom: float
    highest: float

    def x(self, at_min: float) -> float:
        return LEFT + (RIGHT - LEFT) * at_min / self.record.plan.length_min

    def y(self, value: float) -> float:
        return self.bottom - (self.bottom - self.top) * min(1.0, value / self.highest)

    def grid(self, words: str, values: Iterable[float]) -> Iterator[str]:
        """Yield the heading and a line for each of the values."""
        yield _text(LEFT, self.top - 10, words, "head")
        for value in values:
            y = self.y(value)
            yield _line(LEFT, y, RIGHT, y, "rule")
            yield _text(LEFT - 8, y + 4, f"{value:g}", "faint end")

    def limit(self, value: float, words: str) -> Iterator[str]:
        """Yield a line that is not to be passed, and its name."""
        yield _line(LEFT, self.y(value), RIGHT, self.y(value), "limit")
        yield _text(LEFT + 6, self.y(value) - 5, words, "label")

    def area(self, points: Sequence[Point], kind: str) -> str:
        """Return a path over values that hold until the next one."""
        corners = "".join(
            f"H{self.x(at_min):.1f}V{self.y(value):.1f}" for at_min, value in _changes(points)
        )
        last = f"H{self.x(points[-1][0]):.1f}V{self.bottom:g}Z"
        return f'<path class="{kind}" d="M{LEFT} {self.bottom:g}{corners}{last}"/>'


def chart(record: Record) -> str:
    """Return the SVG."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(_summary(record))}">',
        f"<style>{_STYLE}</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="var(--paper)"/>',
        _text(LEFT, 30, "One job, one night: cron beside jobd", "title"),
        _text(LEFT, 50, _subtitle(record), "faint"),
        *_night(record),
        *_slowness(_Panel(record, 118, 218, 60)),
        *_copies(record),
        *_memory(record),
        *_ticks(_Panel(record, 602, 646, 1)),
        *_marks(record),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _summary(record: Record) -> str:
    return (
        f"Copies running and memory held over {record.plan.length_min:g} minutes: up to "
        f"{record.cron.most_copies} copies with cron, {record.killed} killed by the kernel; "
        f"never more than {record.jobd.most_copies} with jobd, which warned before."
    )


def _subtitle(record: Record) -> str:
    return (
        f"Every {INTERVAL_MIN:g} minutes, on {len(NODES)} nodes that share a PostgreSQL. Measured; "
        f"a minute of the night took {record.plan.minute_s:.2g} s."
    )


def _night(record: Record) -> Iterator[str]:
    """Yield the stretch in which the network is slow, behind everything."""
    panel = _Panel(record, 100, 646, 1)
    left, right = panel.x(record.plan.slows_min), panel.x(record.plan.heals_min)
    yield (
        f'<rect class="night" x="{left:.1f}" y="{panel.top}" width="{right - left:.1f}" '
        f'height="{panel.bottom - panel.top}"/>'
    )
    yield _text((left + right) / 2, panel.top + 15, "the network is slow", "faint middle")


def _slowness(panel: _Panel) -> Iterator[str]:
    yield from panel.grid("Minutes that a run takes: its queries times the latency", (0, 30, 60))
    yield from panel.limit(INTERVAL_MIN, "interval: 15")
    points = " ".join(
        f"{panel.x(at_min):.1f},{panel.y(run_min):.1f}"
        for at_min, run_min in panel.record.plan.course
    )
    yield f'<polyline class="curve" points="{points}"/>'


def _copies(record: Record) -> Iterator[str]:
    highest = max(record.cron.most_copies, 4) + 2
    panel = _Panel(record, 262, 382, highest)
    yield from panel.grid("Copies running", range(0, highest + 1, 4))
    yield from _both(panel, lambda sample: sample.copies)


def _memory(record: Record) -> Iterator[str]:
    whole = NODE_MIB * len(NODES)
    panel = _Panel(record, 428, 548, whole * 1.15)
    yield from panel.grid("Memory held, MiB", range(0, whole + 1, NODE_MIB))
    yield from _both(panel, lambda sample: sample.held_bytes // MIB)
    yield from panel.limit(whole, f"all that {len(NODES)} nodes have: cron's sandbox")
    yield from panel.limit(NODE_MIB, "a node's share: jobd's memory_budget")


def _both(panel: _Panel, value: Callable[[Sample], float]) -> Iterator[str]:
    for name, side in (("cron", panel.record.cron), ("jobd", panel.record.jobd)):
        yield panel.area([(s.at_min, value(s)) for s in side.samples], f"{name}-area")
    yield _text(RIGHT - 62, panel.top - 10, "cron", "cron head end")
    yield _text(RIGHT, panel.top - 10, "jobd", "jobd head end")


def _ticks(panel: _Panel) -> Iterator[str]:
    """Yield a row of cron's killed copies and one of jobd's ticks."""
    record, kills, ticks = panel.record, panel.top, panel.top + 26
    yield _text(LEFT, panel.top - 22, "What became of it", "head")
    yield _text(LEFT, kills + 4, f"cron: {record.killed} copies killed by the kernel", "cron")
    for at_min, killed in _bursts(record.oom_kills):
        x = panel.x(at_min)
        yield f'<path class="kill" d="M{x - 4:.1f} {kills - 4}l8 8m0 -8l-8 8"/>'
        yield _text(x - 5, kills - 5, str(killed), "cron end")
    for at_min in record.jobd.starts_min:
        yield f'<circle class="started" cx="{panel.x(at_min):.1f}" cy="{ticks}" r="5"/>'
    for at_min in record.skips_min:
        yield f'<circle class="skipped" cx="{panel.x(at_min):.1f}" cy="{ticks}" r="4.5"/>'
    words = f"jobd: {len(record.jobd.starts_min)} ticks started, {len(record.skips_min)} skipped"
    yield _text(LEFT, ticks + 24, f"{words} (hollow) as overlap", "jobd")
    for at_min in range(0, int(record.plan.length_min), 60):
        yield _text(panel.x(at_min), HEIGHT - 8, f"{at_min} min", "faint middle")


def _marks(record: Record) -> Iterator[str]:
    """Yield the instants that matter, through all panels; names that would collide take turns."""
    heals = record.plan.heals_min
    back = None if record.jobd_recovery_min is None else heals + record.jobd_recovery_min
    panel = _Panel(record, 66, 646, 1)
    for at_min, words, kind, row, is_before in (
        (record.warning_min, "jobd warns", "jobd-mark", 1, True),
        (record.melt_min, "cron melts", "cron-mark", 1, True),
        (heals, "it heals", "faint-mark", 2, True),
        (back, "jobd is back", "jobd-mark", 2, False),
    ):
        if at_min is not None:
            x, y = panel.x(at_min), panel.top + 14 * row
            anchor = "end" if is_before else ""
            yield _line(x, panel.top + 4, x, panel.bottom, kind)
            yield _text(
                x + (-5 if is_before else 5), y, words, f"{kind.removesuffix('-mark')} {anchor}"
            )


def _bursts(oom_kills: Sequence[tuple[float, int]]) -> list[tuple[float, int]]:
    """Return when the kernel began to kill, and how many: what follows at once is one burst."""
    bursts: list[tuple[float, int]] = []
    for (_, before), (at_min, after) in pairwise(oom_kills):
        if after > before and bursts and at_min - bursts[-1][0] < INTERVAL_MIN / 3:
            bursts[-1] = (bursts[-1][0], bursts[-1][1] + after - before)
        elif after > before:
            bursts.append((at_min, after - before))
    return bursts


def _changes(points: Sequence[Point]) -> Iterator[Point]:
    before: float | None = None
    for at_min, value in points:
        if value != before:
            yield at_min, value
        before = value


def _text(x: float, y: float, words: str, kind: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(words)}</text>'


def _line(x: float, y: float, to_x: float, to_y: float, kind: str) -> str:
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}" class="{kind}"/>'
