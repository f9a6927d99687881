"""SharedStore: what several nodes agree by."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from jobd.core.claim import ActiveRun, ClaimAnswer, ClaimRequest
from jobd.core.cluster import ClusterView, Holding, Letter, NodeWord, StopAsked, TakeOver
from jobd.core.ledger import Skip
from jobd.core.run import Finish, RunRecord
from jobd.ports.store import Store


@dataclass(frozen=True, slots=True)
class Batch:
    """Writes that go together: saved attempts first, then ends, skips, claims."""

    finishes: tuple[Finish, ...] = ()
    skips: tuple[Skip, ...] = ()
    claims: tuple[ClaimRequest, ...] = ()
    may_take_over: bool = True  # False: a lease that has run out counts as valid
    # As False, if the store's clock is past this: it must have been set since the caller looked.
    not_after: datetime | None = None
    saves: tuple[ActiveRun, ...] = ()  # see Store.save_run


@dataclass(frozen=True, slots=True)
class Settled:
    """The answers to a batch, position by position; ``lost``: runs that its claims have ended,
    whose holders had let their leases run out, by their ids."""

    finished: tuple[bool, ...] = ()
    skipped: tuple[Skip, ...] = ()
    answers: tuple[ClaimAnswer, ...] = ()
    lost: tuple[RunRecord, ...] = ()


class SharedStore(Store, Protocol):
    """A store that several nodes share: leases end, and its clock is the cluster's.

    What differs from a store of one node: ``now`` as passed by callers is ignored, the
    store's own clock counts. A run that is granted has a lease of ``lease_ttl`` from then;
    one granted again under its own ``run_id`` has its lease renewed. A lease that has run out
    is no obstacle to a claim: that claim ends the old run as ``lost``, in the same
    transaction. A finish under a stale token changes nothing and is kept as a note. Jobs
    are on the roll as long as any node has enrolled them.
    """

    async def settle(self, batch: Batch) -> Settled:
        """Perform a batch in one transaction; see ``save_run``, ``finish``, ``skip`` and
        ``claim``, which are batches of one kind."""
        ...

    async def renew(self, holdings: Sequence[Holding]) -> Sequence[bool]:
        """Let leases last ``lease_ttl`` from now. Position by position False when the run is
        not active under that token any more: it has been taken over, or has ended."""
        ...

    async def beat(self, word: NodeWord, since: datetime | None) -> ClusterView:
        """Tell of this node; return what happened since (the store's clock) and a little before.

        With ``since`` None the view holds no ticks and no jobs: those were just enrolled.
        """
        ...

    async def take_over(
        self, wishes: Sequence[TakeOver], not_after: datetime | None = None
    ) -> Sequence[ActiveRun | RunRecord | None]:
        """End runs whose lease ran out as ``lost``, or go on with them here. Nothing is done
        past ``not_after``; see Batch.

        Position by position the run as this node holds it now (between two attempts, ``attempt``
        being the one that is over; a new token, its ``retry_at``, a fresh lease), its record if
        it was ended by this, or None: there was nothing to take because its holder had renewed
        it, or somebody else was first.
        """
        ...

    async def ask_stop(self, stops: Sequence[StopAsked]) -> Sequence[ActiveRun | None]:
        """Ask the holders of runs, in their next views, to stop them. Position by position the
        run, or None: it is not active. Of two wishes for one run the later counts."""
        ...

    async def send(self, letter: Letter) -> None:
        """Put a letter into its addressee's views until it is answered, at most for a minute."""
        ...

    async def answer(self, letter_id: str, body: str) -> None:
        """Answer a letter."""
        ...

    async def reply(self, letter_id: str) -> str | None:
        """Return the answer to a letter, or None while there is none."""
        ...
