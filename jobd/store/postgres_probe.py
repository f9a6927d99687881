"""PgProbe: how a PostgreSQL server would serve as the shared store, found out by reading only.

For ``jobd doctor``. Like the postgres wire, imported only where a PostgreSQL store is named.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobd.ports import Clock
from jobd.store.postgres_migrate import read_version
from jobd.store.postgres_wire import Wire, connect, hosts_of, place_of

ROUND_TRIPS = 10

_FACTS = """
SELECT json_build_object(
    'version', current_setting('server_version'),
    'number', current_setting('server_version_num')::int,
    'pid', pg_backend_pid(),
    'role', current_user,
    'database', current_database(),
    'fsync', current_setting('fsync') = 'on',
    'commits', current_setting('synchronous_commit'),
    'may_create', has_database_privilege(current_database(), 'CREATE'),
    'has_schema', to_regnamespace('jobd') IS NOT NULL,
    'owns_schema', COALESCE(
        (SELECT pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = 'jobd'), false
    ),
    'may_use', COALESCE(has_schema_privilege(to_regnamespace('jobd')::oid, 'USAGE'), false),
    'connections', (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
    'max_connections', current_setting('max_connections')::int
)
"""
_NOW = "SELECT extract(epoch FROM clock_timestamp())"


@dataclass(frozen=True, slots=True)
class PgFacts:
    """One server. ``tables``: the version of jobd's tables, 0 without any, None where their
    version may not be asked; ``oldest``: the oldest jobd that they serve. ``offset``: by how
    much its clock is ahead of ours, give or take ``doubt``."""

    place: str
    version: str
    number: int
    role: str
    is_pooled: bool
    fsync: bool
    commits: str
    may_migrate: bool
    may_use: bool
    tables: int | None
    oldest: int
    connections: int
    max_connections: int
    latency: timedelta
    slowest: timedelta
    offset: timedelta
    doubt: timedelta


async def probe(url: str, node: str, clock: Clock, within_s: float) -> PgFacts | Sequence[str]:
    """Return the facts about the first host that accepts writes, or why none of them does."""
    hosts, failures = hosts_of(url), []
    for host in hosts:
        try:
            wire = await connect(host, node=node, timeout_s=within_s / len(hosts))
        except Exception as error:  # whatever it is: to tell it is what a probe is for
            words = " ".join(str(error).split()) or type(error).__name__
            failures.append(f"{place_of(host)}: {words}")
            continue
        try:
            return await _facts(wire, place_of(host), clock)
        finally:
            wire.terminate()
    return failures


async def _facts(wire: Wire, place: str, clock: Clock) -> PgFacts:
    found = json.loads(await wire.read(f"SELECT ({_FACTS})::text"))
    may_ask = found["may_use"] or not found["has_schema"]
    tables, oldest = await read_version(wire) if may_ask else (None, 0)
    trips = [await _trip(wire, clock) for _ in range(ROUND_TRIPS)]
    shortest, offset = min(trips)
    return PgFacts(
        place=place,
        version=found["version"],
        number=found["number"],
        role=found["role"],
        # A pooler makes up the pid that it tells a client; the server's own is another.
        is_pooled=wire.get_server_pid() != found["pid"],
        fsync=found["fsync"],
        commits=found["commits"],
        may_migrate=found["owns_schema"] if found["has_schema"] else found["may_create"],
        may_use=found["may_use"],
        tables=tables,
        oldest=oldest,
        connections=found["connections"],
        max_connections=found["max_connections"],
        latency=sorted(took for took, _ in trips)[ROUND_TRIPS // 2],
        slowest=max(took for took, _ in trips),
        offset=offset,
        doubt=shortest / 2,
    )


async def _trip(wire: Wire, clock: Clock) -> tuple[timedelta, timedelta]:
    """Return how long an answer took, and by how much the server's clock is then ahead: it read
    its clock somewhere on the way, in the middle at best."""
    begin_s, began = clock.steady_s(), clock.now()
    answer = await wire.read(_NOW)
    took = timedelta(seconds=clock.steady_s() - begin_s)
    at = datetime.fromtimestamp(float(answer), began.tzinfo)
    return took, at - (began + took / 2)
