"""The store: whether it answers, how fast, and whether it is ready for this jobd."""

import asyncio
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from jobd.cli.doctor.clocks import judge_offset
from jobd.cli.doctor.finding import Finding, fail, ok, warn
from jobd.config.model import Config, StoreSettings
from jobd.daemon.lifecycle import store_path
from jobd.errors import StateError
from jobd.ports import Clock
from jobd.store.migrate import check_readable
from jobd.store.postgres_migrate import own_tables

if TYPE_CHECKING:
    from jobd.store.postgres_probe import PgFacts

PATIENCE_S = 4.0  # less than a check may take, so that the words are the server's
OLDEST_SERVER = 130_000
SLOW = timedelta(milliseconds=100)
CONNECTIONS_OF_A_NODE = 3
_ROLES = "grant the role its rights: deploy/postgres/roles.sql"
_REACH = "is it up, does pg_hba.conf let this node in, is there a firewall? psql with that URL"


def own_file_findings(config: Config) -> Iterator[Finding]:
    """Yield how this node's own file is; nothing is made or changed."""
    path = store_path(config)
    try:
        os.stat(path)  # Path.exists takes what is closed to us for missing, or not, by version
        if not os.access(path, os.R_OK | os.W_OK):  # without write SQLite cannot read its log
            raise PermissionError
        version = check_readable(path)
    except FileNotFoundError:
        made = "by the daemon" if config.store.migrate else "by jobd migrate"
        yield ok("own file", f"{path} is not there yet; it is made {made}")
    except PermissionError:
        yield warn("own file", f"{path} is closed to us", "ask as root: sudo jobd doctor")
    except StateError as error:
        words, _, mend = str(error).rpartition("; ")
        yield fail("own file", words or mend, mend if words else "see docs/operating.md")
    else:
        yield ok("own file", f"{path}, sound, tables of version {version}")


def shared_findings(config: Config, clock: Clock) -> Iterator[Finding]:
    """Yield how the PostgreSQL that nodes share is."""
    from jobd.store.postgres_probe import PgFacts, probe

    facts = asyncio.run(probe(config.store.url, config.daemon.node, clock, PATIENCE_S))
    if not isinstance(facts, PgFacts):
        yield from (fail("reachable", words, _REACH) for words in facts)
        return
    yield from judge_server(facts)
    yield judge_tables(facts, config.store, own_tables().version)
    yield judge_latency(facts, config.store.lease_ttl)
    yield judge_offset(facts.offset, facts.doubt)


def judge_server(facts: "PgFacts") -> Iterator[Finding]:
    """Yield what the server is, and whether it keeps what it has confirmed."""
    through = ", through a pooler, in transaction mode too" if facts.is_pooled else ""
    words = f"{facts.place}, version {facts.version}, as {facts.role}{through}"
    if facts.number < OLDEST_SERVER:
        yield fail("reachable", words, "upgrade it: jobd needs PostgreSQL 13")
    else:
        yield ok("reachable", words)
    if not facts.fsync or facts.commits == "off":
        setting = "fsync" if not facts.fsync else "synchronous_commit"
        words = f"{setting} is off: a crash of the server forgets what has been started"
        yield fail("durable", words, f"turn {setting} on for this database")
    left = facts.max_connections - facts.connections
    if not facts.is_pooled and left < CONNECTIONS_OF_A_NODE:
        words = f"{left} of {facts.max_connections} are left, a node takes {CONNECTIONS_OF_A_NODE}"
        yield warn("connections", words, "raise max_connections, or put PgBouncer before it")


def judge_tables(facts: "PgFacts", settings: StoreSettings, wanted: int) -> Finding:
    """Return whether the tables are there for this jobd, or would be when the daemon starts."""
    if facts.tables is None:
        return fail("tables", f"role {facts.role} may not use the schema jobd", _ROLES)
    if facts.oldest > wanted:
        words = f"of version {facts.tables}, which need a newer jobd"
        return fail("tables", words, "install the newer jobd")
    if facts.tables >= wanted:
        return ok("tables", f"of version {facts.tables}")
    words = f"of version {facts.tables}, this jobd needs {wanted}" if facts.tables else "none yet"
    if settings.migrate and facts.may_migrate:
        return ok("tables", f"{words}; the daemon makes them")
    if facts.may_migrate:
        return fail("tables", f"{words}, and store.migrate is false", "run jobd migrate")
    words += f", and role {facts.role} may not make them"
    return fail("tables", words, f"run jobd migrate as their owner, or {_ROLES}")


def judge_latency(facts: "PgFacts", lease_ttl: timedelta) -> Finding:
    """Return whether answers come fast enough: each start waits for one."""
    typical, slowest = (t.total_seconds() * 1000 for t in (facts.latency, facts.slowest))
    words = f"{typical:,.1f} ms, the slowest of ten {slowest:,.1f} ms"
    if facts.slowest > lease_ttl / 6:
        return fail("latency", f"{words}: leases run out", "raise lease_ttl, mend the network")
    if facts.latency > SLOW:
        return warn(
            "latency", f"{words}: every start waits for it", "look at its load, the network"
        )
    return ok("latency", words)
