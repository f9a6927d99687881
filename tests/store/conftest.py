"""The stores under test, and a scene in which tests speak of jobs and minutes."""

import asyncio
import resource
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from deploy.cluster.postgres import PrivatePostgres
from jobd.core.claim import (
    ActiveRun,
    ClaimAnswer,
    ClaimGranted,
    ClaimRequest,
    Demand,
    JobMemory,
    PoolDemand,
    Trigger,
)
from jobd.core.job import Overlap
from jobd.core.ledger import Skip, SkipReason, TickRange
from jobd.core.outcome import Outcome
from jobd.core.run import Finish, RunRecord
from jobd.core.schedule import CronSchedule, Schedule
from jobd.ports import Enrolment, Store
from jobd.store.memory import MemoryStore
from jobd.store.postgres import PgStore
from jobd.store.sqlite import SqliteStore
from tests.store.shared import EMPTY, LEASE, TEST_CLOCK, Clocked, Cluster, Timed

FILE_SIZE = resource.getrlimit(resource.RLIMIT_FSIZE)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, Any, Any]:
    """Lift a limit on the size of files before the result is told: pytest's own output may go
    to a file that is larger already, and its first dot would end it."""
    try:
        return (yield)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, FILE_SIZE)


START = datetime(2026, 3, 1, 12, tzinfo=UTC)
NODE = "app1"
MINUTES = CronSchedule.parse("* * * * *", job="backup", timezone="UTC")


class Restarting:
    """A SQLite store that is closed and opened anew before every call: nothing that an
    answer needs may live in memory only."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._store = SqliteStore(path, node=NODE)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            await self._store.close()
            self._store = SqliteStore(self._path, node=NODE)
            await self._store.open()
            return await getattr(self._store, name)(*args, **kwargs)

        return call

    async def open(self) -> None:
        await self._store.open()

    async def close(self) -> None:
        await self._store.close()


@dataclass
class Scene:
    """A store with jobs; instants are minutes from START."""

    store: Store
    roll: dict[str, Enrolment] = field(default_factory=dict)
    ids: Any = field(default_factory=count)
    minutes: Schedule = MINUTES

    @staticmethod
    def at(minute: float) -> datetime:
        return START + timedelta(minutes=minute)

    async def enrol(
        self, *jobs: str, minute: float = 0, schedule: str = "* * * * * UTC"
    ) -> Mapping[str, JobMemory]:
        """Put exactly these jobs on the roll."""
        self.roll = {job: Enrolment(job, schedule) for job in jobs}
        return await self.store.enrol(list(self.roll.values()), self.at(minute))

    async def memory(self, job: str) -> JobMemory:
        """Return what the store remembers of a job, by enrolling the same roll again."""
        memories = await self.store.enrol(list(self.roll.values()), self.at(10_000))
        return memories[job]

    def request(
        self,
        job: str,
        minute: float | None,
        *,
        run_id: str | None = None,
        overlap: Overlap = Overlap.SKIP,
        max_instances: int = 1,
        ignores_duty: bool = False,
        settled: float | None = None,
        params: tuple[tuple[str, str], ...] = (),
        pool: PoolDemand | None = None,
    ) -> ClaimRequest:
        """Return a wish to run the tick of that minute, or by hand (None)."""
        is_manual = minute is None
        return ClaimRequest(
            run_id or f"{next(self.ids):04x}-run",
            job,
            None if minute is None else self.at(minute),
            Trigger.MANUAL if is_manual else Trigger.SCHEDULE,
            Demand(overlap, max_instances, ignores_duty, pool),
            requested_by="uid 1000 (anna)" if is_manual else "",
            params=params,
            settled_until=None if settled is None else self.at(settled),
        )

    async def claim(
        self, job: str, minute: float | None, *, now: float | None = None, **wish: Any
    ) -> ClaimAnswer:
        """Ask for one run, at the minute of its tick unless told otherwise."""
        instant = self.at(now if now is not None else minute or 0)
        (answer,) = await self.store.claim([self.request(job, minute, **wish)], NODE, instant)
        return answer

    def skip_of(
        self, job: str, first: float, last: float | None = None, count: int = 1, **more: Any
    ) -> Skip:
        """Return a skip of ``count`` ticks."""
        ticks = TickRange(job, self.at(first), self.at(first if last is None else last), count)
        more.setdefault("reason", SkipReason.MISFIRE)
        more.setdefault("schedule", self.minutes)
        return Skip(ticks, **more)

    async def void(self, minute: float, *jobs: str) -> int:
        """Set the clock back to a minute; return how many skipped ticks are open again."""
        schedules = dict.fromkeys(jobs or self.roll, self.minutes)
        return await self.store.void_skips_after(self.at(minute), schedules)

    async def counts(self, job: str) -> list[tuple[float, float, int]]:
        """Return a job's ledger rows, oldest first: first and last minute, count."""
        rows = [row.ticks for row in await self.store.ticks(job, limit=1000)]
        minute = timedelta(minutes=1)
        return sorted(
            ((r.first - START) / minute, (r.last - START) / minute, r.count) for r in rows
        )

    async def skip(self, *skips: Skip, minute: float = 0) -> list[int]:
        """Settle skips; return how many ticks of each were new."""
        done = await self.store.skip(skips, NODE, self.at(minute))
        return [skip.ticks.count for skip in done]

    def end(
        self,
        run: ClaimAnswer,
        minute: float,
        *,
        outcome: Outcome = Outcome.SUCCESS,
        rest: float | None = None,
        smoothed: float | None = 30.0,
        expected: int | None = 2 << 20,
        smoothed_whole: float | None = 90.0,
        **facts: Any,
    ) -> Finish:
        """Return the report of a granted run's end, half a minute after its start."""
        assert isinstance(run, ClaimGranted), run
        facts.setdefault("started_at", run.claimed_at)
        record = RunRecord(
            run.request.run_id,
            run.request.job,
            NODE,
            run.token,
            run.request.trigger,
            run.request.fire_time,
            run.claimed_at,
            requested_by=run.request.requested_by,
            ended_at=self.at(minute),
            outcome=outcome,
            exit_code=0 if outcome is Outcome.SUCCESS else 1,
            duration_s=facts.pop("duration_s", 30.0),
            cpu_s=0.25,
            memory_peak_bytes=facts.pop("memory_peak_bytes", 1 << 20),
            output_bytes=12,
            params=run.request.params,
            **facts,
        )
        rest_until = None if rest is None else self.at(rest)
        return Finish(record, rest_until, smoothed, expected, smoothed_whole)

    async def finish(self, run: ClaimAnswer, minute: float, **facts: Any) -> bool:
        """Report the end of one run."""
        (accepted,) = await self.store.finish([self.end(run, minute, **facts)])
        return accepted

    async def pass_through(self, job: str, minute: float, **wish: Any) -> ClaimGranted:
        """Run a tick from claim to end within its minute; the watermark follows."""
        wish.setdefault("settled", minute)
        run = await self.claim(job, minute, **wish)
        assert isinstance(run, ClaimGranted), run
        assert await self.finish(run, minute + 0.5)
        return run

    @staticmethod
    def active_run(run: ClaimAnswer, **facts: Any) -> ActiveRun:
        """Return a granted run as the core holds it."""
        assert isinstance(run, ClaimGranted), run
        wish = run.request
        identity = (wish.run_id, wish.job, NODE, run.token, wish.fire_time, wish.trigger)
        return ActiveRun(
            *identity, run.claimed_at, requested_by=wish.requested_by, params=wish.params, **facts
        )


