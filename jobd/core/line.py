"""Line: who waits for room on this node, in the order in which they get it. It is bounded.

Priority comes first, then age. Of those whom there is room for, the first in that order is
next: a small run passes a large one that has to wait. Whoever has waited for half of its
window is aged, and the oldest of the aged comes before all others, whatever its priority;
nobody passes it then, however little they need, until it has its room. So nothing starves.
When the line is too long, the last in order has to go, be it the newcomer or another.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush, merge
from typing import Generic, Protocol, TypeVar

from jobd.core.admission import Need, Opening


class Waiter(Protocol):
    """What a line needs to know of those who stand in it."""

    @property
    def priority(self) -> int: ...

    @property
    def due(self) -> datetime: ...

    @property
    def ages_at(self) -> datetime:
        """From when on it comes before all who are not aged."""
        ...

    @property
    def need(self) -> Need: ...

    @property
    def key(self) -> str:
        """Unique among those who wait."""
        ...

    @property
    def may_be_turned_away(self) -> bool:
        """False for a run that has its lease already: it outstays the bound."""
        ...


W = TypeVar("W", bound=Waiter)
_Place = tuple[int, datetime, str]


@dataclass(slots=True)
class Line(Generic[W]):
    """Those admitted next, in order; at most ``size`` of them."""

    size: int
    # Few runs differ in what they need: the first that fits is the first of one of these.
    _by_need: dict[Need, list[_Place]] = field(default_factory=dict)
    _by_age: list[tuple[datetime, str]] = field(default_factory=list)  # a heap; some have left
    _waiters: dict[str, W] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._waiters)

    def __iter__(self) -> Iterator[W]:
        """Yield all who wait, in no order."""
        return iter(self._waiters.values())

    def __contains__(self, waiter: W) -> bool:
        return waiter.key in self._waiters

    def enter(self, waiter: W) -> W | None:
        """Let one more in; return who had to be turned away, if the line was full."""
        insort(self._by_need.setdefault(waiter.need, []), _place(waiter))
        self._waiters[waiter.key] = waiter
        self._grow_older(waiter)
        return self._turn_away() if len(self._waiters) > self.size else None

    def get(self, key: str) -> W | None:
        """Return who waits under a key, or None."""
        return self._waiters.get(key)

    def leave(self, waiter: W) -> bool:
        """Take one out, wherever it stands; return whether it was there."""
        if self._waiters.pop(waiter.key, None) is None:
            return False
        alike = self._by_need[waiter.need]
        del alike[bisect_left(alike, _place(waiter))]
        if not alike:
            del self._by_need[waiter.need]
        return True

    def stands_before(self, waiter: W, opening: Opening, now: datetime) -> W | None:
        """Return who in the line gets room before one who stands outside and fits, if any."""
        aged = self._aged(now)
        if waiter.ages_at <= now:
            return aged if aged is not None and _age(aged) < _age(waiter) else None
        first = aged or self._first(opening)
        is_aged_or_before = first is not None and (first is aged or _place(first) < _place(waiter))
        return first if is_aged_or_before else None

    def next(self, opening: Opening, now: datetime) -> W | None:
        """Take out who gets room now, or return None."""
        chosen = self._aged(now)
        if chosen is None:
            chosen = self._first(opening)
        elif not opening.fits(chosen.need):
            return None
        if chosen is not None:
            self.leave(chosen)
        return chosen

    def in_order(self) -> list[W]:
        """Return all who wait, by priority and age."""
        return [self._waiters[key] for _, _, key in merge(*self._by_need.values())]

    def _aged(self, now: datetime) -> W | None:
        """Return the oldest of those who have waited for long, if any has."""
        while self._by_age and self._by_age[0][0] <= now:
            waiter = self._waiters.get(self._by_age[0][1])
            if waiter is not None and _age(waiter) == self._by_age[0]:
                return waiter
            heappop(self._by_age)  # it has left, and may be back at another age
        return None

    def _grow_older(self, waiter: W) -> None:
        if len(self._by_age) > 2 * len(self._waiters):
            self._by_age = sorted(map(_age, self._waiters.values()))
        else:
            heappush(self._by_age, _age(waiter))

    def _first(self, opening: Opening) -> W | None:
        """Return the first in order whom there is room for."""
        free, for_store = opening
        heads = [  # Opening.fits() in place: it would be called for every need with every tick
            alike[0]
            for need, alike in self._by_need.items()
            if need.memory_bytes <= free and (for_store or not need.asks_store)
        ]
        return self._waiters[min(heads)[2]] if heads else None

    def _turn_away(self) -> W | None:
        """Take out the last in order that may be; None when all have to stay."""
        last_first = merge(*map(reversed, self._by_need.values()), reverse=True)
        for _, _, key in last_first:
            waiter = self._waiters[key]
            if waiter.may_be_turned_away:
                self.leave(waiter)
                return waiter
        return None


def _place(waiter: Waiter) -> _Place:
    return (-waiter.priority, waiter.due, waiter.key)


def _age(waiter: Waiter) -> tuple[datetime, str]:
    return (waiter.ages_at, waiter.key)
