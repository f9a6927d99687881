"""Stores that several nodes share, under the tests: their clock set, their leases left out."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any

import asyncpg
import pytest

from jobd.core.attempt import EndedAttempt
from jobd.core.claim import (
    ActiveRun,
    ClaimAnswer,
    ClaimDenied,
    ClaimGranted,
    ClaimRequest,
    Demand,
    JobMemory,
    PoolDemand,
    Trigger,
)
from jobd.core.cluster import NodeWord
from jobd.core.job import Overlap
from jobd.core.outcome import Outcome
from jobd.core.run import Finish, RunRecord
from jobd.ports import Enrolment, Happened
from jobd.ports.shared_store import Batch
from jobd.store.columns import micros
from jobd.store.postgres import PgStore

# Tests set the time by this: jobd.now() is the only function that reads a clock.
TEST_CLOCK = """
CREATE UNLOGGED TABLE public.test_clock (at bigint NOT NULL);
INSERT INTO public.test_clock VALUES (1772366400000000);
CREATE OR REPLACE FUNCTION jobd.now() RETURNS bigint LANGUAGE sql VOLATILE
AS $$ SELECT at FROM public.test_clock $$;
"""

# As good as a new database, and much cheaper.
EMPTY = """
TRUNCATE jobd.job, jobd.roll, jobd.run, jobd.tick, jobd.pool, jobd.audit, jobd.node, jobd.letter
RESTART IDENTITY
"""

# Operations of the contract that are told the time, with the place of that argument.
TOLD = {"enrol": 1, "claim": 2, "skip": 2, "void_skips_after": 0}


def in_order(happened: Happened) -> Happened:
    """Return the same in an order that every store can be held to."""
    runs = sorted(happened.runs, key=lambda cell: (cell.lane, cell.cell, cell.outcome))
    skips = sorted(happened.skips, key=lambda cell: (cell.lane, cell.cell, cell.reason))
    return Happened(runs, skips)


class Timed:
    """A PgStore for the conformance suite of stores of one node: before each call the store's
    clock is set to the ``now`` that is passed, and answers have no leases in them, as they
    are part of another suite."""

    def __init__(self, url: str, node: str = "app1") -> None:
        self.url = url
        # So long that no lease ends, however far a test's clock moves.
        self.store = PgStore(url, node=node, lease_ttl=timedelta(days=36500), call_timeout_s=20.0)
        self._clock: Any = None

    async def open(self) -> None:
        self._clock = await asyncpg.connect(self.url)
        await self.store.open()

    async def close(self) -> None:
        await self.store.close()
        await self._clock.close()

    async def set_clock(self, now: datetime) -> None:
        await self._clock.execute(f"UPDATE public.test_clock SET at = {micros(now)}")

    @property
    def trouble(self) -> str:
        return self.store.trouble

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            now = _now(name, args)
            if now is not None:
                await self.set_clock(now)
            return unleased(await getattr(self.store, name)(*args, **kwargs))

        return call


def _now(name: str, args: Sequence[Any]) -> datetime | None:
    if name == "finish":  # told at the end that it tells of
        return max((end.record.ended_at for end in args[0]), default=None)
    return args[TOLD[name]] if name in TOLD else None


def unleased(answer: Any) -> Any:
    """Return an answer without the leases of the runs in it."""
    if isinstance(answer, ActiveRun):
        return replace(answer, lease_until=None)
    if isinstance(answer, ClaimDenied):
        return replace(answer, blocker=unleased(answer.blocker))
    if isinstance(answer, JobMemory):
        return replace(answer, active=tuple(map(unleased, answer.active)))
    if isinstance(answer, list | tuple):
        return type(answer)(map(unleased, answer))
    if isinstance(answer, Mapping):
        return {key: unleased(value) for key, value in answer.items()}
    return answer


LEASE = timedelta(seconds=30)


class Cluster:
    """A shared store as several nodes see it, by one clock that a test sets; minutes from START."""

    def __init__(self, make: Callable[[str, "Cluster"], Any], start: datetime) -> None:
        self.start = self.now = start
        self._make = make
        self._nodes: dict[str, Any] = {}
        self._ids = count()

    def at(self, minute: float) -> datetime:
        return self.start + timedelta(minutes=minute)

    async def node(self, name: str = "a") -> Any:
        """Return the store as a node sees it."""
        if name not in self._nodes:
            self._nodes[name] = self._make(name, self)
            await self._nodes[name].open()
        return self._nodes[name]

    async def set(self, minute: float) -> None:
        """Set the store's clock."""
        self.now = self.at(minute)

    async def close(self) -> None:
        for store in self._nodes.values():
            await store.close()

    async def enrol(self, *jobs: str, node: str = "a", schedule: str = "A") -> Any:
        store = await self.node(node)
        return await store.enrol([Enrolment(job, schedule) for job in jobs], self.now)

    async def memory(self, job: str, node: str = "a") -> JobMemory:
        """Return what is remembered of a job, without leaving anything behind: by a beat."""
        view = await (await self.node(node)).beat(word_of(node), self.at(-1_000_000))
        return next(memory for memory in view.jobs if memory.job == job)

    def wish(
        self,
        job: str,
        minute: float | None,
        *,
        run_id: str | None = None,
        overlap: Overlap = Overlap.SKIP,
        max_instances: int = 1,
        pool: PoolDemand | None = None,
        settled: float | None = None,
    ) -> ClaimRequest:
        return ClaimRequest(
            run_id or f"{next(self._ids):04x}-run",
            job,
            None if minute is None else self.at(minute),
            Trigger.MANUAL if minute is None else Trigger.SCHEDULE,
            Demand(overlap, max_instances, pool=pool),
            settled_until=None if settled is None else self.at(settled),
        )

    async def claim(
        self,
        job: str,
        minute: float | None,
        *,
        node: str = "a",
        takes_over: bool = True,
        not_after: datetime | None = None,
        **wish: Any,
    ) -> ClaimAnswer:
        """Ask for one run, at the store's present."""
        wishes = (self.wish(job, minute, **wish),)
        batch = Batch(claims=wishes, may_take_over=takes_over, not_after=not_after)
        (answer,) = (await (await self.node(node)).settle(batch)).answers
        return answer

    async def active(self, job: str, node: str = "a") -> ActiveRun:
        (run,) = (await self.memory(job, node)).active
        return run

    def end(self, run: ClaimGranted, minute: float, outcome: Outcome = Outcome.SUCCESS) -> Finish:
        """Return the report of a granted run's end."""
        wish = run.request
        identity = (wish.run_id, wish.job, "a", run.token, wish.trigger, wish.fire_time)
        times = {"started_at": run.claimed_at, "ended_at": self.at(minute)}
        return Finish(
            RunRecord(*identity, run.claimed_at, outcome=outcome, duration_s=1.0, **times),
            None,
            None,
        )

    async def finish(self, run: ClaimGranted, minute: float, node: str = "a") -> bool:
        (accepted,) = await (await self.node(node)).finish([self.end(run, minute)])
        return accepted


