"""Idle: what 10,000 jobs, and 20, cost while nothing is due.

Each job has a description, an owner, a cron expression of its own, a timeout and a memory
ceiling; none is due while it is measured.

- *ready*: from the start of ``jobd run`` until ``/readyz`` says so, an empty state directory
  and the reading of the configuration included. Reference: a bare Python that parses the
  same file with tomllib.
- *CPU*: user and system time of daemon and supervisor together over half a minute.
  Reference: a bare asyncio process that does nothing once a second.
- *memory*: the proportional set size (PSS) of both, after all metrics have been asked for
  twice, plain and compressed. Reference: a bare Python.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

from benchmarks.daemon import Daemon, daemon
from benchmarks.figures import Figure, middle
from benchmarks.quiet import wait_quiet

MANY, FEW = 10_000, 20
ROUNDS = 3
WATCHED_S = 30.0  # so long that one tick of the kernel's clock is 0.03 % of a core
SETTLED_S = 3.0  # after the start, whose work is not to be measured
PARSE = "import sys, tomllib; tomllib.load(open(sys.argv[1], 'rb'))"
REST = "import asyncio, time\nasync def rest():\n    while True: await asyncio.sleep(1)\n"
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def figures() -> list[Figure]:
    """Measure."""
    jobs = jobs_at_rest(MANY)
    ready, parsing = [], []
    for _ in range(ROUNDS):
        wait_quiet()
        parsing.append(_parsing_s(jobs))
        with daemon(jobs) as node:
            ready.append(node.ready_s)
    return [
        Figure("idle: 10,000 jobs ready", middle(ready), "s", middle(parsing), "tomllib", 3.0),
        *_at_rest(jobs),
        _memory_of_few(),
    ]


def _at_rest(jobs: str) -> Iterator[Figure]:
    with daemon(jobs) as node, _bare(REST + "asyncio.run(rest())") as resting:
        time.sleep(SETTLED_S)
        share, bare_share = _busy_percent(node.pids, (resting,))
        scraped_s = _scrape(node)
        memory_mib, bare_mib = _pss_mib(*node.pids), _pss_mib(resting)
    print(f"        scrapes, plain and gzip, twice: {' '.join(f'{s:.2f} s' for s in scraped_s)}")
    what, against = "idle: 10,000 jobs at rest,", "a bare asyncio process"
    yield Figure(f"{what} CPU", share, "% of a core", max(bare_share, 0.01), against, 0.5)
    yield Figure(f"{what} memory", memory_mib, "MiB", bare_mib, against, 150)


def _memory_of_few() -> Figure:
    with daemon(jobs_at_rest(FEW)) as node, _bare("input()") as python:
        time.sleep(SETTLED_S)
        _scrape(node)
        measured, reference = _pss_mib(*node.pids), _pss_mib(python)
    return Figure("idle: 20 jobs, memory", measured, "MiB", reference, "a bare Python", 70)


def jobs_at_rest(count: int) -> str:
    """Return the jobs as TOML: daily ones, the next not before two hours from now."""
    hour = datetime.now(UTC).hour
    jobs = [
        f'[jobs.shop-{number:05}]\ndescription = "Mends the stock of warehouse {number}"\n'
        f'owner = "team-{number % 40}"\ncommand = ["/usr/bin/mend", "--warehouse", "{number}"]\n'
        f'schedule = "{number % 60} {(hour + 2 + number // 60 % 20) % 24} * * {_days(number)}"\n'
        for number in range(count)
    ]
    return '[defaults]\ntimeout = "1h"\nmemory_max = "1G"\n' + "".join(jobs)


def _days(number: int) -> str:
    return ("*", "1-5", "1-6", "0,6", "*/2", "1", "3", "5", "0")[number // 1200]


def _parsing_s(jobs: str) -> float:
    with NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(jobs)
        file.flush()
        began_s = time.perf_counter()
        subprocess.run([sys.executable, "-c", PARSE, file.name], check=True)
        return time.perf_counter() - began_s


@contextmanager
def _bare(code: str) -> Iterator[int]:
    """Run a bare Python while the context lasts; gives its pid."""
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    try:
        yield process.pid
    finally:
        process.kill()
        process.communicate()


def _busy_percent(*groups: tuple[int, ...]) -> list[float]:
    """Return for each group of processes which share of a core it used for a while."""
    before = [sum(map(_cpu_s, group)) for group in groups]
    time.sleep(WATCHED_S)
    after = [sum(map(_cpu_s, group)) for group in groups]
    return [100 * (end - begin) / WATCHED_S for begin, end in zip(before, after, strict=True)]


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def _pss_mib(*pids: int) -> float:
    rollups = (Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids)
    lines = (line for rollup in rollups for line in rollup.splitlines())
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _scrape(node: Daemon) -> list[float]:
    """Ask for all metrics, plain and compressed, twice; return how long each took."""
    taken = []
    for headers in [{}, {"Accept-Encoding": "gzip"}] * 2:
        began_s = time.perf_counter()
        status, page = node.get("/metrics", headers)
        taken.append(time.perf_counter() - began_s)
        assert status == 200, f"/metrics answers {status}: {page[:200]!r}"
    return taken
