"""What the doctor is told of a PostgreSQL, by reading only."""

from datetime import timedelta

from deploy.cluster.postgres import PrivatePostgres, free_port
from jobd.clock import SystemClock
from jobd.store.postgres_migrate import own_tables
from jobd.store.postgres_probe import PgFacts, probe

ROUNDING = timedelta(milliseconds=5)


async def probed(url: str) -> PgFacts:
    found = await probe(url, "app1", SystemClock(), 20.0)
    assert isinstance(found, PgFacts), found
    return found


async def test_tables_that_are_there_are_told_with_their_version(pg_url: str) -> None:
    found = await probed(pg_url)
    assert (found.tables, found.may_migrate, found.may_use, found.is_pooled) == (
        own_tables().version,
        True,
        True,
        False,
    )


async def test_an_empty_database_stays_empty(postgres: PrivatePostgres) -> None:
    """The doctor is asked before anything is decided: it may not be what creates the tables."""
    url = postgres.create_database("probed_empty")
    assert [(await probed(url)).tables for _ in range(2)] == [0, 0]


async def test_a_clock_on_the_same_machine_is_ahead_by_no_more_than_the_doubt(pg_url: str) -> None:
    found = await probed(pg_url)
    assert abs(found.offset) <= found.doubt + ROUNDING


async def test_a_role_without_rights_is_told_apart_from_missing_tables(
    pg_url: str, postgres: PrivatePostgres
) -> None:
    postgres.sql("DROP ROLE IF EXISTS probed", "CREATE ROLE probed LOGIN PASSWORD 'p'")
    found = await probed(pg_url.replace(f"postgres:{postgres.password}@", "probed:p@"))
    assert (found.role, found.tables, found.may_use, found.may_migrate) == (
        "probed",
        None,
        False,
        False,
    )


async def test_each_host_says_why_it_cannot_be_used() -> None:
    first, second = free_port(), free_port()
    url = f"postgresql://jobd@127.0.0.1:{first},127.0.0.1:{second}/jobd"
    failures = await probe(url, "app1", SystemClock(), 10.0)
    assert not isinstance(failures, PgFacts)
    assert [words.split(": ")[0] for words in failures] == [
        f"PostgreSQL at 127.0.0.1:{first}/jobd",
        f"PostgreSQL at 127.0.0.1:{second}/jobd",
    ]
