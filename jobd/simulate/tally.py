"""Tally: what is counted while the world goes on: starts, skips, lateness, load, crowds."""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from jobd.core.ledger import SkipReason
from jobd.core.outcome import Outcome
from jobd.core.zone import EPOCH
from jobd.simulate.curve import Curve, Load

_HOUR = timedelta(hours=1)
_NAMES = 20  # of the jobs that run in a crowd, so many are named


@dataclass(slots=True)
class JobTally:
    """What became of one job's ticks."""

    starts: int = 0
    skips: Counter[SkipReason] = field(default_factory=Counter)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    lateness_s: "array[float]" = field(default_factory=lambda: array("d"))
    busy: timedelta = timedelta(0)  # all attempts that ended

    @property
    def skipped(self) -> int:
        """How many ticks were skipped, for whatever reason."""
        return self.skips.total()


@dataclass(frozen=True, slots=True)
class Crowd:
    """An instant at which much was wanted, and the names of some of those that ran."""

    at: datetime
    load: Load
    jobs: tuple[str, ...]


class Tally:
    """Of one replay, from ``start`` to ``until``."""

    def __init__(self, jobs: Iterable[str], start: datetime, until: datetime) -> None:
        self.jobs = {name: JobTally() for name in jobs}
        self.curve = Curve(start, until)
        self.most_running: Crowd | None = None
        self.most_waiting: Crowd | None = None
        self.most_short: Crowd | None = None
        self.most_reserved: Crowd | None = None
        self._crowds: dict[int, Crowd] = {}  # the largest of each hour

    def started(self, job: str, lateness: timedelta) -> None:
        """A tick has become a run, so much later than it was due."""
        counts = self.jobs[job]
        counts.starts += 1
        counts.lateness_s.append(max(lateness.total_seconds(), 0.0))

    def skipped(self, job: str, reason: SkipReason, count: int, now: datetime) -> None:
        """Ticks were settled without a run."""
        if count:
            self.jobs[job].skips[reason] += count
            self.curve.skip(now, count)

    def attempt_ended(self, job: str, took: timedelta) -> None:
        """An attempt is over."""
        self.jobs[job].busy += took

    def run_ended(self, job: str, outcome: Outcome | None) -> None:
        """A run is over."""
        if outcome is not None:
            self.jobs[job].outcomes[outcome] += 1

    def loaded(self, now: datetime, load: Load, who: Callable[[], Sequence[str]]) -> None:
        """So much is taken from ``now`` on, by the jobs that ``who`` names if it is asked."""
        self.curve.note(now, load)
        hour = (now - EPOCH) // _HOUR
        before = self._crowds.get(hour)
        if before is None or _rank(load) > _rank(before.load):
            self._crowds[hour] = Crowd(now, load, tuple(who()[:_NAMES]))
        self._keep_most(now, load, who)

    def crowds(self) -> Sequence[Crowd]:
        """Return the largest crowd of each hour, the largest first, of equal ones the earliest."""
        found = (crowd for crowd in self._crowds.values() if crowd.load.running)
        return sorted(found, key=lambda crowd: (*(-each for each in _rank(crowd.load)), crowd.at))

    def _keep_most(self, now: datetime, load: Load, who: Callable[[], Sequence[str]]) -> None:
        if load.running > _most(self.most_running).running:
            self.most_running = Crowd(now, load, tuple(who()[:_NAMES]))
        if load.waiting > _most(self.most_waiting).waiting:
            self.most_waiting = Crowd(now, load, tuple(who()[:_NAMES]))
        if load.short > _most(self.most_short).short:
            self.most_short = Crowd(now, load, tuple(who()[:_NAMES]))
        if load.reserved_bytes > _most(self.most_reserved).reserved_bytes:
            self.most_reserved = Crowd(now, load, tuple(who()[:_NAMES]))


def _rank(load: Load) -> tuple[int, int]:
    return load.wanted, load.reserved_bytes


def _most(crowd: Crowd | None) -> Load:
    return Load() if crowd is None else crowd.load
