"""Record: what a replay has seen, and what follows from it. Times are minutes of the outage.

What is claimed of jobd rests on what the runs noted themselves and on the kernel's account of
them; jobd's own words are used for what only it can say: its warning, and why it skipped.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from deploy.outage.plan import INTERVAL_MIN, MIB, NODE_MIB, NODES, WARNING, Plan


@dataclass(frozen=True, slots=True)
class Sample:
    """How many runs of a side were alive at a minute, and what they held together."""

    at_min: float
    copies: int
    held_bytes: int


@dataclass(frozen=True, slots=True)
class Side:
    """What both sides have in common. ``beside``: starts that found another run alive."""

    samples: Sequence[Sample]
    starts_min: Sequence[float]  # by the runs' own notes; with jobd, of which tick each was
    beside: int
    fates: Counter[str]  # ticks, by what became of them
    ends_min: Sequence[float] = ()  # by the runs' own notes

    @property
    def most_copies(self) -> int:
        """The most runs that were alive at once."""
        seen = max(sample.copies for sample in self.samples)
        return max(seen, 2) if self.beside else seen

    @property
    def most_bytes(self) -> int:
        """The most memory that its runs held together."""
        return max(sample.held_bytes for sample in self.samples)

    @property
    def begun(self) -> int:
        """How many ticks became runs, however these ended."""
        return sum(n for fate, n in self.fates.items() if not fate.startswith("skipped"))


@dataclass(frozen=True, slots=True)
class Record:
    """All of a replay."""

    plan: Plan
    cron: Side
    jobd: Side
    oom_kills: Sequence[tuple[float, int]]  # minute, how many so far
    utilization: Sequence[tuple[float, float]]  # minute, as scraped
    reserved_most_bytes: float
    skips_min: Sequence[float]  # ticks that jobd skipped
    outlasted_min: float | None  # the log's warning of three overlaps in a row

    @property
    def killed(self) -> int:
        """How many of cron's runs the kernel has killed."""
        return self.oom_kills[-1][1]

    @property
    def melt_min(self) -> float | None:
        """When the kernel killed for the first time; None: never."""
        return next((at_min for at_min, killed in self.oom_kills if killed), None)

    @property
    def warning_min(self) -> float | None:
        """When the metric was first above the alert's threshold; None: never."""
        return next((at for at, ratio in self.utilization if ratio > WARNING), None)

    @property
    def overload_min(self) -> float | None:
        """When a tick first found the run before it alive, on jobd's side; None: never."""
        return min(self.skips_min, default=None)

    @property
    def jobd_recovery_min(self) -> float | None:
        """How long after the network healed the first tick came that jobd started; None: never.

        How soon a process has come to its first note is the machine's matter."""
        heals = self.plan.heals_min
        return min((at - heals for at in self.jobd.starts_min if at >= heals), default=None)

    @property
    def jobd_free_min(self) -> float:
        """When the network had healed and the run that it had slowed was over: a run that is
        still active is in the way of a tick by right, also on a machine that is slow itself."""
        heals = self.plan.heals_min
        begun = sum(at < heals for at in self.jobd.starts_min)
        over = sum(at < heals for at in self.jobd.ends_min)
        later = (at for at in self.jobd.ends_min if at >= heals)
        return min(later, default=heals) if begun > over else heals

    @property
    def is_jobd_back(self) -> bool:
        """Whether jobd started a tick within one interval of when nothing was in its way."""
        recovery, heals = self.jobd_recovery_min, self.plan.heals_min
        return recovery is not None and heals + recovery - self.jobd_free_min <= INTERVAL_MIN

    @property
    def cron_recovery_min(self) -> float | None:
        """How long after it healed no node had two runs any more; None: never."""
        heals = self.plan.heals_min
        crowded = [s.at_min for s in self.cron.samples if s.copies > len(NODES)]
        last = max(crowded, default=0.0)
        return max(0.0, last - heals) if last < self.cron.samples[-1].at_min else None

    def claims(self) -> dict[str, bool]:
        """Return what the replay is to show, and whether it did."""
        warned = self.warning_min
        return {
            "cron melts: the kernel kills its copies": self.killed > 0,
            "jobd never runs two copies, on any nodes": not self.jobd.beside
            and self.jobd.most_copies == 1,
            "the kernel kills no run of jobd's": not self.jobd.fates["killed"],
            "jobd's memory stays within one node's budget": max(
                self.jobd.most_bytes, self.reserved_most_bytes
            )
            <= NODE_MIB * MIB,
            "the warning comes before the network slows, and before the melt": warned is not None
            and warned < min(self.plan.slows_min, self.melt_min or self.plan.length_min),
            "jobd is back within one interval": self.is_jobd_back,
            "every tick of jobd is accounted for": self.jobd.fates.total()
            == len(list(self.plan.ticks()))
            and self.jobd.begun == len(self.jobd.starts_min),
        }
