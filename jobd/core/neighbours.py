"""Neighbours: what a node knows of the cluster that it is part of.

It is a memory of the last view, a second old at best. Nothing is granted by it: it only
says when it is worthwhile to ask the store.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from jobd.core import placement
from jobd.core.claim import ActiveRun
from jobd.core.cluster import ClusterView, NodeSeen
from jobd.core.job import Job
from jobd.core.lease import LeaseTerms
from jobd.core.zone import EPOCH

LIVE_FOR = timedelta(seconds=5)  # who has not been seen for so long is not waited for
# After a silence other nodes get so long to deliver the ends that wait in their outboxes: a
# run that is over need not be taken over. They may rest for 5 s before they find the store
# back, beat within a second, and deliver then.
DELIVERY = timedelta(seconds=7)


@dataclass(slots=True)
class Neighbours:
    """The other nodes, and whether the store that joins us answers."""

    node: str
    terms: LeaseTerms
    labels: tuple[str, ...] = ()
    nodes: tuple[NodeSeen, ...] = ()
    seen_at: datetime | None = None  # the store's clock in the last view
    silent_since: datetime | None = None  # the store does not answer
    heard_since: datetime | None = None  # it has answered without a gap
    last_silence: tuple[datetime, datetime] | None = None
    trusts_from: datetime = EPOCH  # before it leases are not judged by the store's clock
    delivered_by: datetime = EPOCH  # before it an end may still be on its way to the store
    pools: Mapping[str, int] = field(default_factory=dict)  # slots under valid leases
    overdue: tuple[ActiveRun, ...] = ()
    taking: set[str] = field(default_factory=set)  # overdue runs that were asked for

    @property
    def is_silent(self) -> bool:
        """Whether the store does not answer."""
        return self.silent_since is not None

    def hear(self, view: ClusterView, *, has_stepped: bool) -> None:
        """Take in a view. After a step of the store's clock leases cannot be judged by it,
        until every one that was running then has been renewed or is over."""
        is_first = self.seen_at is None
        self.nodes, self.seen_at = view.nodes, view.at
        self.pools, self.overdue = view.pools, view.overdue
        self.heard_since = self.heard_since or view.at
        if has_stepped:
            self.trusts_from = view.at + self.terms.ttl
            self.delivered_by = min(self.delivered_by, self.trusts_from)
        if is_first:
            self.trusts_from = max(self.trusts_from, view.at + self._first_wait())
        self._share_doubts(view.at)

    def _first_wait(self) -> timedelta:
        """Return for how long leases from before this node's start are not judged.

        Whoever is there has watched the store's clock, and tells of its doubts, if it has any,
        within a beat. Where nobody was, it may have been set unseen, and only the whole length
        of a lease is long enough.
        """
        is_anybody_there = next(self._live(), None) is not None
        return LIVE_FOR if is_anybody_there else self.terms.ttl

    def _share_doubts(self, at: datetime) -> None:
        """Doubt the store's clock as long as any of the others does: this node may have been
        started, or been cut off, since it was set."""
        for seen in self._live():
            doubts_until = seen.word.doubts_until
            if doubts_until is not None and doubts_until > self.trusts_from:
                self.trusts_from = min(doubts_until, at + self.terms.ttl)

    def fall_silent(self, now: datetime) -> None:
        """The store does not answer."""
        self.taking.clear()
        if self.silent_since is None:
            self.silent_since, self.heard_since = now, None

    def end_silence(self, now: datetime) -> bool:
        """The store answers; return whether it had not."""
        if self.silent_since is None:
            return False
        self.last_silence = (min(self.silent_since, now), now)
        self.silent_since = None
        # Told to nobody, unlike doubts of the clock: one node that is badly connected, and falls
        # silent every few seconds, must not keep the others from taking over.
        self.delivered_by = now + DELIVERY
        return True

    def was_silent_at(self, instant: datetime) -> bool:
        """Return whether nothing could be decided then, because the store did not answer."""
        if self.last_silence is None:
            return False
        began, ended = self.last_silence
        return began <= instant <= ended

    def doubts_until(self, now: datetime) -> datetime | None:
        """Return until when the store's clock is not trusted; None: it is."""
        return self.trusts_from if now < self.trusts_from else None

    def may_take_over(self, now: datetime) -> bool:
        """Return whether a lease that is past by the store's clock has run out."""
        return now >= max(self.trusts_from, self.delivered_by)

    def slots_taken(self, pool: str, now: datetime) -> int:
        """Return how many slots of a pool the last view shows as taken. While leases cannot be
        judged, those of runs that seem overdue are: a claim would meet them."""
        taken = self.pools.get(pool, 0)
        if not self.overdue or self.may_take_over(now):
            return taken
        return taken + sum(run.slots for run in self.overdue if run.pool == pool)

    def eligible(self, job: Job | None) -> list[str]:
        """Return the other live nodes that may run a job; None: any job."""
        return [seen.word.node for seen in self._live() if _may_run(job, seen)]

    def _live(self) -> Iterator[NodeSeen]:
        for seen in self.nodes:
            assert self.seen_at is not None, "nodes are known from a view"
            is_live = self.seen_at - seen.seen_at <= LIVE_FOR and not seen.word.is_leaving
            if is_live and seen.word.node != self.node:
                yield seen

    def is_home_of(self, job: Job) -> bool:
        """Return whether this node is one of those that may run a job."""
        return placement.may_run(job.nodes, self.node, self.labels)


def _may_run(job: Job | None, seen: NodeSeen) -> bool:
    if job is None:
        return True
    word = seen.word
    return not word.is_draining and placement.may_run(job.nodes, word.node, word.labels)
