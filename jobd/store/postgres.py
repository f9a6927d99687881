"""PgStore: what the nodes of a cluster share, in PostgreSQL; see :class:`jobd.ports.SharedStore`.

Each operation is one function in the database and one round trip. What a function decides
stands under the locks of the jobs that it is about, and it reads the clock after it has
them. At most three connections are open: one for what must happen in order (claims, ends,
skips), one for leases and heartbeats, which no claim can starve, and one for questions.
Operations take effect in the order of their calls on each of them.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random, SystemRandom
from typing import Any

from jobd.core.claim import ActiveRun, ClaimAnswer, ClaimRequest, JobMemory, Pause
from jobd.core.cluster import ClusterView, Holding, Letter, NodeWord, StopAsked, TakeOver
from jobd.core.ledger import Skip
from jobd.core.run import Finish, RunRecord
from jobd.core.schedule import Schedule
from jobd.errors import StateError, StoreUnavailable
from jobd.ports import Enrolment
from jobd.ports.shared_store import Batch, Settled
from jobd.store import postgres_cluster_rows as cluster_rows
from jobd.store import postgres_rows as rows
from jobd.store.columns import micros_or_none
from jobd.store.postgres_lane import Door, Lane
from jobd.store.postgres_migrate import own_tables, prepare
from jobd.store.postgres_questions import Questions
from jobd.store.postgres_settle import Settling, save_json
from jobd.store.postgres_void import void

_MICROSECOND = timedelta(microseconds=1)
_LONGEST_CALL_S = 5.0
_OPENING_S = 30.0  # making the tables, and enrolling ten thousand jobs
_RECOUNTS = 8


class PgStore(Questions):
    """Remembers what the nodes share, and grants leases of ``lease_ttl`` to this one.

    ``migrate`` false: no table is made or changed here, somebody runs ``jobd migrate``.
    """

    def __init__(
        self,
        url: str,
        *,
        node: str,
        lease_ttl: timedelta,
        migrate: bool = True,
        call_timeout_s: float | None = None,
        random: Random | None = None,
    ) -> None:
        timeout_s = call_timeout_s or min(_LONGEST_CALL_S, lease_ttl.total_seconds() / 6)
        self._node = node
        self._ttl = lease_ttl
        self._may_migrate = migrate
        self._door = Door(url, node=node, random=random or SystemRandom())
        self._writes, self._leases, self._asks = (Lane(self._door, timeout_s) for _ in range(3))
        # Shorter than a call: what nobody waits for any more must not go on waiting for a lock.
        self._lock_timeout = f"{int(timeout_s * 700)}ms"
        super().__init__(self._asks, self._make_ready, node=node, lock_timeout=self._lock_timeout)
        self._preparing = asyncio.Lock()
        self._is_open = self._is_ready = False

    @property
    def trouble(self) -> str:
        """Why the store could not be used when it was last tried; "" when all is well."""
        return self._door.trouble

    async def open(self) -> None:
        """Connect, and make the tables ready or see that they are.

        ``StateError``: they cannot be. ``StoreUnavailable``: nobody knows yet; the store is
        open all the same, and the first call that finds the server does what is left.
        """
        self._is_open = True
        await self._make_ready()

    async def close(self) -> None:
        """Let go of all connections; safe to call twice."""
        self._is_open = False
        self._door.close()
        await asyncio.gather(*(lane.close() for lane in (self._writes, self._leases, self._asks)))

    async def ping(self) -> None:
        """Return when the store answers."""
        await self._on(self._asks, "ping", {})

    async def settle(self, batch: Batch) -> Settled:
        """See :meth:`jobd.ports.SharedStore.settle`."""
        return await self._settle(batch, self._node)

    async def enrol(
        self, enrolments: Sequence[Enrolment], now: datetime
    ) -> Mapping[str, JobMemory]:
        """See :meth:`jobd.ports.Store.enrol`; on the roll are jobs of any node."""
        jobs = [{"name": one.job, "schedule": rows.text(one.schedule)} for one in enrolments]
        asked = {"node": self._node, "jobs": jobs}
        found = await self._on(self._writes, "enrol", asked, _OPENING_S)
        return {memory["name"]: rows.memory_of(memory) for memory in found["jobs"]}

    async def claim(
        self, requests: Sequence[ClaimRequest], node: str, now: datetime
    ) -> Sequence[ClaimAnswer]:
        """See :meth:`jobd.ports.Store.claim`."""
        return (await self._settle(Batch(claims=tuple(requests)), node)).answers

    async def skip(self, skips: Sequence[Skip], node: str, now: datetime) -> Sequence[Skip]:
        """See :meth:`jobd.ports.Store.skip`."""
        return (await self._settle(Batch(skips=tuple(skips)), node)).skipped

    async def finish(self, finishes: Sequence[Finish]) -> Sequence[bool]:
        """See :meth:`jobd.ports.Store.finish`."""
        return (await self._settle(Batch(finishes=tuple(finishes)), self._node)).finished

    async def void_skips_after(self, now: datetime, schedules: Mapping[str, Schedule]) -> int:
        """See :meth:`jobd.ports.Store.void_skips_after`."""
        await self._make_ready()
        return await self._writes.use(lambda wire: void(wire, schedules, self._lock_timeout))

    async def save_run(self, run: ActiveRun, started_at: datetime | None = None) -> None:
        """See :meth:`jobd.ports.Store.save_run`."""
        asked = {"jobs": [run.job], "saves": [save_json(run, started_at)]}
        await self._on(self._writes, "save_run", asked)

    async def renew(self, holdings: Sequence[Holding]) -> Sequence[bool]:
        """See :meth:`jobd.ports.SharedStore.renew`."""
        if not holdings:
            return ()
        held = [
            {"pos": pos, "run_id": one.run_id, "token": one.token}
            for pos, one in enumerate(holdings)
        ]
        asked = {"node": self._node, "ttl": self._ttl // _MICROSECOND, "holdings": held}
        renewed = set((await self._on(self._leases, "renew", asked))["renewed"])
        return tuple(pos in renewed for pos in range(len(holdings)))

    async def beat(self, word: NodeWord, since: datetime | None) -> ClusterView:
        """See :meth:`jobd.ports.SharedStore.beat`; ``StateError``: this name is taken."""
        asked = {"word": cluster_rows.word_json(word), "since": micros_or_none(since)}
        view = await self._on(self._leases, "beat", asked)
        if "other" in view:
            raise StateError(
                f"another daemon is called {word.node} (its state_id is "
                f"{view['other']['state_id']}, ours {word.state_id}); give one of them "
                "another daemon.node"
            )
        return cluster_rows.view_of(view)

    async def take_over(
        self, wishes: Sequence[TakeOver], not_after: datetime | None = None
    ) -> Sequence[ActiveRun | RunRecord | None]:
        """See :meth:`jobd.ports.SharedStore.take_over`."""
        if not wishes:
            return ()
        asked = [
            {
                "pos": pos,
                "run_id": wish.run.run_id,
                "job": wish.run.job,
                "token": wish.run.token,
                "retry_at": micros_or_none(wish.retry_at),
            }
            for pos, wish in enumerate(wishes)
        ]
        order = {
            "node": self._node,
            "ttl": self._ttl // _MICROSECOND,
            "not_after": micros_or_none(not_after),
            "wishes": asked,
        }
        answer = await self._on(self._writes, "take_over", order)
        taken = {pos: rows.active_run_of(run) for pos, run in answer["taken"]}
        ended = {pos: rows.record_of(run) for pos, run in answer.get("ended", ())}
        return tuple(taken.get(pos) or ended.get(pos) for pos in range(len(wishes)))

    async def ask_stop(self, stops: Sequence[StopAsked]) -> Sequence[ActiveRun | None]:
        """See :meth:`jobd.ports.SharedStore.ask_stop`."""
        if not stops:
            return ()
        run_ids = [rows.text(asked.run_id) for asked in stops]
        causes = {rows.text(asked.run_id): asked.cause.value for asked in stops}
        found = (await self._on(self._asks, "ask_stop", {"causes": causes}))["runs"]
        runs = {run["run_id"]: rows.active_run_of(run) for run in found}
        return tuple(runs.get(run_id) for run_id in run_ids)

    async def send(self, letter: Letter) -> None:
        """See :meth:`jobd.ports.SharedStore.send`."""
        asked = {
            "letter_id": letter.letter_id,
            "sender": letter.sender,
            "to": letter.to,
            "kind": letter.kind,
            "body": rows.text(letter.body),
        }
        await self._on(self._asks, "send", asked)

    async def answer(self, letter_id: str, body: str) -> None:
        """See :meth:`jobd.ports.SharedStore.answer`."""
        await self._on(self._asks, "answer", {"letter_id": letter_id, "body": rows.text(body)})

    async def reply(self, letter_id: str) -> str | None:
        """See :meth:`jobd.ports.SharedStore.reply`."""
        found = await self._on(self._asks, "reply", {"letter_id": letter_id})
        reply: str | None = found["reply"]
        return reply

    async def save_pause(self, jobs: Sequence[str], pause: Pause | None) -> None:
        """See :meth:`jobd.ports.Store.save_pause`."""
        asked = {"jobs": list(jobs), "pause": rows.pause_json(pause)}
        await self._on(self._asks, "save_pause", asked)

    async def save_skip_next(self, job: str, skip_next: Pause | None) -> None:
        """See :meth:`jobd.ports.Store.save_skip_next`."""
        asked = {"jobs": [job], "pause": rows.pause_json(skip_next)}
        await self._on(self._asks, "save_skip_next", asked)

    async def _settle(self, batch: Batch, node: str) -> Settled:
        if not (batch.saves or batch.finishes or batch.skips or batch.claims):
            return Settled()
        settling = Settling(batch, node, self._ttl)
        for _ in range(_RECOUNTS):
            answer = await self._on(self._writes, "settle", settling.asked(self._lock_timeout))
            if "again" not in answer:
                return settling.settled(answer)
            settling.learn(answer["again"])
        raise StoreUnavailable(f"{self._door.place}: others kept settling the same ticks")

    async def _on(
        self, lane: Lane, function: str, asked: Mapping[str, Any], timeout_s: float | None = None
    ) -> Mapping[str, Any]:
        await self._make_ready()
        return await lane.ask(function, {**asked, "lock_timeout": self._lock_timeout}, timeout_s)

    async def _make_ready(self) -> None:
        """See to the tables once; also if the server was away when the store was opened."""
        if not self._is_open:
            raise StoreUnavailable("the shared store is not open")
        if self._is_ready:
            return
        tables = own_tables()
        async with self._preparing:
            if not self._is_ready:
                await self._writes.use(
                    lambda wire: prepare(
                        wire, self._door.place, tables, may_migrate=self._may_migrate
                    ),
                    _OPENING_S,
                )
                self._is_ready = True
