"""What PostgreSQL, the network and poolers do to a store, and what it makes of that."""

import asyncio
import contextlib
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from deploy.cluster.postgres import PrivatePostgres, free_port
from jobd.clock import SystemClock
from jobd.core.claim import ClaimGranted, ClaimRequest, Demand, Trigger
from jobd.core.cluster import Holding
from jobd.core.job import Overlap
from jobd.core.outcome import Outcome
from jobd.core.run import Finish, RunRecord
from jobd.errors import StateError, StoreUnavailable
from jobd.ports import Enrolment, RunFilter
from jobd.ports.shared_store import Batch
from jobd.store.postgres import PgStore
from jobd.store.postgres_probe import PgFacts, probe
from tests.store.shared import until, word_of

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
HELD_UP = "SELECT count(*) FROM pg_locks WHERE NOT granted AND $1 = ANY (pg_blocking_pids(pid))"


def store_of(url: str, *, node: str = "a", timeout_s: float = 10.0, **more: Any) -> PgStore:
    return PgStore(
        url,
        node=node,
        lease_ttl=timedelta(seconds=60),
        call_timeout_s=timeout_s,
        random=Random(1),
        **more,
    )


def wish(job: str, minute: int = 0, run_id: str | None = None) -> ClaimRequest:
    at = START + timedelta(minutes=minute)
    return ClaimRequest(
        run_id or f"{job}-{minute}", job, at, Trigger.SCHEDULE, Demand(Overlap.SKIP)
    )


@pytest.fixture
async def store(pg_url: str) -> AsyncIterator[PgStore]:
    store = store_of(pg_url)
    await store.open()
    await store.enrol([Enrolment("backup", "A"), Enrolment("poll", "A")], START)
    yield store
    await store.close()


