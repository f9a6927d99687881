"""Shelf: one job's part of a ledger that is held in memory."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from jobd.core.ledger import TickRange, TickRecord


@dataclass(slots=True, eq=False)
class Shelf:
    """One job's part of the ledger: single ticks by fire time, and ranges of several."""

    singles: dict[datetime, TickRecord] = field(default_factory=dict)
    ranges: list[TickRecord] = field(default_factory=list)

    def add(self, row: TickRecord) -> None:
        """Put a row on the shelf."""
        if row.ticks.first == row.ticks.last:
            self.singles[row.ticks.first] = row
        else:
            self.ranges.append(row)

    def over(self, first: datetime, last: datetime) -> Iterator[TickRange]:
        """Yield the rows that share an instant with ``first`` to ``last``."""
        if first != last:
            yield from (r.ticks for at, r in self.singles.items() if first <= at <= last)
        elif first in self.singles:
            yield self.singles[first].ticks
        yield from (r.ticks for r in self.ranges if r.ticks.last >= first and r.ticks.first <= last)

    def cut(self, row: TickRecord, left: TickRecord | None) -> None:
        """Put what is left of a row in its place."""
        if left is not None and left.ticks.first != left.ticks.last:
            self.ranges[self.ranges.index(row)] = left
            return
        self.drop([row])
        if left is not None:
            self.add(left)

    def newest_first(self) -> list[TickRecord]:
        """Return all rows, the latest fire time first."""
        rows = [*self.singles.values(), *self.ranges]
        return sorted(rows, key=lambda row: (row.ticks.last, row.ticks.first), reverse=True)

    def drop(self, doomed: Iterable[TickRecord]) -> None:
        """Take rows off the shelf."""
        for row in doomed:
            if row.ticks.first == row.ticks.last:
                self.singles.pop(row.ticks.first, None)
            else:
                self.ranges.remove(row)
