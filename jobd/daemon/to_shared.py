"""To the shared store: what concerns the cluster's jobs, in as few statements as can be.

Ends go into the outbox first: that is when they are durable, and the supervisor may forget.
From there they are delivered in order, with the next claim if one comes soon, and always
before it, so that a claim which follows a run's end finds the lease free. Saved attempts
wait for that ride, too. While the store is silent ends and skips wait here; claims are
answered as failed, and the core asks again.
"""

from collections import deque
from collections.abc import Callable, Collection, Sequence
from itertools import islice
from random import Random
from typing import TypeVar

import anyio

from jobd.core.claim import ActiveRun
from jobd.core.effects import (
    Claim,
    FinishRun,
    RecordSkips,
    SaveRun,
    TakeRuns,
)
from jobd.core.events import ClaimsDecided, ClaimsFailed, SkipsRecorded, TakenOver
from jobd.core.lease import LeaseTerms
from jobd.core.ledger import Skip
from jobd.core.run import RunRecord
from jobd.daemon.inbox import Inbox
from jobd.daemon.lane import Lane
from jobd.daemon.others import Other, line_up, write
from jobd.daemon.routes import StoreEffect
from jobd.errors import StoreUnavailable
from jobd.ports import Batch, Clock, NodeMemory, Posted, SharedStore
from jobd.telemetry.logs import get_log

# How long an end waits for a claim to ride with, less what the last batch took: behind a slow
# one ends and claims have met already, and each wait more could cost a frequent job its tick.
# So an end leaves within this time or that of a round trip, whichever is longer, and before any
# claim of this node that comes later: only another node's can find the lease of a run that is
# over, and only as long as that.
RIDE_S = 0.3
FIRST_RETRY_S = 0.2
LONGEST_RETRY_S = 5.0
MOST_AT_ONCE = 500  # saved attempts, ends, or skips, in one statement
NOT_POSTED = -1  # in place of its number in the outbox: an end that is kept in mind only

T = TypeVar("T")


