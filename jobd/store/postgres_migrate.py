"""Migrate: make the tables of the shared store, or bring them up to date, in one transaction.

Several daemons may start at once, of two versions: whoever comes first does it under a lock
that ends with the transaction (PgBouncer hands connections on), the others find it done. An
older daemon starts on newer tables as long as those say that it may: ``oldest``.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobd.errors import StateError
from jobd.store.statements import Migration, migrations, statements

if TYPE_CHECKING:
    from jobd.store.postgres_wire import Wire

_LOCK = "SELECT pg_catalog.pg_advisory_xact_lock(1785688932, 0)"  # 1785688932: "jobd" in ASCII
# Read from the catalogue itself: what a session remembers of it may be older than the lock.
_IS_THERE = """
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.nspname = 'jobd' AND p.proname = 'version'
)
"""
_PATIENCE = "SET LOCAL lock_timeout = '20s'; SET LOCAL idle_in_transaction_session_timeout = '20s'"


@dataclass(frozen=True, slots=True)
class Tables:
    """What a daemon brings: the steps to its version of the tables, and its functions.

    ``oldest``: the oldest version whose daemons still work once these are in place.
    """

    steps: Sequence[Migration]
    functions: Sequence[str]
    oldest: int = 1

    @property
    def version(self) -> int:
        """Return the version that the steps lead to."""
        return len(self.steps)


def own_tables() -> Tables:
    """Return what this jobd brings."""
    return Tables(migrations("postgres"), tuple(statements("postgres").values()))


async def prepare(wire: "Wire", place: str, tables: Tables, *, may_migrate: bool) -> None:
    """See to it that the tables are those of this jobd, or newer ones that still serve it;
    ``StateError`` says what to do when they are not, and when this daemon must not mend it."""
    version, oldest = await read_version(wire)
    if version < tables.version:
        if not may_migrate:
            raise _outdated(place, version, tables.version)
        version, oldest = await _migrate(wire, tables)
    if oldest > tables.version:
        raise StateError(
            f"{place} has tables of version {version}, which need a jobd that knows version "
            f"{oldest}; this one knows {tables.version}: install the newer jobd"
        )


async def read_version(wire: "Wire") -> tuple[int, int]:
    """Return the version of the tables and the oldest one that serves; 0 where there are none."""
    if await wire.read(_IS_THERE) != "t":
        return 0, 0
    found = json.loads(await wire.read("SELECT jobd.version()"))
    return found["version"], found["oldest"]


async def _migrate(wire: "Wire", tables: Tables) -> tuple[int, int]:
    await wire.execute(f"BEGIN; {_PATIENCE}; {_LOCK}")
    version, oldest = await read_version(wire)
    if version < tables.version:  # nobody else did it meanwhile
        await wire.execute("SET LOCAL check_function_bodies = off")
        for step in tables.steps[version:]:
            await wire.execute(step.sql)
        for function in tables.functions:
            await wire.execute(function)
        await wire.ask("stamp", {"version": tables.version, "oldest": tables.oldest})
        version, oldest = tables.version, tables.oldest
    await wire.execute("COMMIT")
    return version, oldest


def _outdated(place: str, version: int, wanted: int) -> StateError:
    what = f"has tables of version {version}" if version else "has no tables of jobd yet"
    return StateError(
        f"{place} {what}, this jobd needs version {wanted} and store.migrate is false; "
        "run: jobd migrate"
    )
