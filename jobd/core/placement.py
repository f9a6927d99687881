"""Placement: which node tries a tick first, and how long the others hold back.

Every node ranks the nodes that may run a job by a hash of job and node (rendezvous
hashing): all agree without a word, a node that comes or goes moves only its own share of
the jobs, and there is no leader to lose. Rank 0 tries at once. Rank *r* waits *r* steps,
by when the tick is decided, unless those before it are gone or have no room. A busy node
waits longer, so that an idle one is first.
"""

from collections.abc import Collection, Iterable
from datetime import timedelta
from hashlib import blake2b

STEP = timedelta(milliseconds=500)
# Below this load nobody is slowed down; from it on the delay grows to the longest.
BUSY_FROM = 0.5
LONGEST_LOAD_DELAY = timedelta(seconds=1)  # two steps: a full node lets two idle ones go first


def may_run(wanted: Collection[str], node: str, labels: Collection[str]) -> bool:
    """Return whether a node is one of those that a job's key ``nodes`` names; none: all are."""
    return not wanted or node in wanted or any(label in wanted for label in labels)


def rank(job: str, node: str, others: Iterable[str]) -> int:
    """Return how many of the other nodes try the job's ticks before this one."""
    own = _score(job, node)
    return sum(_score(job, other) > own for other in others if other != node)


def delay(place: int, load: float) -> timedelta:
    """Return how long the node at a place holds back. ``load``: share of its room taken."""
    busy = max(0.0, min(load, 1.0) - BUSY_FROM) / (1.0 - BUSY_FROM)
    return place * STEP + busy * LONGEST_LOAD_DELAY


def _score(job: str, node: str) -> tuple[bytes, str]:
    # The name settles a tie, which one in 2^64 pairs has.
    return blake2b(f"{job}\0{node}".encode(errors="surrogatepass"), digest_size=8).digest(), node
