"""Plan: how slow the network is when, and for how long the replay goes on.

A minute of the outage is ``minute_s`` seconds of the replay. What a run takes is not stated
to anybody: it comes of the number of its queries times the network's latency.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

NODES = ("app1", "app2", "app3", "app4")
INTERVAL_MIN = 15.0
TIMEOUT_MIN = 60.0
WARNING = 0.8  # of the interval: the alert in the README

MIB = 1 << 20
NODE_MIB = 192  # what a server has to spare for jobs: three runs, and no fourth
MEMORY_MAX_MIB = 96
PIDS_MAX = 128  # more than all that cron starts in a replay: memory is to run out, nothing else

# A run's fixed part: what passes before its first query, on a quick machine too, and the round
# trips of a connection.
START_S = 0.5
GREETING = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """``course``: pairs of a minute and what a run takes then, in minutes; in between it is
    straight, and twice the same minute is a jump."""

    minute_s: float
    queries: int
    held_mib: int  # what a run fills; Python's own comes on top
    course: tuple[tuple[float, float], ...]
    heals_min: float

    @property
    def interval_s(self) -> float:
        """Seconds between two ticks."""
        return INTERVAL_MIN * self.minute_s

    @property
    def length_min(self) -> float:
        """When the replay ends."""
        return self.course[-1][0]

    @property
    def slows_min(self) -> float:
        """When the network becomes slow: where the longest run begins."""
        return next(at for at, run in self.course if run == max(run for _, run in self.course))

    def run_min(self, at_min: float) -> float:
        """Return how long a run would take if the network stayed as it is at a minute."""
        for (from_min, first), (to_min, last) in pairwise(self.course):
            if from_min <= at_min < to_min:
                return first + (last - first) * (at_min - from_min) / (to_min - from_min)
        return self.course[0 if at_min < self.course[0][0] else -1][1]

    def round_trip_s(self, at_min: float) -> float:
        """Return what one query takes at a minute, in seconds of the replay."""
        return (self.run_min(at_min) * self.minute_s - START_S) / (self.queries + GREETING)

    def ticks(self) -> Iterator[float]:
        """Yield the minutes at which the job is due."""
        at_min = 0.0
        while at_min < self.length_min:
            yield at_min
            at_min += INTERVAL_MIN


# Ten minutes of fifteen, growing to fourteen; then the night. It begins a minute after a tick
# and ends four after one, while a run is active: no side is spared the awkward moment.
WHOLE = Plan(
    minute_s=1.0,
    queries=100,
    held_mib=50,
    course=(
        (0, 10), (45, 10), (135, 14), (196, 14), (196, 54), (289, 54), (289, 10), (345, 10),
    ),
    heals_min=289,
)  # fmt: skip
# For the tests: it begins where the growth is all but over. Few queries: on a busy machine each
# costs more than its latency.
SHORT = Plan(
    minute_s=0.4,
    queries=30,
    held_mib=64,
    course=(
        (0, 11.5), (15, 11.5), (15, 13.7), (61, 13.7), (61, 54), (109, 54), (109, 10), (141, 10),
    ),
    heals_min=109,
)  # fmt: skip
