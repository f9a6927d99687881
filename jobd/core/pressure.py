"""Pressure: whether this node, or the store, is too busy for anything new.

What begins to hold is over its limit, and goes on holding until it is well below: a node
that lets one run in at every dip would never come to rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

EASED = 0.7  # of the limit: below it nothing is held any more


class Strain(StrEnum):
    """What can be under pressure."""

    MEMORY = "memory"  # percent of the time in which somebody waited for memory
    IO = "io"  # the same for disks
    CPU = "cpu"  # the same for processors
    STORE = "store"  # seconds that the store takes to answer


@dataclass(slots=True)
class Pressure:
    """The limits, what was measured last, and which of them hold."""

    limits: Mapping[Strain, float] = field(default_factory=dict)
    measured: Mapping[Strain, float] = field(default_factory=dict)
    holding: frozenset[Strain] = frozenset()

    def limit(self, limits: Mapping[Strain, float]) -> None:
        """Put other limits in force, on what was measured last."""
        self.limits = limits
        self.measure(self.measured)

    def measure(self, measured: Mapping[Strain, float]) -> None:
        """Take in what is measured now; what cannot be measured holds nothing."""
        self.measured = measured
        self.holding = frozenset(strain for strain in measured if self._holds(strain))

    def words(self) -> str:
        """Return what holds, for people: ``memory 31 % (limit 20 %)``."""
        return ", ".join(self._word(strain) for strain in sorted(self.holding))

    def all_words(self) -> str:
        """Return all that has a limit and is measured, in the same words; "" if nothing is."""
        measured = [strain for strain in sorted(self.limits) if strain in self.measured]
        return ", ".join(self._word(strain) for strain in measured)

    def _holds(self, strain: Strain) -> bool:
        limit = self.limits.get(strain)
        if limit is None:
            return False
        bound = limit * EASED if strain in self.holding else limit
        return self.measured[strain] > bound

    def _word(self, strain: Strain) -> str:
        value, limit = self.measured[strain], self.limits[strain]
        if strain is Strain.STORE:
            taken = f"{value:.3g} s" if value >= 1 else f"{max(value * 1000, 1):.0f} ms"
            return f"the store answers in {taken} (limit {limit:g} s)"
        return f"{strain.value} {value:.0f} % (limit {limit:g} %)"
