"""Pages: how long a page about 10,000 jobs takes, and for how long others wait meanwhile.

- *overview*: from the request to the last byte, over the Unix socket, of the first page; then of a
  page that nobody can have prepared: one with a text to be found. Reference: all jobs as JSON from
  the same daemon, which writes every one of them out.
- *others*: ``/healthz``, asked again and again while overviews are rendered one after another; then
  while ``jobd ctl top`` asks, and while all jobs are told as JSON: in what time 99 of 100 answers
  come. So long the daemon does nothing else in one go, and a claim or a renewal waits. Reference:
  the same while nobody looks.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread

from benchmarks.daemon import Daemon, daemon
from benchmarks.figures import Figure, middle
from benchmarks.idle import MANY, jobs_at_rest
from benchmarks.quiet import wait_quiet

ROUNDS = 7
ASKED = 500
PAGE = {"Accept": "text/html"}
BOUND_MS = 300
BOUND_OTHERS_MS = 60
LOOKS = {
    "overviews are rendered": ("/",),
    "top looks": ("/api/v1/jobs?order=attention&limit=50", "/api/v1/status"),
    "all jobs are told as JSON": ("/api/v1/jobs",),
}


def figures() -> Iterator[Figure]:
    """Measure."""
    with daemon(jobs_at_rest(MANY)) as node:
        for path in ("/", "/?q=mends"):  # what is compiled once is compiled now
            _wall_ms(node, path)
        wait_quiet()
        json = middle([_wall_ms(node, "/api/v1/jobs") for _ in range(ROUNDS)])
        for what, path in (("", "/"), (", found by a text", "/?q=warehouse+77")):
            taken = middle([_wall_ms(node, path) for _ in range(ROUNDS)])
            against = "all jobs as JSON"
            yield Figure(f"pages: {MANY:,} jobs{what}", taken, "ms", json, against, BOUND_MS)
        for what, paths in LOOKS.items():
            yield _others(node, what, paths)


def _others(node: Daemon, what: str, paths: Sequence[str]) -> Figure:
    alone, beside = [], []
    for _ in range(3):
        wait_quiet()
        alone.append(_nearly_all_ms(node))
        with _looking(node, paths):
            beside.append(_nearly_all_ms(node))
    told = f"pages: 99 of 100 other answers, while {what}"
    quiet, busy = middle(alone), middle(beside)
    return Figure(told, busy, "ms", quiet, "nobody looks", BOUND_OTHERS_MS)


def _nearly_all_ms(node: Daemon) -> float:
    """Return within what time 99 of 100 answers came."""
    taken = sorted(_wall_ms(node, "/healthz") for _ in range(ASKED))
    return taken[ASKED * 99 // 100]


@contextmanager
def _looking(node: Daemon, paths: Sequence[str]) -> Iterator[None]:
    """Ask for one path after the other without a pause, while the context lasts."""
    has_ended = Event()

    def look() -> None:
        while not has_ended.is_set():
            for path in paths:
                _wall_ms(node, path)

    thread = Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        has_ended.set()
        thread.join()


def _wall_ms(node: Daemon, path: str) -> float:
    began_s = time.perf_counter()
    status, _ = node.get(path, PAGE)
    assert status == 200, f"{path}: {status}"
    return 1000 * (time.perf_counter() - began_s)