class Proxy:
    """A TCP proxy to a server. ``cut`` makes it swallow what the server says from then on, and
    close the connection: the request arrives, the answer does not."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.port = 0
        self.cut = self.is_mute = False
        self._tasks: list[asyncio.Task[Any]] = []

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, near: Any, back: Any) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.append(task)
        far, forth = await asyncio.open_connection("127.0.0.1", self.target)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await asyncio.gather(self._pass(near, forth, False), self._pass(far, back, True))
        for writer in (back, forth):
            writer.close()

    async def _pass(self, source: Any, sink: Any, is_answer: bool) -> None:
        while data := await source.read(1 << 16):
            if is_answer and self.cut:
                break
            if is_answer and self.is_mute:
                continue
            sink.write(data)
            await sink.drain()
        sink.close()


def through(url: str, proxy: Proxy) -> str:
    parts = urlsplit(url)
    return url.replace(f":{parts.port}/", f":{proxy.port}/")


@pytest.fixture
async def proxy(pg_url: str) -> AsyncIterator[Proxy]:
    async with Proxy(urlsplit(pg_url).port) as proxy:
        yield proxy


async def test_a_claim_whose_answer_was_cut_off_is_granted_again(pg_url: str, proxy: Proxy) -> None:
    """It was committed; under its run id the node gets the run that it already has."""
    store = store_of(through(pg_url, proxy))
    await store.open()
    await store.enrol([Enrolment("backup", "A")], START)
    proxy.cut = True
    with pytest.raises(StoreUnavailable):
        await store.claim([wish("backup", run_id="r1")], "a", START)
    proxy.cut = False
    (answer,) = await store.claim([wish("backup", run_id="r1")], "a", START)
    assert isinstance(answer, ClaimGranted)
    assert answer.token == 1
    assert len(await store.runs(RunFilter())) == 1
    await store.close()


async def test_a_server_that_does_not_answer_is_given_up_in_time(pg_url: str, proxy: Proxy) -> None:
    store = store_of(through(pg_url, proxy), timeout_s=3)
    await store.open()
    proxy.is_mute = True
    began = time.monotonic()
    words = r"127.0.0.1:\d+/.*no (answer within 3|connection within 2.7) s"
    with pytest.raises(StoreUnavailable, match=words) as given_up:
        await store.ping()
    assert time.monotonic() - began < 30
    assert store.trouble == str(given_up.value)
    proxy.is_mute = False
    await until_well(store)
    assert store.trouble == ""
    await store.close()


async def test_a_lock_that_somebody_holds_does_not_hold_up_renewals(
    store: PgStore, pg_url: str
) -> None:
    (run,) = await store.claim([wish("backup", run_id="r1")], "a", START)
    other = await asyncpg.connect(pg_url)
    await other.execute("BEGIN; SELECT 1 FROM jobd.job FOR UPDATE")
    claim = asyncio.create_task(store.claim([wish("backup", 1)], "a", START))
    await until(other, HELD_UP, other.get_server_pid(), 1)
    assert await store.renew([Holding("r1", run.token)]) == (True,)
    await store.beat(word_of("a"), None)
    await other.execute("ROLLBACK")
    (answer,) = await claim
    assert answer.settled
    await other.close()


async def test_a_caller_who_gives_up_leaves_all_or_nothing(store: PgStore) -> None:
    for patience in (0, 0.001, 0.003, 0.01, 0.03):
        minute = round(patience * 1000)
        claim = asyncio.create_task(store.claim([wish("backup", minute)], "a", START))
        await asyncio.sleep(patience)  # how far the claim gets by then differs, and is to
        claim.cancel()
        await asyncio.gather(claim, return_exceptions=True)
        (answer,) = await store.claim([wish("backup", minute)], "a", START)
        assert isinstance(answer, ClaimGranted)
        run = await store.run(answer.request.run_id)
        assert (await store.ticks("backup"))[0].run_id == run.run_id
        await end(store, answer)


async def end(store: PgStore, run: ClaimGranted) -> None:
    wish = run.request
    identity = (wish.run_id, wish.job, "a", run.token, wish.trigger, wish.fire_time)
    record = RunRecord(*identity, run.claimed_at, ended_at=START, outcome=Outcome.SUCCESS)
    assert await store.finish([Finish(record, None, None)]) == (True,)


async def test_a_server_that_restarts_is_found_again(
    template: str, postgres: PrivatePostgres
) -> None:
    with PrivatePostgres(fsync=False) as server:
        store = store_of(server.url())
        await store.open()
        server.stop()
        with pytest.raises(StoreUnavailable):
            await store.ping()
        with pytest.raises(StoreUnavailable, match=r"127.0.0.1:\d+.*trying again within"):
            await store.ping()
        with pytest.raises(StoreUnavailable, match="trying again"):  # at once: it rests
            await store.ping()
        server.start()
        await until_well(store)
        await store.close()


async def until_well(store: PgStore, seconds: float = 20) -> None:
    for _ in range(int(seconds * 10)):
        with contextlib.suppress(StoreUnavailable):
            await store.ping()
            return
        await asyncio.sleep(0.1)  # the pause of the poll, which ``seconds`` bounds
    pytest.fail(f"not well: {store.trouble}")


async def test_a_store_that_is_away_at_the_start_is_used_once_it_is_there() -> None:
    with PrivatePostgres(fsync=False) as server:
        server.stop()
        store = store_of(server.url())
        with pytest.raises(StoreUnavailable, match="trying again"):
            await store.open()
        server.start()
        await until_well(store)
        assert await store.enrol([Enrolment("backup", "A")], START)
        await store.close()


async def test_a_message_has_no_password_in_it() -> None:
    store = store_of(f"postgresql://jobd:secret-word@127.0.0.1:{free_port()}/jobd")
    with pytest.raises(StoreUnavailable, match=r"PostgreSQL at 127.0.0.1:\d+/jobd") as caught:
        await store.open()
    assert "secret-word" not in str(caught.value)
    await store.close()


async def test_a_first_host_that_is_dead_is_passed_by(pg_url: str) -> None:
    parts = urlsplit(pg_url)
    hosts = f"127.0.0.1:{free_port()},127.0.0.1:{parts.port}"
    store = store_of(pg_url.replace(f"127.0.0.1:{parts.port}", hosts))
    await store.open()
    await store.ping()
    await store.close()


async def test_a_first_host_that_never_answers_is_passed_by(pg_url: str) -> None:
    """A packet filter that drops: no refusal comes, and half of the time is spent."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)  # accepts, and says nothing
        parts = urlsplit(pg_url)
        hosts = f"127.0.0.1:{silent.getsockname()[1]},127.0.0.1:{parts.port}"
        store = store_of(pg_url.replace(f"127.0.0.1:{parts.port}", hosts), timeout_s=8)
        await store.open()
        await store.ping()
        await store.close()


async def until_copied(primary: PrivatePostgres, standby: PrivatePostgres) -> None:
    """Wait until a standby shows all that its primary has written by now."""
    end = primary.sql("SELECT pg_current_wal_flush_lsn()")
    for _ in range(200):
        if standby.sql(f"SELECT pg_last_wal_replay_lsn() >= '{end}'") == "t":
            return
        await asyncio.sleep(0.1)  # the pause of the poll, which ends after twenty seconds
    pytest.fail(f"the standby does not come to {end}: {standby.log_tail()}")


