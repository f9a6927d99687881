"""Admission: whether this node has room for one more run, and what that run would take of it.

Room is a place under ``max_running``, memory within the budget, and a node that is not under
pressure. What a run takes is reserved before it starts and given back when it has ended, so
that the sum of all reservations never passes the budget.
"""

from dataclasses import dataclass, field
from math import ceil, exp2, inf, log2
from typing import NamedTuple

from jobd.core.amounts import size_words
from jobd.core.ledger import SkipReason
from jobd.core.pressure import Pressure, Strain

# What a run reserves of whose memory nothing is known: no ceiling, no expectation, no history.
UNKNOWN_BYTES = 64 << 20
HEADROOM = 1.2  # on what was measured: the next run may take more than any before it
_STEPS_AN_OCTAVE = 8  # reservations are rounded up to one of so many between 2ⁿ and 2ⁿ⁺¹


class Need(NamedTuple):
    """What a run takes of its node."""

    memory_bytes: int = 0
    asks_store: bool = False  # is decided by the store whose latency counts


NOTHING = Need()


class Opening(NamedTuple):
    """What there is room for right now."""

    memory_bytes: float = inf
    for_store: bool = True  # also what asks the store

    def fits(self, need: Need) -> bool:
        """Return whether a run may start now."""
        return need.memory_bytes <= self.memory_bytes and (self.for_store or not need.asks_store)


CLOSED = Opening(-inf)


def reservation(
    ceiling: int | None, measured: int | None, expected: int | None, budget: int | None
) -> int:
    """Return how much memory a run reserves; all in bytes, None where there is none.

    ``ceiling``: its memory_max, which is what it reserves if there is one. Else ``measured``,
    the peak that its history lets expect, with head room; else ``expected``, what its
    configuration says, or a default. Without a ceiling it is no more than the ``budget``:
    nobody has promised that it takes so much, and alone it may try.
    """
    if ceiling is not None:
        return ceiling
    guess = expected or UNKNOWN_BYTES
    wanted = guess if measured is None else _rounded_up(measured * HEADROOM)
    return wanted if budget is None else min(wanted, budget)


def _rounded_up(size: float) -> int:
    """Return the next of few sizes: who waits for the same amount is found at once."""
    return ceil(exp2(ceil(log2(max(size, 1.0)) * _STEPS_AN_OCTAVE) / _STEPS_AN_OCTAVE))


@dataclass(slots=True)
class Room:
    """What is left of the node. A claim in flight holds what its run will take."""

    max_running: int
    memory_budget_bytes: int | None = None  # None: no bound
    taken: int = 0
    reserved_bytes: int = 0
    is_closed: bool = False  # nothing can be started now: no supervisor
    pressure: Pressure = field(default_factory=Pressure)

    @property
    def load(self) -> float:
        """Return the share of the room that is taken, 0 to 1."""
        if not self.max_running or self.pressure.holding:
            return 1.0
        memory = self.reserved_bytes / self.memory_budget_bytes if self.memory_budget_bytes else 0.0
        return min(max(self.taken / self.max_running, memory), 1.0)

    @property
    def is_full(self) -> bool:
        """Whether nothing may start now, whatever it needs."""
        return self.is_closed or self.taken >= self.max_running

    def could_bear(self, memory_bytes: int) -> bool:
        """Return whether the node, if it were idle, had the memory for a run."""
        return self.memory_budget_bytes is None or memory_bytes <= self.memory_budget_bytes

    def opening(self) -> Opening:
        """Return what there is room for now."""
        holding = self.pressure.holding
        if self.is_full or (holding and holding != {Strain.STORE}):
            return CLOSED
        budget = self.memory_budget_bytes
        free = inf if budget is None else budget - self.reserved_bytes
        return Opening(free, not holding)

    def obstacle(self, need: Need) -> SkipReason | None:
        """Return why a run may not start now, or None."""
        if self.is_closed:
            return SkipReason.DEADLINE
        if self.taken >= self.max_running:
            return SkipReason.MAX_RUNNING
        if self.pressure.holding and self._is_strained(need):
            return SkipReason.PRESSURE
        budget = self.memory_budget_bytes
        if budget is not None and self.reserved_bytes + need.memory_bytes > budget:
            return SkipReason.MEMORY_BUDGET
        return None

    def words(self, need: Need) -> str:
        """Return why a run may not start now, for people."""
        reason = self.obstacle(need)
        if reason is SkipReason.DEADLINE:
            return "the supervisor is not there yet"
        if reason is SkipReason.PRESSURE:
            return f"the node is under pressure: {self.pressure.words()}"
        if reason is SkipReason.MEMORY_BUDGET:
            return f"it needs {size_words(need.memory_bytes)}, {self._memory_words()}"
        if reason is SkipReason.MAX_RUNNING:
            return f"all {self.max_running} places are taken"
        return "others are before it"

    def too_small_words(self, need: Need) -> str:
        """Return why a run can never start on this node, for people."""
        budget = size_words(self.memory_budget_bytes or 0)
        words = f"it needs {size_words(need.memory_bytes)}"
        return f"{words}, and limits.memory_budget of this node is {budget}"

    def take(self, need: Need) -> None:
        """One more holds a place, and memory."""
        self.taken += 1
        self.reserved_bytes += need.memory_bytes

    def release(self, need: Need) -> None:
        """A place, and memory, are free again."""
        assert self.taken > 0, "a place was given back that nobody held"
        assert self.reserved_bytes >= need.memory_bytes, "memory was given back that nobody held"
        self.taken -= 1
        self.reserved_bytes -= need.memory_bytes

    def _is_strained(self, need: Need) -> bool:
        """A store that is slow holds only what is decided there."""
        return need.asks_store or self.pressure.holding != {Strain.STORE}

    def _memory_words(self) -> str:
        budget = self.memory_budget_bytes or 0
        free = max(budget - self.reserved_bytes, 0)
        return f"{size_words(free)} of limits.memory_budget ({size_words(budget)}) are free"
