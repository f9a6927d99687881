"""SqliteNodeMemory: the outbox and the facts of a node, in the file of its embedded store."""

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from jobd.core.run import Finish
from jobd.ports.node_memory import Posted
from jobd.store.finish_text import finish_of, text_of
from jobd.store.statements import statements

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
# Runs work in one transaction on the thread that writes; StoreUnavailable on a full disk.
Transact = Callable[[Work[Any]], Awaitable[Any]]


class SqliteNodeMemory:
    """See :class:`jobd.ports.node_memory.NodeMemory`."""

    def __init__(self, transact: Transact) -> None:
        self._transact = transact
        self._sql = statements("sqlite")

    async def post(self, finishes: Sequence[Finish]) -> Sequence[Posted]:
        """Put ends into the outbox, in order."""

        def put(connection: sqlite3.Connection) -> list[Posted]:
            return [Posted(self._put(connection, finish), finish) for finish in finishes]

        posted: list[Posted] = await self._transact(put)
        return posted

    async def posted(self) -> Sequence[Posted]:
        """Return what is in the outbox, oldest first."""
        rows = await self._transact(lambda c: c.execute(self._sql["outbox_all"]).fetchall())
        return [Posted(number, finish_of(body)) for number, body in rows]

    async def take_out(self, numbers: Sequence[int]) -> None:
        """Forget ends that were delivered."""
        rows = [(number,) for number in numbers]
        await self._transact(lambda c: c.executemany(self._sql["outbox_take_out"], rows))

    async def fact(self, name: str) -> str | None:
        """Return what was kept under a name, or None."""
        row = await self._transact(lambda c: c.execute(self._sql["fact_of"], (name,)).fetchone())
        return None if row is None else str(row[0])

    async def keep_fact(self, name: str, value: str | None) -> None:
        """Keep a fact under a name, or (None) forget it."""
        if value is None:
            await self._transact(lambda c: c.execute(self._sql["fact_forget"], (name,)))
        else:
            await self._transact(lambda c: c.execute(self._sql["fact_keep"], (name, value)))

    def _put(self, connection: sqlite3.Connection, finish: Finish) -> int:
        ((number,),) = connection.execute(self._sql["outbox_put"], (text_of(finish),)).fetchall()
        return int(number)