async def test_a_standby_is_passed_by_and_used_once_it_is_promoted() -> None:
    with PrivatePostgres(fsync=False) as primary:
        standby = primary.standby()
        try:
            hosts = f"127.0.0.1:{standby.port},127.0.0.1:{primary.port}"
            url = primary.url().replace(f"127.0.0.1:{primary.port}", hosts)
            store = store_of(url)
            await store.open()
            await store.enrol([Enrolment("backup", "A")], START)
            await until_copied(primary, standby)
            primary.stop()
            standby.promote()
            await until_well(store)
            (answer,) = await store.claim([wish("backup")], "a", START)
            assert isinstance(answer, ClaimGranted)
            await store.close()
        finally:
            standby.remove()


async def test_a_server_that_became_read_only_is_left(store: PgStore) -> None:
    """As after a switch-over that keeps connections: the next call looks for the primary."""
    await store.ping()
    pid = store._writes._wire.get_server_pid()
    await store._writes._wire.execute("SET default_transaction_read_only = on")
    with pytest.raises(StoreUnavailable, match="read-only"):
        await store.claim([wish("backup")], "a", START)
    (answer,) = await store.claim([wish("backup")], "a", START)
    assert isinstance(answer, ClaimGranted)
    assert store._writes._wire.get_server_pid() != pid


async def test_at_most_three_connections_are_open(pg_url: str) -> None:
    store = store_of(pg_url, node="three")
    await store.open()
    await store.enrol([Enrolment("backup", "A")], START)
    (run,) = await store.claim([wish("backup", run_id="r1")], "a", START)
    calls = [store.runs(RunFilter()) for _ in range(10)]
    calls += [store.renew([Holding("r1", run.token)]) for _ in range(10)]
    await asyncio.gather(*calls, store.beat(word_of("a"), None), store.ping())
    watcher = await asyncpg.connect(pg_url)
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    assert await watcher.fetchval(f"{query} AND application_name = 'jobd three'") == 3
    await watcher.close()
    await store.close()


async def test_of_two_nodes_that_want_the_same_ticks_each_gets_its_own(pg_url: str) -> None:
    """Both ask for all, in other orders, at once: no tick twice, none left, no deadlock."""
    nodes = [store_of(pg_url, node=node) for node in ("a", "b", "c")]
    jobs = [f"job{number}" for number in range(40)]
    for node in nodes:
        await node.open()
        await node.enrol([Enrolment(job, "A") for job in jobs], START)
    granted: list[str] = []
    for minute in range(6):
        batches = []
        for index, node in enumerate(nodes):
            wishes = [wish(job, minute, f"{job}-{minute}-{index}") for job in jobs]
            Random(minute * 3 + index).shuffle(wishes)
            batches.append(node.settle(Batch(claims=tuple(wishes))))
        runs = [
            (node, answer)
            for node, done in zip(nodes, await asyncio.gather(*batches), strict=True)
            for answer in done.answers
            if isinstance(answer, ClaimGranted)
        ]
        assert sorted(run.request.job for _, run in runs) == sorted(jobs)
        granted += [run.request.run_id for _, run in runs]
        for node, run in runs:
            await end(node, run)
    records = await nodes[0].runs(RunFilter(limit=1000))
    assert sorted(record.run_id for record in records) == sorted(granted)
    for job in jobs[:5]:
        assert [row.ticks.count for row in await nodes[0].ticks(job)] == [1] * 6
        assert {run.token for run in records if run.job == job} == set(range(1, 7))
    for node in nodes:
        await node.close()


async def test_claims_come_between_the_batches_of_retention(pg_url: str) -> None:
    store = store_of(pg_url)
    await store.open()
    jobs = [f"job{number}" for number in range(1000)]
    await store.enrol([Enrolment(job, "A") for job in jobs], START)
    for answer in (await store.settle(Batch(claims=tuple(wish(job) for job in jobs)))).answers:
        assert isinstance(answer, ClaimGranted)
    watcher = await asyncpg.connect(pg_url)
    await watcher.execute(
        "UPDATE jobd.run SET ended_at = claimed_at, changed_at = 0, outcome = 'success';"
        "UPDATE jobd.job SET settled_until = 9e15"
    )
    order = list[str]()

    async def prune() -> None:
        gone = await store.prune(START, 10)
        order.append(f"pruned {len(gone)}")

    async def claim() -> None:
        for minute in range(1, 100):
            if order[-1:] and order[-1].startswith("pruned"):
                return
            await store.claim([wish("job0", minute)], "a", START)
            order.append("claimed")

    await asyncio.gather(prune(), claim())
    assert "pruned 1000" in order
    assert order.index("pruned 1000") >= 2
    await watcher.close()
    await store.close()