def word_of(node: str, **more: Any) -> NodeWord:
    """Return what a node tells of itself."""
    told = {"incarnation": "i1", "state_id": f"state of {node}", "version": "1", "digest": "d"}
    return NodeWord(node, **{**told, **more})


class Clocked:
    """A PgStore whose clock is that of a Cluster."""

    def __init__(self, url: str, node: str, cluster: Cluster) -> None:
        self.store = PgStore(url, node=node, lease_ttl=LEASE, call_timeout_s=20.0)
        self._url = url
        self._cluster = cluster
        self._clock: Any = None

    async def open(self) -> None:
        self._clock = await asyncpg.connect(self._url)
        await self.store.open()

    async def close(self) -> None:
        await self.store.close()
        await self._clock.close()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            now = micros(self._cluster.now)
            await self._clock.execute(f"UPDATE public.test_clock SET at = {now}")
            return await getattr(self.store, name)(*args, **kwargs)

        return call


async def until(connection: Any, query: str, about: Any, number: int) -> None:
    """Wait until a query about something answers with a number."""
    for _ in range(1000):
        if await connection.fetchval(query, about) == number:
            return
        await asyncio.sleep(0.01)  # the pause of the poll, which ends after ten seconds
    pytest.fail(f"not {number} of {about}")


def attempts(random: Random, at: datetime) -> tuple[EndedAttempt, ...]:
    """Return what may have been before the present attempt of a run; mostly nothing."""
    outcome = random.choice(list(Outcome))
    ended = EndedAttempt(1, "a", random.choice((None, at)), at, outcome, "why", 3, None, 1 << 20)
    return (ended,) * random.choice((0, 0, 0, 1, 2))
