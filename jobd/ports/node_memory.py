"""NodeMemory: what a node has to remember for itself, though it shares its store."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from jobd.core.run import Finish


@dataclass(frozen=True, slots=True)
class Posted:
    """An end that waits in the outbox until the shared store has taken it."""

    number: int  # in the order in which they were posted
    finish: Finish


class NodeMemory(Protocol):
    """Lies in the state directory and outlives the daemon. Writes are durable on return;
    ``StoreUnavailable`` when the disk is full."""

    async def post(self, finishes: Sequence[Finish]) -> Sequence[Posted]:
        """Put ends into the outbox, in order."""
        ...

    async def posted(self) -> Sequence[Posted]:
        """Return what is in the outbox, oldest first."""
        ...

    async def take_out(self, numbers: Sequence[int]) -> None:
        """Forget ends that were delivered."""
        ...

    async def fact(self, name: str) -> str | None:
        """Return what was kept under a name, or None."""
        ...

    async def keep_fact(self, name: str, value: str | None) -> None:
        """Keep a fact under a name, or (None) forget it."""
        ...
