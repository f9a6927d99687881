"""Scrape: what it costs to show the metrics of 10,000 jobs, and whether ticks wait for it.

The jobs are those of ``idle``; each has 60 series. Asked with gzip and for OpenMetrics, as
Prometheus does, through the Unix socket.

- *first*: everything is rendered. *At rest*: nothing has changed since the scrape before.
  Reference: prometheus-client renders as many counters, uncompressed; a tenth of them is
  measured, ten times.
- *held*: the most CPU time that the event loop spent in one go while scrapes went on, the
  first one included; a tick that is due waits for so long. Reference: the same daemon for
  as long while nobody asks.
"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from prometheus_client import CollectorRegistry, Counter, generate_latest

from benchmarks.daemon import Daemon, daemon
from benchmarks.figures import Figure, middle
from benchmarks.idle import MANY, SETTLED_S, jobs_at_rest
from benchmarks.quiet import wait_quiet
from benchmarks.slices import longest_s

ROUNDS = 3
SCRAPES = 5
SERIES = 60
HEADERS = {"Accept-Encoding": "gzip", "Accept": "application/openmetrics-text;version=1.0.0"}


def figures() -> list[Figure]:
    """Measure."""
    jobs = jobs_at_rest(MANY)
    rounds = [_round(jobs) for _ in range(ROUNDS)]
    first, rest, held, idle = (middle(list(figure)) for figure in zip(*rounds, strict=True))
    library_s = _library_s()
    what = "scrape: 10,000 jobs"
    return [
        Figure(f"{what}, the first", first, "s", library_s, "prometheus-client", 1.0),
        Figure(f"{what}, at rest", rest, "s", library_s, "prometheus-client", 1.0),
        Figure(f"{what}, the loop held", 1000 * held, "ms", 1000 * idle, "not scraped", 20.0),
    ]


def _round(jobs: str) -> tuple[float, float, float, float]:
    """Return seconds: the first scrape, a later one, the loop held by them, and at rest."""
    wait_quiet()
    with TemporaryDirectory() as folder:
        notes = Path(folder) / "notes"
        command = ("-m", "benchmarks.slices", str(notes))
        with daemon(jobs, command=command) as node:
            time.sleep(SETTLED_S)
            began_s = time.monotonic()
            first_s = _scrape_s(node)
            later_s = [_scrape_s(node) for _ in range(SCRAPES)]
            held_s = longest_s(notes, began_s)
            took_s = time.monotonic() - began_s
            began_s = time.monotonic()
            time.sleep(took_s)  # the same time, for comparison
            return first_s, max(later_s), held_s, longest_s(notes, began_s)


def _scrape_s(node: Daemon) -> float:
    began_s = time.perf_counter()
    status, page = node.get("/metrics", HEADERS)
    taken_s = time.perf_counter() - began_s
    assert status == 200, f"/metrics answers {status}: {page[:200]!r}"
    return taken_s


def _library_s() -> float:
    registry = CollectorRegistry()
    for number in range(SERIES):
        counter = Counter(f"of_jobs_{number}", "One of those.", ["job_name"], registry=registry)
        for job in range(MANY // 10):
            counter.labels(f"shop-{job:05}")
    began_s = time.perf_counter()
    for _ in range(10):
        assert generate_latest(registry)
    return time.perf_counter() - began_s
