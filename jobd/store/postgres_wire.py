"""Wire: how jobd speaks to PostgreSQL. Imported only where a PostgreSQL store is opened.

Every operation is one function of the schema ``jobd`` that takes one JSON value and returns
one, called by ``COPY (SELECT …) TO STDOUT`` in the simple protocol: one round trip, nothing
prepared, so that PgBouncer in transaction mode may stand between; see decision 0010.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

Answer = dict[str, Any]

_ENCODER = json.JSONEncoder(separators=(",", ":"), check_circular=False)


class Wire(asyncpg.Connection):  # type: ignore[misc] # asyncpg has no types
    """A connection that asks all it has to ask by the simple protocol."""

    async def fetchval(self, query: str, *args: Any, **kwargs: Any) -> Any:
        """Return the one truth value of a query: for asyncpg itself, which asks a server this way
        whether it is a standby, and would prepare that."""
        assert not args, "only asyncpg's own question comes this way"
        return (await self.read(query)) == "t"

    async def read(self, query: str) -> str:
        """Return the one value of a query of one row."""
        parts: list[bytes] = []

        async def keep(part: bytes) -> None:
            parts.append(bytes(part))

        await self.copy_from_query(query, output=keep)
        # COPY's text format; JSON has no control characters, so only backslashes are escaped.
        return b"".join(parts).decode().removesuffix("\n").replace("\\\\", "\\")

    async def ask(self, function: str, asked: Mapping[str, Any]) -> Answer:
        """Call ``jobd.function`` and return its answer."""
        answer = await self.read(f"SELECT jobd.{function}({literal(asked)}::jsonb)")
        found: Answer = json.loads(answer)
        return found


def literal(value: Mapping[str, Any]) -> str:
    """Return a JSON value as an SQL literal, in ASCII, and right whether or not the server has
    ``standard_conforming_strings``."""
    text = _ENCODER.encode(value)
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def hosts_of(url: str) -> list[str]:
    """Return the URL of each host of a URL that may name several: ``postgresql://a,b/db``."""
    parts = urlsplit(url)
    account, at, names = parts.netloc.rpartition("@")
    return [urlunsplit(parts._replace(netloc=f"{account}{at}{name}")) for name in names.split(",")]


def place_of(url: str) -> str:
    """Return where a URL leads, for people: hosts and database, never user or password."""
    parts = urlsplit(url)
    names = parts.netloc.rpartition("@")[2] or dict(parse_qsl(parts.query)).get("host", "")
    hosts = ",".join(_with_port(name) for name in names.split(","))
    return f"PostgreSQL at {hosts}{parts.path}"


async def connect(url: str, *, node: str, timeout_s: float) -> Wire:
    """Connect to the one host of ``url``, if it accepts writes."""
    parts = urlsplit(url)
    query = [(k, v) for k, v in parse_qsl(parts.query) if k != "target_session_attrs"]
    wire: Wire = await asyncpg.connect(
        urlunsplit(parts._replace(query=urlencode(query))),
        timeout=timeout_s,
        statement_cache_size=0,
        target_session_attrs="read-write",
        server_settings={"application_name": f"jobd {node}"[:63]},
        connection_class=Wire,
    )
    return wire


def _with_port(name: str) -> str:
    has_port = ":" in name.rpartition("]")[2]
    return name if has_port or not name or name.startswith("/") else f"{name}:5432"
