"""A figure: what was measured, what it is held against, and the bound that it has to keep."""

from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a report. ``reference`` was measured in the same run, on the same machine.

    ``bound`` holds for ``measured / reference`` if ``is_ratio``, else for ``measured``.
    """

    what: str
    measured: float
    unit: str
    reference: float
    against: str  # what the reference is
    bound: float
    is_ratio: bool = False
    is_floor: bool = False  # the bound is the least that is allowed, not the most

    @property
    def ratio(self) -> float:
        """How many times the reference was measured."""
        return self.measured / self.reference

    @property
    def is_within(self) -> bool:
        """Whether the bound is kept."""
        judged = self.ratio if self.is_ratio else self.measured
        return judged >= self.bound if self.is_floor else judged <= self.bound

    def __str__(self) -> str:
        unit = "x" if self.is_ratio else f" {self.unit}"
        bound = f"{'at least' if self.is_floor else 'at most'} {_short(self.bound)}{unit}"
        verdict = "within" if self.is_within else "MISSED"
        return (
            f"{verdict:6}  {self.what}: {_short(self.measured)} {self.unit}"
            f" = {self.ratio:.2f}x {self.against} ({_short(self.reference)} {self.unit});"
            f" bound {bound}"
        )


def middle(rounds: list[float]) -> float:
    """Return the median, and print the rounds: a figure of which one round tells is none."""
    print(f"        rounds: {' '.join(_short(each) for each in rounds)}", flush=True)
    return median(rounds)


def _short(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"
