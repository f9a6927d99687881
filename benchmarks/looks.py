"""Looks: for how long the event loop is held, whatever is asked of 10,000 jobs.

The jobs are those of ``idle``. Three times all is asked, one after the other, through the Unix
socket; what counts is the most CPU time that the loop spent in one go meanwhile, as in ``scrape``:
a tick that is due and a lease that is to be renewed wait for so long. Reference: the same daemon
for as long while nobody asks.

- *pages*: every page, those of a job and of a run that there are not among them.
- *questions*: everything under ``/api/v1`` that goes through all jobs, and misspelled names.
- *a reload*: the same file, read again.
"""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.daemon import LOOK_EVERY_S, READY_WITHIN_S, Daemon, daemon
from benchmarks.figures import Figure, middle
from benchmarks.idle import MANY, SETTLED_S, jobs_at_rest
from benchmarks.quiet import wait_quiet
from benchmarks.slices import longest_s

ROUNDS = 3
BOUND_MS, BOUND_RELOAD_MS = 20.0, 60.0
PAGE = {"Accept": "text/html"}
PAGES = """/ /?q=warehouse+77 /timeline /timeline?by=node /node /cluster /jobs/shop-00001
/jobs/shop-0000x /runs/ffff"""
QUESTIONS = """status jobs jobs?order=attention&limit=50 names pools nodes report?job=shop-00001
jobs/shop-00001 jobs/shop-0000x runs?job=shop-0000x runs/ffff"""


def figures() -> Iterator[Figure]:
    """Measure."""
    with TemporaryDirectory() as folder:
        notes = Path(folder) / "notes"
        with daemon(jobs_at_rest(MANY), command=("-m", "benchmarks.slices", str(notes))) as node:
            time.sleep(SETTLED_S)
            _ask(node, "pages")  # what is compiled once is compiled now
            for what in ("pages", "questions"):
                yield _figure(notes, what, lambda what=what: _ask(node, what), BOUND_MS)
            yield _figure(notes, "a reload", lambda: _reload(node), BOUND_RELOAD_MS)


def _figure(notes: Path, what: str, do: Callable[[], None], bound_ms: float) -> Figure:
    busy, quiet = [], []
    for _ in range(ROUNDS):
        wait_quiet()
        began_s = time.monotonic()
        do()
        busy.append(1000 * longest_s(notes, began_s))
        took_s, began_s = time.monotonic() - began_s, time.monotonic()
        time.sleep(took_s)  # the same time, for comparison
        quiet.append(1000 * longest_s(notes, began_s))
    told = f"looks: 10,000 jobs, the loop held by {what}"
    return Figure(told, middle(busy), "ms", middle(quiet), "nobody asks", bound_ms)


def _ask(node: Daemon, what: str) -> None:
    if what == "pages":
        asked = [(path, PAGE) for path in PAGES.split()]
    else:
        asked = [(f"/api/v1/{path}", dict[str, str]()) for path in QUESTIONS.split()]
    for path, headers in asked:
        status, body = node.get(path, headers)
        assert status in (200, 404), f"{path} answers {status}: {body[:200]!r}"


def _reload(node: Daemon) -> None:
    before, until_s = _reloaded_at(node), time.monotonic() + READY_WITHIN_S
    os.kill(node.pids[0], signal.SIGHUP)
    while _reloaded_at(node) == before:
        assert time.monotonic() < until_s, "the configuration was not read again"
        time.sleep(LOOK_EVERY_S)  # between two questions, until the instant given
    time.sleep(SETTLED_S)  # what it put in force is taken in


def _reloaded_at(node: Daemon) -> object:
    _, body = node.get("/api/v1/status")
    return json.loads(body)["config"]["last_reload_at"]