async def test_a_busy_job_is_left_by_retention_for_the_next_time(
    store: PgStore, pg_url: str
) -> None:
    for job in ("backup", "poll"):
        (run,) = await store.claim([wish(job)], "a", START)
        await end(store, run)
    other = await asyncpg.connect(pg_url)
    await other.execute("UPDATE jobd.job SET settled_until = 9e15")
    await other.execute("BEGIN; SELECT 1 FROM jobd.job WHERE name = 'poll' FOR UPDATE")
    later = datetime(2036, 1, 1, tzinfo=UTC)
    assert list(await store.prune(later, 0)) == ["backup-0"]
    await other.execute("ROLLBACK")
    assert list(await store.prune(later, 0)) == ["poll-0"]
    await other.close()


@pytest.fixture
def pgbouncer(
    postgres: PrivatePostgres,
    pg_url: str,
    monkeypatch: pytest.MonkeyPatch,
    needs_tool: Callable[[str, str], str],
) -> Iterator[str]:
    """Return the URL of a PgBouncer in transaction mode, with two connections to the server."""
    monkeypatch.setenv("PATH", "/usr/sbin", prepend=os.pathsep)
    program, parts = needs_tool("pgbouncer", "pgbouncer"), urlsplit(pg_url)
    process, port = start_pgbouncer(program, postgres)
    yield pg_url.replace(f":{parts.port}/", f":{port}/")
    process.kill()
    process.wait(10)


def start_pgbouncer(program: str, postgres: PrivatePostgres) -> tuple[subprocess.Popen[bytes], int]:
    """Return one that listens, and where: at another port when somebody was faster at that."""
    for _ in range(5):
        port = free_port()
        folder = configure_pgbouncer(postgres, port)
        process = subprocess.Popen([program, "-q", str(folder / "ini")], **postgres.as_user())
        if listens(process, folder / "log"):
            return process, port
        process.kill()
        process.wait(10)
    log = folder / "log"
    pytest.fail(f"it does not listen: {log.read_text() if log.exists() else 'no word of why'}")


def configure_pgbouncer(postgres: PrivatePostgres, port: int) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="bouncer-", dir=postgres.folder))
    (folder / "users").write_text(f'"postgres" "{postgres.password}"\n')
    (folder / "ini").write_text(
        f"[databases]\n* = host=127.0.0.1 port={postgres.port}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = scram-sha-256\nauth_file = {folder}/users\npool_mode = transaction\n"
        f"default_pool_size = 2\nserver_reset_query_always = 1\nlogfile = {folder}/log\n"
    )
    for path in (folder, *folder.iterdir()):
        postgres.own(path)
    return folder


def listens(process: subprocess.Popen[bytes], log: Path) -> bool:
    """Wait until a PgBouncer says that it listens; at its port somebody else may do so."""
    for _ in range(600):
        if log.exists() and "LOG listening on" in log.read_text():
            return True
        if process.poll() is not None:
            return False
        time.sleep(0.05)  # the pause of the poll, which ends after thirty seconds
    return False


async def test_the_doctor_sees_a_pooler(pgbouncer: str) -> None:
    found = await probe(pgbouncer, "app1", SystemClock(), 20.0)
    assert isinstance(found, PgFacts)
    assert found.is_pooled


async def test_pgbouncer_may_hand_connections_on_after_each_transaction(pgbouncer: str) -> None:
    """Twelve connections of four nodes share two of the server's, at every operation."""
    nodes = [store_of(pgbouncer, node=f"n{number}", timeout_s=20) for number in range(4)]
    jobs = [f"job{number}" for number in range(8)]
    for node in nodes:
        await node.open()
        await node.enrol([Enrolment(job, "A") for job in jobs], START)

    async def live(node: PgStore, name: str) -> int:
        runs = 0
        for minute in range(10):
            wishes = tuple(wish(job, minute, f"{job}-{minute}-{name}") for job in jobs)
            done, _, _ = await asyncio.gather(
                node.settle(Batch(claims=wishes)),
                node.beat(word_of(name), START),
                node.runs(RunFilter()),
            )
            mine = [one for one in done.answers if isinstance(one, ClaimGranted)]
            held = [Holding(run.request.run_id, run.token) for run in mine]
            assert all(await node.renew(held))
            for run in mine:
                await end(node, run)
            runs += len(mine)
        return runs

    counts = await asyncio.gather(*(live(node, f"n{n}") for n, node in enumerate(nodes)))
    assert len(await nodes[0].runs(RunFilter(limit=1000))) == sum(counts)
    await nodes[0].void_skips_after(START, {})
    for node in nodes:
        await node.close()


async def test_a_role_without_rights_is_told_what_to_do(
    postgres: PrivatePostgres, pg_url: str
) -> None:
    postgres.sql("DROP ROLE IF EXISTS nobody", "CREATE ROLE nobody LOGIN PASSWORD 'x'")
    name = urlsplit(pg_url).path[1:]
    store = store_of(postgres.url(name, user="nobody", password="x"))
    with pytest.raises(StateError, match=r"permission denied.*roles\.sql"):
        await store.open()
    await store.close()
