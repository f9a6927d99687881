"""Plot: a simulation as an SVG that is understood at a glance, in light and in dark.

Four diagrams over the same time: runs and memory with their limits, who waits, what is
skipped. The filled areas are as configured; a line shows the same days without
jitter, where there is any.
"""

from collections.abc import Callable, Iterator, Sequence
from html import escape
from zoneinfo import ZoneInfo

from jobd.config.units import format_duration
from jobd.core.amounts import counted, size_words
from jobd.core.scales import Mark, count_marks, size_marks, time_marks
from jobd.simulate.curve import Slice
from jobd.simulate.figures import skips_by_reason
from jobd.simulate.panel import Panel, line, text
from jobd.simulate.simulation import Simulation

_WIDTH, _HEIGHT = 960, 700
_LEFT, _RIGHT = 64, 40
_ROOM = _WIDTH - _LEFT - _RIGHT
_FAR = 2.5  # a limit so many times above all that is reached would flatten the rest
_AIR = 1.1

_STYLE = """
svg { background: var(--paper); font: 13px system-ui, sans-serif;
  --paper: #ffffff; --ink: #1f2328; --faint: #59636e; --grid: #e1e5ea;
  --most: #a8cdf5; --mean: #2f7bd0; --still: #b35900; --wait: #c98a1b; --skip: #cf222e; }
@media (prefers-color-scheme: dark) { svg {
  --paper: #0d1117; --ink: #e6edf3; --faint: #9198a1; --grid: #262c36;
  --most: #1d4672; --mean: #58a6ff; --still: #ffa657; --wait: #d6a13a; --skip: #ff7b72; } }
text { fill: var(--ink); }
.head { font-size: 17px; font-weight: 600; }
.title { font-weight: 600; }
.label, .sub { fill: var(--faint); }
.label { font-size: 12px; }
.end { text-anchor: end; }
.middle { text-anchor: middle; }
.grid { stroke: var(--grid); }
.base { stroke: var(--faint); }
.most { fill: var(--most); }
.mean { fill: var(--mean); }
.wait { fill: var(--wait); }
.skip { fill: var(--skip); }
.still { fill: none; stroke: var(--still); stroke-width: 1; }
.limit { stroke: var(--skip); stroke-width: 1.5; }
.limit-label { fill: var(--skip); }
"""

Value = Callable[[Slice], float]


def plot(simulation: Simulation) -> str:
    """Return the SVG."""
    curve = simulation.configured.tally.curve
    times = time_marks(curve.start, curve.end, simulation.config.daemon.timezone)
    drawn = [
        *_head(simulation),
        *_running(simulation, times),
        *_memory(simulation, times),
        *_waiting(simulation, times),
        *_skipped(simulation, times),
        *(text(_LEFT + mark.place * _ROOM, 684, mark.label, "label middle") for mark in times),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" role="img">\n<style>{_STYLE}</style>\n'
        + "\n".join(drawn)
        + "\n</svg>\n"
    )


def _head(simulation: Simulation) -> Iterator[str]:
    zone = ZoneInfo(simulation.config.daemon.timezone)
    start = simulation.start.astimezone(zone)
    span = format_duration(simulation.until - simulation.start)
    many = counted(len(simulation.jobs), "job")
    name = f"{many} over {span}, from {start:%a %Y-%m-%d %H:%M} {start:%Z}"
    replay = simulation.configured
    reasons = ", ".join(f"{n:,} {reason.value}" for reason, n in skips_by_reason(replay).items())
    told = f"{replay.starts:,} ticks started, {replay.skipped:,} skipped"
    yield f"<title>{escape(name)}</title>"
    yield text(_LEFT, 32, name, "head")
    yield text(_LEFT, 52, f"{told}{f': {reasons}' if reasons else ''}", "sub")
    yield from _legend(has_still=simulation.without_jitter is not None)


