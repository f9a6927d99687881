"""Journal: what really happened, in the world's own time. Only checkers read it."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from jobd.core.claim import ActiveRun
from jobd.core.job import Job
from jobd.core.outcome import StopCause

LOCKED = "writes"  # trouble of nobody's way to the store, but of all who write


@dataclass
class Process:
    """What one attempt really did."""

    node: str
    run: ActiveRun
    job: Job
    started_s: float
    started_wall: datetime
    exit_code: int
    until_s: float | None  # trusted until, by its node's steady clock
    until_world_s: float | None = None  # the same, in the world's time
    ended_s: float | None = None
    ended_wall: datetime | None = None
    cause: StopCause | None = None
    is_stopping: bool = False
    is_lost: bool = False  # died with the supervisor: nobody knows how it ended

    def lives_until(self) -> float:
        return float("inf") if self.ended_s is None else self.ended_s


@dataclass
class Journal:
    """Processes, requests to the store, and trouble."""

    processes: list[Process] = field(default_factory=list)
    requests: Counter[tuple[str, str, int]] = field(
        default_factory=Counter
    )  # that reached the store: kind, node, second
    steps: list[tuple[float, float]] = field(default_factory=list)  # of the store's clock
    dangers: Counter[str] = field(default_factory=Counter)  # see dangers.py
    troubles: defaultdict[str, list[tuple[float, float]]] = field(
        default_factory=lambda: defaultdict(list)
    )  # by node; "" is everybody's, LOCKED that of writers

    def trouble(self, node: str, start_s: float, end_s: float) -> None:
        self.troubles[node].append((start_s, end_s))

    def was_healthy(self, node: str, start_s: float, end_s: float) -> bool:
        """Whether nothing was wrong with a node, the store and the way between then."""
        spans = (*self.troubles[node], *self.troubles[""])
        return not any(a_s <= end_s and b_s >= start_s for a_s, b_s in spans)

    def was_stepped(self, start_s: float, end_s: float) -> bool:
        """Whether the store's clock was set in that time."""
        return any(start_s <= at_s <= end_s for at_s, _ in self.steps)