class ToShared:
    """Performs effects on the shared store.

    ``on_finished`` is told each end once it is durable, ``on_settled`` whether the store has
    taken it; ``may_take_over`` tells whether leases can be judged by the store's clock.
    """

    def __init__(
        self,
        store: SharedStore,
        memory: NodeMemory,
        clock: Clock,
        terms: LeaseTerms,
        inbox: Inbox,
        on_finished: Callable[[Sequence[FinishRun]], None],
        on_settled: Callable[[RunRecord, bool], None],
        may_take_over: Callable[[], bool],
        chance: Random,
    ) -> None:
        self._store = store
        self._memory = memory
        self._clock = clock
        self._terms = terms
        self._inbox = inbox
        self._on_finished = on_finished
        self._on_settled = on_settled
        self._may_take_over = may_take_over
        self._chance = chance
        self._ends: deque[Posted] = deque()
        self._skips: deque[Skip] = deque()
        self._saves: dict[str, ActiveRun] = {}  # where runs stand now, by their ids
        self._claims: list[Claim] = []
        self._others: deque[Other] = deque()
        self._failures = 0
        self._took_s = 0.0  # the last batch, there and back
        self._is_in_trouble = False  # and the log says so
        self._hurry = anyio.Event()
        self.lane = Lane[StoreEffect]()

    def put(self, effect: StoreEffect) -> None:
        """Take an effect over."""
        self.lane.put(effect)

    async def run(self) -> None:
        """Work until cancelled; first of all deliver what an earlier daemon could not."""
        self._ends.extend(await self._memory.posted())
        while True:
            if not self._would_be_lost:
                self.lane.done()
            await self._gather()
            await self._deliver()

    def hurry(self) -> None:
        """Try now what has failed: the store has been heard of."""
        self._hurry.set()

    @property
    def waiting(self) -> int:
        """Return how many ends and skips the store has not taken yet."""
        return len(self._ends) + len(self._skips)

    @property
    def _is_waiting(self) -> bool:
        return bool(self._ends or self._skips or self._saves or self._others)

    @property
    def _would_be_lost(self) -> bool:
        """Whether a stop now would lose something. While the store is silent ends are safe in
        the outbox, and ticks that are to be skipped are found again by the next daemon."""
        return bool(self._others or self._saves) or (self._is_waiting and not self._failures)

    async def _gather(self) -> None:
        """Wait for effects, or until it is time to try again; take all that have come."""
        if self._failures:
            await self._pause()
        elif not self._is_waiting:
            await self._take()
        await self._take_all()
        if not self._failures and not (self._claims or self._skips or self._others):
            with anyio.move_on_after(max(0.0, RIDE_S - self._took_s)):
                while not (self._claims or self._skips or self._others):
                    await self._take()
        await self._take_all()

    async def _take_all(self) -> None:
        """Take what is there, without waiting."""
        while not self.lane.is_empty:
            await self._take()

    async def _take(self) -> None:
        """Take effects from the lane. Ends are posted before anything else is done."""
        effects = await self.lane.take()
        ends = [effect for effect in effects if isinstance(effect, FinishRun)]
        if ends:
            with anyio.CancelScope(shield=True):
                await self._post(ends)
            return
        for effect in effects:
            self._sort(effect)

    def _sort(self, effect: StoreEffect) -> None:
        match effect:
            case Claim():
                self._claims.append(effect)
            case RecordSkips(skips):
                self._skips.extend(skips)
            case SaveRun(run):
                self._saves[run.run_id] = run
            case FinishRun():
                raise AssertionError("ends are posted, not sorted")
            case _:
                line_up(self._others, effect)

    async def _post(self, effects: Sequence[FinishRun]) -> None:
        """Make ends durable. Where the disk is full they are kept in mind, and the supervisor,
        which is not told to forget them, remembers them too."""
        finishes = [effect.finish for effect in effects]
        try:
            self._ends.extend(await self._memory.post(finishes))
        except StoreUnavailable as error:
            get_log().error("the outbox takes nothing; ends are kept in mind", error=str(error))
            self._ends.extend(Posted(NOT_POSTED, finish) for finish in finishes)
            return
        self._on_finished(effects)

    async def _deliver(self) -> None:
        """Send what there is; what fails stays, but for claims: the core asks again."""
        # After a failed claim there may be nothing to send, and nothing is known by that.
        is_asked = bool(self._is_waiting or self._claims)
        try:
            await self._send_others()
            await self._send_batch()
        except StoreUnavailable as error:
            self._fail(error)
            return
        if is_asked and self._is_in_trouble:
            self._is_in_trouble = False
            get_log().info("the shared store takes writes again")
        self._failures = 0

    def _fail(self, error: StoreUnavailable) -> None:
        claims, self._claims = self._claims, []
        requests = tuple(request for claim in claims for request in claim.requests)
        if requests:
            self._inbox.put(ClaimsFailed(requests, str(error)))
        if not self._is_in_trouble:
            self._is_in_trouble = True
            get_log().error("the shared store takes no writes; repeating", error=str(error))
        self._failures += 1

    async def _pause(self) -> None:
        """Wait before the next try; what comes meanwhile is taken, and tried with it."""
        self._hurry = anyio.Event()
        with anyio.move_on_after(self._pause_s()):
            await self._hurry.wait()

    def _pause_s(self) -> float:
        """Return how long to wait before the next try: growing, and never the same on all nodes."""
        # Bounded before it is raised to: after an hour of failures no float holds the power.
        longest = min(FIRST_RETRY_S * 2 ** min(self._failures, 16), LONGEST_RETRY_S)
        return self._chance.uniform(FIRST_RETRY_S / 2, longest)

    async def _send_others(self) -> None:
        while self._others:
            first = self._others[0]
            if isinstance(first, TakeRuns):
                await self._take_runs(first)
            else:
                await write(self._store, first)
            self._others.popleft()

    async def _take_runs(self, effect: TakeRuns) -> None:
        await self._send_ends()  # a run that has ended here must not be taken for lost
        sent_s = self._clock.steady_s()
        not_after = self._clock.now() + self._terms.clock_doubt
        taken = await self._store.take_over(effect.wishes, not_after)
        runs = tuple(run for run in taken if isinstance(run, ActiveRun))
        ended = tuple(run for run in taken if isinstance(run, RunRecord))
        self._inbox.put(TakenOver(runs, sent_s, ended))

    async def _send_batch(self) -> None:
        while self._saves or self._ends or self._skips or self._claims:
            ends, skips, saves = _first(self._ends), _first(self._skips), _first(self._saves)
            rest = len(self._ends) - len(ends) + len(self._skips) - len(skips)
            await self._send(ends, skips, [] if rest else self._claims, saves)

    async def _send_ends(self) -> None:
        while self._ends:
            await self._send(_first(self._ends), [], [], [])

    async def _send(
        self,
        ends: Sequence[Posted],
        skips: Sequence[Skip],
        claims: Sequence[Claim],
        saves: Sequence[str],
    ) -> None:
        """Send one batch, pass the answers on and let go of what was delivered."""
        batch = Batch(
            saves=tuple(self._saves[run_id] for run_id in saves),
            finishes=tuple(posted.finish for posted in ends),
            skips=tuple(skips),
            claims=tuple(request for effect in claims for request in effect.requests),
            may_take_over=self._may_take_over(),
            not_after=self._clock.now() + self._terms.clock_doubt,
        )
        sent_s = self._clock.steady_s()
        settled = await self._store.settle(batch)
        self._took_s = self._clock.steady_s() - sent_s
        for is_taken in settled.finished:
            self._on_settled(self._ends.popleft().finish.record, is_taken)
        for _ in skips:
            self._skips.popleft()
        for run_id in saves:
            del self._saves[run_id]
        if settled.skipped:
            self._inbox.put(SkipsRecorded(settled.skipped))
        if claims:
            self._claims = []
            self._inbox.put(ClaimsDecided(settled.answers, sent_s, settled.lost))
        await self._delivered(ends)

    async def _delivered(self, ends: Sequence[Posted]) -> None:
        """Take ends out of the outbox; those that it had no room for are durable only now."""
        late = [FinishRun(posted.finish) for posted in ends if posted.number == NOT_POSTED]
        if late:
            self._on_finished(late)
        numbers = [posted.number for posted in ends if posted.number != NOT_POSTED]
        try:
            if numbers:
                await self._memory.take_out(numbers)
        except StoreUnavailable as error:
            # They are delivered once more then, which changes nothing.
            get_log().warning("the outbox cannot be emptied", error=str(error))


def _first(items: Collection[T]) -> list[T]:
    return list(islice(items, MOST_AT_ONCE))
