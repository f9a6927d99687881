"""However much history there is: no operation of a daemon's everyday life reads through it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from jobd.core.claim import ClaimDenied, ClaimGranted, ClaimRequest, Demand, PoolDemand, Trigger
from jobd.core.cluster import Holding
from jobd.core.job import Overlap
from jobd.core.ledger import Skip, SkipReason, TickRange
from jobd.core.schedule import CronSchedule
from jobd.ports import Enrolment, RunFilter, Window
from jobd.ports.shared_store import Batch
from jobd.store.postgres import PgStore
from tests.store.shared import until, word_of

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTES = CronSchedule.parse("* * * * *", job="job1", timezone="UTC")
MINUTE = timedelta(minutes=1)
JOBS, RUNS_EACH = 2000, 10

FILL = f"""
INSERT INTO jobd.job (name, schedule, settled_until, decided_until, touched_at)
SELECT 'job' || n, 'A', 0, 10 * 60000000, 0 FROM generate_series(1, {JOBS}) AS n;
INSERT INTO jobd.roll SELECT id, 'a' FROM jobd.job;
INSERT INTO jobd.run (run_id, job_id, node, token, trigger, fire_time, claimed_at, changed_at,
    requested_by, params, slots, ttl, lease_until, ended_at, outcome)
SELECT job.id || '-' || n, job.id, 'a', n, 'schedule', n * 60000000, 0, 0, '', '[]', 0, 1, 0, 0,
    'success'
FROM jobd.job, generate_series(1, {RUNS_EACH}) AS n;
INSERT INTO jobd.tick (job_id, first, last, count, run_id, detail, decided_at, node)
SELECT job_id, fire_time, fire_time, 1, run_id, '', 0, 'a' FROM jobd.run;
ANALYZE;
"""
START_OTHERS = """
UPDATE jobd.run SET
    ended_at = NULL, outcome = NULL, ttl = 60000000, lease_until = 1772366400000000 + 60000000
