"""Ctl: how long ``jobd ctl status`` takes a person, beyond what any Python program takes.

Wall time of the command against a daemon with 20 jobs, minus that of ``python -c pass``,
each started in turn. With 10,000 jobs, for which no bound holds, it is printed beside it.
"""

import subprocess
import sys
import time

from benchmarks.daemon import daemon
from benchmarks.figures import Figure, middle
from benchmarks.idle import FEW, MANY, jobs_at_rest
from benchmarks.quiet import wait_quiet

ROUNDS = 15
BOUND_MS = 150


def figures() -> list[Figure]:
    """Measure."""
    many, _ = _beyond(MANY)
    print(f"        with {MANY:,} jobs: {middle(many):.0f} ms beyond python -c pass")
    few, bare = _beyond(FEW)
    what = f"ctl status, {FEW} jobs: beyond python -c pass"
    return [Figure(what, middle(few), "ms", middle(bare), "python -c pass", BOUND_MS)]


def _beyond(jobs: int) -> tuple[list[float], list[float]]:
    """Return by round how long the command took beyond a bare Python, and that one itself."""
    with daemon(jobs_at_rest(jobs)) as node:
        status = ["-m", "jobd", "ctl", "--socket", str(node.socket), "status"]
        _wall_ms(status)  # the first compiles what was never imported
        beyond, bare = [], []
        wait_quiet()
        for _ in range(ROUNDS):
            bare.append(_wall_ms(["-c", "pass"]))
            beyond.append(_wall_ms(status) - bare[-1])
    return beyond, bare


def _wall_ms(words: list[str]) -> float:
    began_s = time.perf_counter()
    subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)
    return 1000 * (time.perf_counter() - began_s)
