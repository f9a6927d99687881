"""The tables of the shared store: made once, upgraded once, and never by who must not."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from deploy.cluster.postgres import PostgresError, PrivatePostgres
from jobd.core.claim import (
    ActiveRun,
    ClaimGranted,
    ClaimRequest,
    Demand,
    Pause,
    PoolDemand,
    Trigger,
)
from jobd.core.cluster import Holding, Letter, StopAsked, TakeOver
from jobd.core.job import Overlap
from jobd.core.ledger import Skip, SkipReason, TickRange
from jobd.core.outcome import Outcome, StopCause
from jobd.core.run import Finish, record_of
from jobd.errors import StateError
from jobd.ports import AuditEntry, Enrolment, RunFilter, Window
from jobd.ports.shared_store import Batch
from jobd.store import postgres as pg
from jobd.store.postgres import PgStore
from jobd.store.postgres_migrate import Tables, own_tables
from jobd.store.statements import Migration
from tests.store.shared import word_of

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = datetime(2036, 1, 1, tzinfo=UTC)
ROLES = Path(__file__).parents[2] / "deploy/postgres/roles.sql"


def store_of(url: str, **more: Any) -> PgStore:
    more.setdefault("node", "a")
    return PgStore(
        url, lease_ttl=timedelta(seconds=60), call_timeout_s=20, random=Random(1), **more
    )


@pytest.fixture
def empty(postgres: PrivatePostgres, numbers: Iterator[int]) -> Iterator[str]:
    """Return the URL of a database without tables."""
    name = f"empty_{next(numbers)}"
    yield postgres.create_database(name)
    postgres.sql(f"DROP DATABASE {name} WITH (FORCE)")


# What later versions return beside what the first one did: a function cannot be made to while it
# is there.
_LATER = (
    ", expected_memory_bytes bigint,\n    smoothed_lasted_s double precision,"
    " steps jsonb, retried jsonb\n)"
)
NEXT = own_tables().version + 1


def next_tables(**more: Any) -> Tables:
    """Return what a later jobd may bring: a new column."""
    now = own_tables()
    step = Migration(now.version + 1, "ALTER TABLE jobd.job ADD COLUMN colour text;")
    return Tables((*now.steps, step), now.functions, **more)


def first_tables() -> Tables:
    """Return what the first version brought, as far as the second had to change it."""
    now = own_tables()
    older = [f.replace(_LATER, "\n)") for f in now.functions]
    assert older != list(now.functions)
    return Tables(now.steps[:1], older)


async def opened(url: str, **more: Any) -> PgStore:
    store = store_of(url, **more)
    await store.open()
    return store


async def test_an_empty_database_gets_the_tables(empty: str) -> None:
    store = await opened(empty)
    assert await store.enrol([Enrolment("backup", "A")], START)
    await store.close()


async def test_daemons_of_two_versions_start_at_once(empty: str, monkeypatch: Any) -> None:
    """Whoever comes first: in the end the tables are the newer ones, and all daemons work."""
    versions = [own_tables(), next_tables(), own_tables(), next_tables()]
    monkeypatch.setattr(pg, "own_tables", lambda: versions.pop())
    stores = [store_of(empty, node=f"n{number}") for number in range(4)]
    await asyncio.gather(*(store.open() for store in stores))
    for store in stores:
        assert await store.enrol([Enrolment("backup", "A")], START)
        await store.close()
    assert versions == []


async def test_an_upgrade_keeps_what_was_known(empty: str, monkeypatch: Any) -> None:
    store = await opened(empty)
    await store.enrol([Enrolment("backup", "A")], START)
    wish = ClaimRequest("r1", "backup", START, Trigger.SCHEDULE, Demand(Overlap.SKIP))
    await store.claim([wish], "a", START)
    await store.close()
    monkeypatch.setattr(pg, "own_tables", next_tables)
    newer = await opened(empty)
    assert (await newer.run("r1")).token == 1
    await newer.close()


async def test_an_upgrade_that_fails_leaves_all_as_it_was(empty: str, monkeypatch: Any) -> None:
    store = await opened(empty)
    await store.close()
    broken = next_tables()
    broken = replace(broken, functions=(*broken.functions, "CREATE FUNCTION nonsense"))
    monkeypatch.setattr(pg, "own_tables", lambda: broken)
    with pytest.raises(AssertionError, match="syntax error"):
        await opened(empty)
    monkeypatch.undo()
    store = await opened(empty)
    await store.ping()
    await store.close()


async def test_tables_of_the_first_version_are_brought_up_to_date(
    empty: str, postgres: PrivatePostgres, monkeypatch: Any
) -> None:
    """What was usual of attempts is taken for what is of runs, until the next one ends."""
    monkeypatch.setattr(pg, "own_tables", first_tables)
    await (await opened(empty)).close()
    monkeypatch.undo()
    columns = "name, schedule, settled_until, touched_at, smoothed_duration_s"
    postgres.run_sql(empty, f"INSERT INTO jobd.job ({columns}) VALUES ('backup', 'A', 0, 0, 30.5)")
    store = await opened(empty)
    (memory,) = (await store.enrol([Enrolment("backup", "A")], START)).values()
    await store.close()
    assert (memory.expected_memory_bytes, memory.smoothed_lasted_s) == (None, 30.5)


async def test_an_older_daemon_works_on_newer_tables_that_allow_it(empty, monkeypatch) -> None:
    monkeypatch.setattr(pg, "own_tables", lambda: next_tables(oldest=1))
    await (await opened(empty)).close()
    monkeypatch.undo()
    store = await opened(empty)
    assert await store.enrol([Enrolment("backup", "A")], START)
    await store.close()


async def test_an_older_daemon_is_refused_by_tables_that_do_not(empty, monkeypatch) -> None:
    monkeypatch.setattr(pg, "own_tables", lambda: next_tables(oldest=NEXT))
    await (await opened(empty)).close()
    monkeypatch.undo()
    words = rf"need a jobd that knows version {NEXT}.*install the newer"
    with pytest.raises(StateError, match=words):
        await opened(empty)


async def test_who_must_not_migrate_says_what_to_run(empty: str, monkeypatch: Any) -> None:
    with pytest.raises(StateError, match=r"no tables of jobd yet.*run: jobd migrate"):
        await opened(empty, migrate=False)
    await (await opened(empty)).close()
    await (await opened(empty, migrate=False)).close()
    monkeypatch.setattr(pg, "own_tables", next_tables)
    with pytest.raises(StateError, match=rf"tables of version {NEXT - 1}.*run: jobd migrate"):
        await opened(empty, migrate=False)


@pytest.fixture
async def least(postgres: PrivatePostgres, empty: str) -> str:
    """Return the URL by which the running role of roles.sql reaches migrated tables."""
    name = empty.rpartition("/")[2]
    passwords = (f"ALTER ROLE {role} PASSWORD 'x'" for role in ("jobd", "jobd_owner"))
    postgres.sql(ROLES.read_text(), *passwords, database=name)
    owner = await opened(postgres.url(name, user="jobd_owner", password="x"))
    await owner.close()
    return postgres.url(name, user="jobd", password="x")


async def test_the_running_role_can_do_all_operations(least: str) -> None:
    store = await opened(least, migrate=False)
    pool = PoolDemand("database", 2)
    await store.enrol([Enrolment("backup", "A"), Enrolment("poll", "A")], START)
    wish = ClaimRequest("r1", "backup", START, Trigger.SCHEDULE, Demand(Overlap.SKIP, pool=pool))
    skip = Skip(TickRange("poll", START, START, 1), SkipReason.MISFIRE)
    done = await store.settle(Batch(skips=(skip,), claims=(wish,)))
    (run,) = done.answers
    assert isinstance(run, ClaimGranted)
    assert await store.renew([Holding("r1", run.token)]) == (True,)
    view = await store.beat(word_of("a"), START)
    (active,) = (run for memory in view.jobs for run in memory.active)
    assert await store.take_over([TakeOver(active, None)]) == (None,)
    await store.save_run(active, START)
    await store.save_pause(["backup"], Pause("anna", START))
    await store.save_skip_next("backup", Pause("anna", START))
    assert await store.ask_stop([StopAsked("r1", StopCause.CANCEL)])
    await store.send(Letter("l1", "a", "b", "trigger", "{}"))
    await store.answer("l1", "{}")
    assert await store.reply("l1") == "{}"
    await store.note(AuditEntry(START, "uid 0", "pause", "backup"))
    assert await store.audit()
    assert await store.run("r1")
    assert await store.runs(RunFilter())
    assert await store.ticks("poll")
    assert await store.skip_counts(START)
    assert await store.usage(["backup"], 10) is not None
    assert (await store.happened(Window(START, LATER, 60, ("backup",)))).runs
    assert await store.void_skips_after(START, {}) == 0
    assert list(await store.orphans()) == []
    assert list(await store.prune(LATER, 0)) == []
    await store.ping()
    await store.close()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM jobd.job",
        "UPDATE jobd.run SET token = 1",
        "DELETE FROM jobd.audit",
        "SELECT version FROM jobd.meta",
        'SELECT jobd.stamp(\'{"version": 9, "oldest": 9}\')',
        "SELECT jobd.believe(0)",
        "CREATE TABLE jobd.mine (a int)",
        "CREATE TABLE public.mine (a int)",
        "CREATE TEMP TABLE mine (a int)",
        "CREATE OR REPLACE FUNCTION jobd.now() RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'",
        "DROP TABLE jobd.job",
        "CREATE ROLE another",
    ],
)
async def test_the_running_role_can_do_nothing_else(
    postgres: PrivatePostgres, least: str, statement: str
) -> None:
    with pytest.raises(PostgresError, match=r"permission denied|must be owner"):
        postgres.run_sql(least, statement)


async def test_who_does_not_ask_for_what_earlier_attempts_took_is_not_told(
    empty: str, postgres: PrivatePostgres
) -> None:
    """A daemon of before the upgrade unpacks five figures of a run, and no sixth."""
    store = await opened(empty)
    await store.enrol([Enrolment("backup", "A")], START)
    wish = ClaimRequest("r1", "backup", START, Trigger.SCHEDULE, Demand(Overlap.SKIP))
    (granted,) = await store.claim([wish], "a", START)
    record = record_of(
        ActiveRun("r1", "backup", "a", granted.token, START, Trigger.SCHEDULE, START, attempt=2),
        ended_at=START + timedelta(seconds=30),
        outcome=Outcome.SUCCESS,
    )
    await store.finish([Finish(replace(record, duration_s=5.0), None, None)])
    await store.close()
    asked = """SELECT jobd.usage('{"jobs": ["backup"], "most": 9, "seen": 9}')"""
    ((name, (use,)),) = json.loads(postgres.run_sql(empty, asked))["usage"]
    assert (name, len(use), use[1:3]) == ("backup", 5, ["success", 5])
