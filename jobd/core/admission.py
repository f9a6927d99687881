"""Admission: whether this node has room for one more run, and who is next when it has.

The waiting room is bounded. Priority comes first, then age; when it is full the last in
that order is turned away, be it the newcomer or one who sat there before.
"""

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from jobd.core.ledger import SkipReason


class Waiter(Protocol):
    """What the waiting room needs to know of those who sit in it."""

    @property
    def priority(self) -> int: ...

    @property
    def due(self) -> datetime: ...

    @property
    def key(self) -> str:
        """Unique among those who wait."""
        ...

    @property
    def may_be_turned_away(self) -> bool:
        """False for a run that has its lease already: it outstays the bound."""
        ...


W = TypeVar("W", bound=Waiter)


@dataclass(slots=True)
class WaitingRoom(Generic[W]):
    """Those admitted next, in order; at most ``size`` of them."""

    size: int
    _line: list[tuple[int, datetime, str]] = field(default_factory=list)
    _waiters: dict[str, W] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._line)

    def __contains__(self, waiter: W) -> bool:
        return waiter.key in self._waiters

    def enter(self, waiter: W) -> W | None:
        """Let one more in; return who had to be turned away, if the room was full."""
        insort(self._line, _place(waiter))
        self._waiters[waiter.key] = waiter
        return self._turn_away() if len(self._line) > self.size else None

    def get(self, key: str) -> W | None:
        """Return who waits under a key, or None."""
        return self._waiters.get(key)

    def leave(self, waiter: W) -> bool:
        """Take one out, wherever it stands; return whether it was there."""
        if self._waiters.pop(waiter.key, None) is None:
            return False
        del self._line[bisect_left(self._line, _place(waiter))]
        return True

    def goes_before(self, waiter: W) -> bool:
        """Return whether the first in line is more urgent than one who stands outside."""
        return bool(self._line) and self._line[0] < _place(waiter)

    def next(self) -> W | None:
        """Take out the first in line, or return None."""
        if not self._line:
            return None
        return self._waiters.pop(self._line.pop(0)[2])

    def in_order(self) -> list[W]:
        """Return all who wait, the next one first."""
        return [self._waiters[key] for _, _, key in self._line]

    def _turn_away(self) -> W | None:
        """Take out the last in line that may be; None when all have to stay."""
        for waiter in reversed(self.in_order()):
            if waiter.may_be_turned_away:
                self.leave(waiter)
                return waiter
        return None


@dataclass(slots=True)
class Room:
    """Counts the places under ``max_running``; a claim in flight holds one already."""

    max_running: int
    taken: int = 0
    is_closed: bool = False  # nothing can be started now: no supervisor

    @property
    def load(self) -> float:
        """Return the share of the places that are taken, 0 to 1."""
        return min(self.taken / self.max_running, 1.0) if self.max_running else 1.0

    def obstacle(self) -> SkipReason | None:
        """Return why nothing more may start now, or None."""
        if self.is_closed:
            return SkipReason.DEADLINE
        return SkipReason.MAX_RUNNING if self.taken >= self.max_running else None

    def words(self) -> str:
        """Return why nothing more may start now, for people."""
        if self.is_closed:
            return "the supervisor is not there yet"
        return f"all {self.max_running} places are taken"

    def take(self) -> None:
        """One more holds a place."""
        self.taken += 1

    def release(self) -> None:
        """One place is free again."""
        assert self.taken > 0, "a place was given back that nobody held"
        self.taken -= 1


def _place(waiter: Waiter) -> tuple[int, datetime, str]:
    return (-waiter.priority, waiter.due, waiter.key)
