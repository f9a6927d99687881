"""Claims: 100 ticks that are due at once, claimed from PostgreSQL in one call.

Measured is ``PgStore.claim`` of 100 requests for 100 jobs on the way that the daemon takes:
JSON there and back, locks, looks, run rows, ledger rows, tokens, the commit. Beside it, in
turns, what no store of this kind can do without: one prepared ``INSERT … ON CONFLICT DO
NOTHING RETURNING`` of 100 rows with the same facts of a tick (job, fire time, run, node,
instant), fetched, by the same driver over a connection of the same kind. Same server, same
durability: ``fsync`` and ``synchronous_commit`` are on, each is one transaction. Between
rounds the runs are ended, outside of what is measured.

The runs overlap with nothing and every tick is granted: the common case.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import asyncpg

from benchmarks.figures import Figure, middle
from benchmarks.quiet import wait_quiet
from deploy.cluster.postgres import MEND, PrivatePostgres, is_installed
from jobd.core.claim import ClaimAnswer, ClaimGranted, ClaimRequest, Demand, Trigger
from jobd.core.job import Overlap
from jobd.core.outcome import Outcome
from jobd.core.run import Finish, RunRecord
from jobd.ports import Enrolment
from jobd.store.postgres import PgStore

AT_MOST = 3.0
TICKS = 100
WARM_UP, ROUNDS = 15, 41
NODE = "app1"
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
DEMAND = Demand(Overlap.SKIP)

TABLE = """
CREATE TABLE bare (
    job text NOT NULL, fire_time timestamptz NOT NULL, run_id text NOT NULL, node text NOT NULL,
    claimed_at timestamptz NOT NULL, PRIMARY KEY (job, fire_time)
)
"""
INSERT = """
INSERT INTO bare (job, fire_time, run_id, node, claimed_at)
SELECT job, $2, run_id, $4, clock_timestamp() FROM unnest($1::text[], $3::text[]) AS t (job, run_id)
ON CONFLICT DO NOTHING RETURNING run_id
"""


def figures() -> list[Figure]:
    """Measure."""
    if not is_installed():
        print(f"        not measured: {MEND}", flush=True)
        return []
    with PrivatePostgres() as server:
        wait_quiet()
        claims, bare = asyncio.run(_measure(server.url()))
    what = f"claiming {TICKS} ticks at once"
    against = f"a bare INSERT of {TICKS} rows"
    return [Figure(what, middle(claims), "ms", middle(bare), against, AT_MOST, is_ratio=True)]


async def _measure(url: str) -> tuple[list[float], list[float]]:
    """Return the milliseconds of each round's claim, and of each round's bare INSERT."""
    store = PgStore(url, node=NODE, lease_ttl=timedelta(seconds=60), call_timeout_s=10.0)
    await store.open()
    connection = await asyncpg.connect(url)
    await connection.execute(TABLE)
    insert = await connection.prepare(INSERT)
    jobs = [f"job{number}" for number in range(TICKS)]
    await store.enrol([Enrolment(job, "* * * * * UTC") for job in jobs], BEGIN)
    claims, bare = list[float](), list[float]()
    for round_ in range(WARM_UP + ROUNDS):
        at = BEGIN + round_ * timedelta(minutes=1)
        bare.append(await _insert(insert, jobs, at))
        claims.append(await _claim(store, jobs, at))
    await connection.close()
    await store.close()
    return claims[WARM_UP:], bare[WARM_UP:]


async def _insert(
    insert: asyncpg.prepared_stmt.PreparedStatement, jobs: list[str], at: datetime
) -> float:
    ids = [f"{job}-{at:%d%H%M}" for job in jobs]
    began = time.perf_counter()
    rows = await insert.fetch(jobs, at, ids, NODE)
    took = time.perf_counter() - began
    assert len(rows) == TICKS
    return took * 1000


async def _claim(store: PgStore, jobs: list[str], at: datetime) -> float:
    wishes = [
        ClaimRequest(f"{job}-{at:%d%H%M}", job, at, Trigger.SCHEDULE, DEMAND, settled_until=at)
        for job in jobs
    ]
    began = time.perf_counter()
    answers = await store.claim(wishes, NODE, at)
    took = time.perf_counter() - began
    await store.finish(_ends(answers))
    return took * 1000


def _ends(answers: Sequence[ClaimAnswer]) -> list[Finish]:
    runs = [answer for answer in answers if isinstance(answer, ClaimGranted)]
    assert len(runs) == TICKS
    return [
        Finish(
            RunRecord(
                run.request.run_id,
                run.request.job,
                NODE,
                run.token,
                run.request.trigger,
                run.request.fire_time,
                run.claimed_at,
                started_at=run.claimed_at,
                ended_at=run.claimed_at,
                outcome=Outcome.SUCCESS,
                duration_s=0.1,
            ),
            None,
            None,
        )
        for run in runs
    ]