WHERE token = 10 AND job_id > 20;
"""
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1"
SCANS = "SELECT coalesce(sum(seq_scan), 0)::bigint FROM pg_stat_user_tables WHERE relname = $1"
ROWS_READ = """
SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::bigint
FROM pg_stat_user_tables WHERE schemaname = 'jobd'
"""


@pytest.fixture
async def filled(pg_url: str) -> Any:
    """Return a connection to a database with 2,000 jobs and 20,000 runs."""
    filler = await asyncpg.connect(pg_url, server_settings={"application_name": "filler"})
    await filler.execute(FILL)
    await filler.execute("UPDATE public.test_clock SET at = 1772366400000000")
    await filler.close()
    connection = await asyncpg.connect(pg_url)
    await connection.execute("CREATE TABLE public.marker ()")
    await until_counted(connection, pg_url, "filler")
    yield connection
    await connection.execute("DROP TABLE public.marker")
    await connection.close()


async def until_counted(connection: Any, url: str, application: str) -> None:
    """Wait until what sessions of an application have read is counted.

    A session tells the last of it when it ends; before PostgreSQL 15 it tells another process,
    which publishes after a while, in order: what is told later is seen later.
    """
    await until(connection, SESSIONS, application, 0)
    scans = await connection.fetchval(SCANS, "marker")
    marker = await asyncpg.connect(url)
    await marker.execute("SELECT FROM public.marker")
    await marker.close()
    await until(connection, SCANS, "marker", scans + 1)


def wishes(number: int, **demand: Any) -> tuple[ClaimRequest, ...]:
    demanded = Demand(Overlap.SKIP, **demand)
    return tuple(
        ClaimRequest(f"new-{n}", f"job{n}", START, Trigger.SCHEDULE, demanded, settled_until=START)
        for n in range(1, number + 1)
    )


async def claim(store: PgStore) -> None:
    done = await store.settle(Batch(claims=wishes(20)))
    assert all(isinstance(one, ClaimGranted) for one in done.answers)


async def claim_and_renew(store: PgStore) -> None:
    await claim(store)
    holdings = [Holding(wish.run_id, 1) for wish in wishes(20)]
    await store.renew(holdings)


async def claim_from_a_pool(store: PgStore) -> None:
    await store.settle(Batch(claims=wishes(5, pool=PoolDemand("database", 3))))


async def claim_what_was_decided(store: PgStore) -> None:
    early = datetime(1970, 1, 1, 0, 3, tzinfo=UTC)
    wish = ClaimRequest("x", "job9", early, Trigger.SCHEDULE, Demand(Overlap.SKIP))
    (answer,) = await store.claim([wish], "a", START)
    assert answer.settled


async def skip(store: PgStore) -> None:
    ticks = TickRange("job1", START, START + 9 * MINUTE, 10)
    await store.skip([Skip(ticks, SkipReason.MISFIRE, schedule=MINUTES)], "a", START)


async def beat(store: PgStore) -> None:
    await claim(store)
    view = await store.beat(word_of("a"), START)
    assert (len(view.decided), len(view.jobs)) == (20, 20)


async def ask(store: PgStore) -> None:
    await store.runs(RunFilter(limit=5))
    await store.runs(RunFilter(job="job7", limit=5))
    await store.runs(RunFilter(outcome="failure", limit=5))
    await store.runs(RunFilter(outcome="active", limit=5))
    await store.run("7-")
    await store.ticks("job7", limit=5)
    await store.ticks("job7", at=START)
    await store.usage([f"job{n}" for n in range(10)], 5)


async def ask_for_windows(store: PgStore) -> None:
    early = datetime(1970, 1, 1, tzinfo=UTC)
    jobs = tuple(f"job{n}" for n in range(10))
    found = await store.happened(Window(early, early + timedelta(hours=1), 60, jobs))
    assert sum(cell.runs for cell in found.runs) == 9 * RUNS_EACH
    assert not (await store.happened(Window(START, START + timedelta(hours=1), 60))).runs


async def claim_one_after_the_other(store: PgStore) -> None:
    for wish in wishes(5):
        await store.settle(Batch(claims=(wish,)))
    again = (replace(wish, fire_time=START + MINUTE) for wish in wishes(5))
    for number, wish in enumerate(again):
        done = await store.settle(Batch(claims=(replace(wish, run_id=f"again-{number}"),)))
        assert isinstance(done.answers[0], ClaimDenied)


OPERATIONS = [
    claim,
    claim_and_renew,
    claim_from_a_pool,
    claim_what_was_decided,
    skip,
    beat,
    ask,
    ask_for_windows,
]


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_it_reads_what_it_is_about_and_no_more(
    filled: Any, pg_url: str, operation: Callable[[PgStore], Awaitable[None]]
) -> None:
    before = await filled.fetchval(ROWS_READ)
    store = PgStore(pg_url, node="a", lease_ttl=timedelta(seconds=60), call_timeout_s=20.0)
    await store.open()
    await operation(store)
    await store.close()
    await until_counted(filled, pg_url, "jobd a")
    read = await filled.fetchval(ROWS_READ) - before
    assert 0 < read < 600


async def test_runs_of_other_jobs_cost_a_claim_nothing(filled: Any, pg_url: str) -> None:
    """Whether the first claim, which makes the plans, finds active runs or none."""
    filler = await asyncpg.connect(pg_url, server_settings={"application_name": "starter"})
    await filler.execute(START_OTHERS)
    await filler.close()
    await until_counted(filled, pg_url, "starter")
    await test_it_reads_what_it_is_about_and_no_more(filled, pg_url, claim_one_after_the_other)


async def test_enrolling_the_same_jobs_again_writes_nothing(filled: Any, pg_url: str) -> None:
    """Each start of each node does it."""
    store = PgStore(pg_url, node="a", lease_ttl=timedelta(seconds=60), call_timeout_s=20.0)
    await store.open()
    before = await filled.fetchval("SELECT sum(xmin::text::bigint) FROM jobd.job")
    jobs = [Enrolment(f"job{n}", "A") for n in range(1, JOBS + 1)]
    assert len(await store.enrol(jobs, START)) == JOBS
    assert await filled.fetchval("SELECT sum(xmin::text::bigint) FROM jobd.job") == before
    await store.close()


async def test_the_cells_of_a_window_are_told_without_a_call_for_each_run(filled: Any) -> None:
    """A call costs twenty microseconds, and a window may hold 50,000 runs."""
    asked = "SELECT jobd.cell_of(claimed_at, '{}') FROM jobd.run"
    plan = await filled.fetch(f"EXPLAIN VERBOSE {asked}")
    assert not [line for (line,) in plan if "cell_of" in line]
