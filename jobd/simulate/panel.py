"""Panel: one diagram over the plot's time, as SVG: an area, lines, a limit, its marks."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from jobd.core.scales import Mark


@dataclass(frozen=True, slots=True)
class Panel:
    """A rectangle in which ``most`` is the top and 0 the bottom; sizes in pixels."""

    left: float
    top: float
    width: float
    height: float
    most: float

    @property
    def bottom(self) -> float:
        """Where 0 is."""
        return self.top + self.height

    def x(self, place: float) -> float:
        """Return where a share of the time is."""
        return self.left + place * self.width

    def y(self, value: float) -> float:
        """Return where a value is."""
        return self.bottom - min(value / self.most, 1.0) * self.height

    def frame(self, title: str, marks: Sequence[Mark], times: Sequence[Mark]) -> list[str]:
        """Return the title, the grid and what is written at its lines."""
        right = self.left + self.width
        drawn = [text(self.left, self.top - 10, title, "title")]
        for mark in marks:
            y = self.bottom - mark.place * self.height
            drawn += [line(self.left, y, right, y, "grid")]
            drawn += [text(self.left - 8, y + 4, mark.label, "label end")]
        for mark in times:
            drawn.append(
                line(self.x(mark.place), self.top, self.x(mark.place), self.bottom, "grid")
            )
        return drawn

    def area(self, values: Sequence[float], kind: str) -> str:
        """Return what lies under a line of steps."""
        outline = f"M{self.left:.1f},{self.bottom:.1f}{self._steps(values)}V{self.bottom:.1f}Z"
        return f'<path class="{kind}" d="{outline}"/>'

    def steps(self, values: Sequence[float], kind: str) -> str:
        """Return a line of steps."""
        return f'<path class="{kind}" d="M{self.left:.1f},{self.y(values[0]):.1f}' + (
            f'{self._steps(values)}"/>'
        )

    def limit(self, value: float, label: str) -> list[str]:
        """Return the line that is not passed. One far above is only told of."""
        right = self.left + self.width
        if value > self.most:
            return [text(right, self.top - 10, f"{label}, far above", "limit-label end")]
        y = self.y(value)
        return [
            line(self.left, y, right, y, "limit"),
            text(right, self.top - 10, label, "limit-label end"),
        ]

    def bars(self, values: Sequence[int], kind: str) -> list[str]:
        """Return a bar for each value that is not 0, wide and high enough to be seen."""
        wide = self.width / len(values)
        return [
            f'<rect class="{kind}" x="{self.x(place / len(values)):.1f}" y="{y:.1f}" '
            f'width="{max(wide, 2.0):.1f}" height="{self.bottom - y:.1f}"/>'
            for place, value in enumerate(values)
            if value and (y := min(self.y(value), self.bottom - 3))
        ]

    def _steps(self, values: Sequence[float]) -> str:
        wide, path, before = self.width / len(values), "", None
        for place, value in enumerate(values):
            y = f"{self.y(value):.1f}"
            if y != before:
                path += f"H{self.left + place * wide:.1f}V{y}"
            before = y
        return f"{path}H{self.left + self.width:.1f}"


def text(x: float, y: float, words: str, kind: str) -> str:
    """Return words at a place."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """Return a straight line."""
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'
