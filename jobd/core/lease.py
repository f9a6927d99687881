"""Lease: how long a run may live without word from the store.

A lease lasts ``ttl`` by the store's clock. Its holder counts on its own steady clock from
the moment at which it *sent* the request that was granted or renewed: the store cannot
have begun to count earlier. By ``trusted until`` = sent + ttl - margin the run's processes
must be dead; the margin pays for clocks that run at different speed and for the killing
itself. Only when the store's clock is past the lease may anybody else start the job, so
two processes of it never meet, whatever becomes of the network or of the daemon.
"""

from dataclasses import dataclass
from datetime import timedelta

SHORTEST_MARGIN = timedelta(seconds=1)
LONGEST_MARGIN = timedelta(seconds=5)
RENEWALS = 3  # a lease is renewed so many times within its ttl


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """For how long leases of the shared store are given."""

    ttl: timedelta

    @property
    def margin(self) -> timedelta:
        """Return by how much before the lease's end its run must be dead."""
        return min(max(self.ttl / 10, SHORTEST_MARGIN), LONGEST_MARGIN)

    @property
    def clock_doubt(self) -> timedelta:
        """Return by how much the store's clock may be ahead of what its caller expects without
        being taken for wrong. The margin makes up for less: a lease that seems to have run out
        so much too early is of a run that is dead already."""
        return self.margin * 0.8

    @property
    def renew_every(self) -> timedelta:
        """Return how far apart renewals are sent."""
        return self.ttl / RENEWALS

    def trusted_until_s(self, sent_s: float) -> float:
        """Return the steady instant by which a run must be dead whose lease was granted, or
        renewed, by a request sent at ``sent_s``."""
        return sent_s + (self.ttl - self.margin).total_seconds()
