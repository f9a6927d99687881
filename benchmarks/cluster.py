"""Cluster: what three nodes with 1,000 jobs a minute ask of PostgreSQL, and how late they start.

A private PostgreSQL (deploy/cluster) and three real daemons on this machine. Each of 1,000
jobs is due once a minute, at a second of its own, and is the tiny program of the herd.

- *statements a tick*: all that PostgreSQL executed in a minute, whatever for, by the ticks
  that were due in it. Counted by pg_stat_statements, BEGIN and COMMIT included; where that
  extension is missing, transactions are counted by pg_stat_database, and it is printed.
- *lateness*: from the second at which a job was due to the program's own start, the 99th
  percentile. Reference: the same jobs on one node with the embedded store.
- *statements a second* of a node at rest: the jobs are not due; reference: with 10 jobs.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.daemon import daemon
from benchmarks.figures import Figure
from benchmarks.idle import jobs_at_rest
from benchmarks.program import build
from benchmarks.quiet import wait_quiet
from deploy.cluster.postgres import PostgresError, PrivatePostgres

NODES = ("a", "b", "c")
MANY, FEW = 1_000, 10
SETTLED_S = 10.0  # after the start, whose work is not to be measured
WATCHED_S = 60.0
RESTING_S = 20.0
PRELOAD = {"shared_preload_libraries": "pg_stat_statements"}
STATEMENTS = (
    "SELECT sum(calls)::bigint FROM pg_stat_statements s "
    "JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = '{}'"
)
TRANSACTIONS = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = '{}'"

Count = Callable[[], int]


def figures() -> list[Figure]:
    """Measure."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="jobd-bench-")))
        server = stack.enter_context(_server())
        jobs = _jobs(folder)
        with daemon(jobs, max_running=MANY):
            alone_ms = _lateness_ms(folder, WATCHED_S / 2)
        wait_quiet()
        with _cluster(server, "busy", jobs) as count:
            before = count()
            lateness_ms = _lateness_ms(folder, WATCHED_S)
            statements = count() - before
        few, many = (_resting(server, number) for number in (FEW, MANY))
    ticks = round(MANY * WATCHED_S / 60)
    what = f"cluster: {len(NODES)} nodes, {MANY:,} jobs"
    return [
        Figure(f"{what} a minute, statements a tick", statements / ticks, "", 1.0,
               "one a tick", 1.5),
        Figure(f"{what} a minute, lateness p99", lateness_ms, "ms", alone_ms,
               "one node, embedded store", 100.0),
        Figure(f"{what} at rest, statements a second and node", many, "", few,
               f"{FEW} jobs", 2.0),
    ]  # fmt: skip


@contextmanager
def _server() -> Iterator[PrivatePostgres]:
    try:
        server = PrivatePostgres(settings=PRELOAD).__enter__()
    except PostgresError:
        print("        no pg_stat_statements: transactions are counted, not statements")
        server = PrivatePostgres().__enter__()
    try:
        yield server
    finally:
        server.remove()


@contextmanager
def _cluster(server: PrivatePostgres, database: str, jobs: str) -> Iterator[Count]:
    """Run three nodes; yield what counts the statements in their database."""
    url = server.create_database(database)
    with ExitStack() as stack:
        for name in NODES:
            more = f'node = "{name}"\n[store]\nurl = "{url}"\n'
            stack.enter_context(daemon(jobs, max_running=MANY, more=more))
        time.sleep(SETTLED_S)
        yield _counter(server, database)


def _counter(server: PrivatePostgres, database: str) -> Count:
    try:
        server.sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        server.sql(STATEMENTS.format(database))
        question = STATEMENTS
    except PostgresError:
        question = TRANSACTIONS
    return lambda: int(server.sql(question.format(database)) or 0)


def _jobs(folder: Path) -> str:
    """Return 1,000 jobs; those of one second write to one file, named like it."""
    program = build(folder)
    for second in range(60):
        (folder / f"{second}").touch()
    return "".join(
        f"[jobs.job-{number}]\ncommand = {[*program.argv, str(folder / str(number % 60))]}\n"
        f'schedule = "{number % 60} * * * * *"\ncatchup = "none"\n'
        for number in range(MANY)
    )


def _lateness_ms(folder: Path, seconds: float) -> float:
    """Return how late the programs of the coming seconds start: the 99th percentile."""
    for second in range(60):
        (folder / f"{second}").write_bytes(b"")
    time.sleep(seconds)  # the programs of so many seconds are measured
    late_s = sorted(
        (int(line) / 1e9 - second) % 60
        for second in range(60)
        for line in (folder / f"{second}").read_text().splitlines()
    )
    due = MANY * seconds / 60
    assert len(late_s) > 0.9 * due, f"{len(late_s)} of {due:.0f} programs started"
    print(f"        {len(late_s)} starts, median {1000 * late_s[len(late_s) // 2]:.1f} ms, "
          f"latest {1000 * late_s[-1]:.1f} ms")  # fmt: skip
    return 1000 * late_s[int(len(late_s) * 0.99)]


def _resting(server: PrivatePostgres, number: int) -> float:
    with _cluster(server, f"resting{number}", jobs_at_rest(number)) as count:
        before, began_s = count(), time.perf_counter()
        time.sleep(RESTING_S)  # the statements of so many seconds are counted
        return (count() - before) / (time.perf_counter() - began_s) / len(NODES)
