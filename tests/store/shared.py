"""Stores that several nodes share, under the tests: their clock set, their leases left out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from jobd.core.claim import ActiveRun, ClaimDenied, JobMemory
from jobd.store.postgres import PgStore
from jobd.store.sqlite_rows import micros

# Tests set the time by this: jobd.now() is the only function that reads a clock.
TEST_CLOCK = """
CREATE UNLOGGED TABLE public.test_clock (at bigint NOT NULL);
INSERT INTO public.test_clock VALUES (1772366400000000);
CREATE OR REPLACE FUNCTION jobd.now() RETURNS bigint LANGUAGE sql VOLATILE
AS $$ SELECT at FROM public.test_clock $$;
"""

# Operations of the contract that are told the time, with the place of that argument.
TOLD = {"enrol": 1, "claim": 2, "skip": 2, "void_skips_after": 0}


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