@pytest.fixture
def anyio_backend() -> str:
    """The store's threads report to an asyncio loop."""
    return "asyncio"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Return where a SQLite store of this test keeps its file."""
    return tmp_path / "state" / "jobd.db"


@pytest.fixture(scope="session")
def template(postgres: PrivatePostgres) -> str:
    """Return a database with jobd's tables and a clock that tests set."""

    async def make(url: str) -> None:
        store = PgStore(url, node=NODE, lease_ttl=timedelta(seconds=30), call_timeout_s=20.0)
        await store.open()
        await store.close()

    # What the tests write need not outlive a crash, and is written ten times as fast.
    postgres.sql("ALTER SYSTEM SET synchronous_commit = off", "SELECT pg_reload_conf()")
    url = postgres.create_database("template_of_tests")
    with ThreadPoolExecutor(1) as thread:  # in this one a loop may be running
        thread.submit(lambda: asyncio.run(make(url))).result()
    postgres.sql(TEST_CLOCK, database="template_of_tests")
    return "template_of_tests"


@pytest.fixture(scope="session")
def free_databases() -> list[str]:
    """Return the names of databases that a test has given back empty."""
    return []


@pytest.fixture
def pg_url(
    postgres: PrivatePostgres, template: str, numbers: Iterator[int], free_databases: list[str]
) -> Iterator[str]:
    """Return the URL of a database of this test's own."""
    if free_databases:
        name = free_databases.pop()
    else:
        name = f"test_{next(numbers)}"
        postgres.create_database(name, template)
    yield postgres.url(name)
    postgres.sql(EMPTY, database=name)
    free_databases.append(name)


SINGLE = ("memory", "sqlite", "sqlite, restarted before every call")


@pytest.fixture(params=[*SINGLE, "postgres"])
async def store(request: pytest.FixtureRequest, database: Path) -> AsyncIterator[Any]:
    """Every store that the conformance suite holds to the contract."""
    makers: dict[str, Callable[[], Any]] = {
        "memory": MemoryStore,
        "sqlite": lambda: SqliteStore(database, node=NODE),
        "sqlite, restarted before every call": lambda: Restarting(database),
        "postgres": lambda: Timed(request.getfixturevalue("pg_url")),
    }
    store = makers[request.param]()
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def scene(store: Any) -> Scene:
    """Return an empty scene on each store in turn."""
    return Scene(store)


@pytest.fixture
async def sqlite_scene(database: Path) -> AsyncIterator[Scene]:
    """Return an empty scene on a SQLite store."""
    store = SqliteStore(database, node=NODE)
    await store.open()
    yield Scene(store)
    await store.close()


@pytest.fixture
def make_scene() -> type[Scene]:
    """For tests that bring their own store."""
    return Scene


@pytest.fixture(params=["memory", "postgres"])
async def cluster(request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    """Every store that nodes can share, with a clock that tests set."""
    cluster = make_cluster(request.param, request)
    yield cluster
    await cluster.close()


def make_cluster(kind: str, request: pytest.FixtureRequest) -> Cluster:
    """Return an empty shared store of a kind."""
    if kind == "postgres":
        url = request.getfixturevalue("pg_url")
        return Cluster(lambda node, cluster: Clocked(url, node, cluster), START)
    memory: list[Any] = []

    def view(node: str, cluster: Cluster) -> Any:
        if not memory:
            memory.append(MemoryStore(LEASE, lambda: cluster.now))
        return memory[0].at(node)

    return Cluster(view, START)