def _legend(*, has_still: bool) -> Iterator[str]:
    """Say what the fillings mean, from the left on in one line."""
    x, y = float(_LEFT), 76
    for kind, words in (("most", "most at any instant"), ("mean", "on average")):
        yield f'<rect class="{kind}" x="{x}" y="{y - 10}" width="18" height="11"/>'
        yield text(x + 24, y, words, "label")
        x += 44 + 6.3 * len(words)
    if has_still:
        yield line(x, y - 4, x + 24, y - 4, "still")
        yield text(x + 30, y, "most, without jitter", "label")


def _running(simulation: Simulation, times: Sequence[Mark]) -> list[str]:
    limit = simulation.config.limits.max_running
    most = _top(simulation, lambda each: each.most_running, limit)
    panel = Panel(_LEFT, 118, _ROOM, 160, most)
    return [
        *panel.frame("Runs at once", count_marks(most), times),
        *_load(
            simulation, panel, lambda each: each.most_running, lambda each: each.running_s
        ),
        *panel.limit(limit, f"max_running {limit:,}"),
    ]  # fmt: skip


def _memory(simulation: Simulation, times: Sequence[Mark]) -> list[str]:
    budget = simulation.config.limits.memory_budget_bytes
    most = _top(simulation, lambda each: each.most_reserved_bytes, budget)
    panel = Panel(_LEFT, 322, _ROOM, 160, most)
    return [
        *panel.frame("Memory reserved", size_marks(most), times),
        *_load(
            simulation,
            panel,
            lambda each: each.most_reserved_bytes,
            lambda each: each.reserved_byte_s,
        ),
        *panel.limit(budget, f"memory_budget {size_words(budget)}"),
    ]


def _waiting(simulation: Simulation, times: Sequence[Mark]) -> list[str]:
    most_waiting = max(
        each.most_waiting for replay in simulation.replays for each in replay.tally.curve.slices
    )
    most = max(most_waiting, 1) * _AIR
    panel = Panel(_LEFT, 526, _ROOM, 60, most)
    slices = simulation.configured.tally.curve.slices
    drawn = panel.frame(
        "Waiting for room" + _never(most_waiting),
        [Mark(0, "0"), Mark(1 / _AIR, _number(most))],
        times,
    )
    drawn.append(panel.area([each.most_waiting for each in slices], "wait"))
    if simulation.without_jitter is not None:
        still = simulation.without_jitter.tally.curve.slices
        drawn.append(panel.steps([each.most_waiting for each in still], "still"))
    return [*drawn, _base(panel)]


def _skipped(simulation: Simulation, times: Sequence[Mark]) -> list[str]:
    skips = [each.skips for each in simulation.configured.tally.curve.slices]
    most = max(*skips, 1) * _AIR
    panel = Panel(_LEFT, 628, _ROOM, 36, most)
    marks = [Mark(0, "0"), Mark(1 / _AIR, _number(most))]
    return [
        *panel.frame("Ticks skipped" + _never(max(skips)), marks, times),
        *panel.bars(skips, "skip"),
        _base(panel),
    ]


def _load(simulation: Simulation, panel: Panel, most: Value, total: Value) -> Iterator[str]:
    curve = simulation.configured.tally.curve
    yield panel.area([most(each) for each in curve.slices], "most")
    yield panel.area([total(each) / curve.slice_s for each in curve.slices], "mean")
    if simulation.without_jitter is not None:
        still = simulation.without_jitter.tally.curve.slices
        yield panel.steps([most(each) for each in still], "still")
    yield _base(panel)


def _base(panel: Panel) -> str:
    return line(panel.left, panel.bottom, panel.left + panel.width, panel.bottom, "base")


def _top(simulation: Simulation, value: Value, limit: float) -> float:
    """Return what the top of a diagram stands for: the limit, unless it is far away."""
    slices = (each for replay in simulation.replays for each in replay.tally.curve.slices)
    reached = max(max(map(value, slices)), 1)
    return (limit if reached < limit <= _FAR * reached else reached) * _AIR


def _never(most: int) -> str:
    return "" if most else ": never"


def _number(most: float) -> str:
    return f"{round(most / _AIR):,}"
