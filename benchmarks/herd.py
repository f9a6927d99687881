"""Herd: 1,000 jobs due at one instant, against a bare loop that starts the same programs.

Every job is a tiny static program that writes down when it started; its own word is the
evidence, not jobd's records. A real ``jobd run`` with its supervisor has all 1,000 jobs due
at one second (a cron expression with seconds, so far ahead that it is ready by then) and
room for all of them. Measured is the time from that second to the last start: waking up,
deciding, claiming in SQLite, handing over, executing.

The reference is a bare loop in this process: 1,000 times ``os.posix_spawn`` and a wait for
the end. A loop that first starts all and then waits is printed beside it; no bound holds
for that one, because it leaves the ends out of the time between two starts. Daemon and
loops take turns, so that all see the same weather. Measure on an idle machine: where other
work keeps all cores busy, each program waits for its turn on one, and those of the daemon
longer, because each is a session of its own (sched(7), autogroups).
"""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.daemon import daemon
from benchmarks.figures import Figure, middle
from benchmarks.program import build
from benchmarks.quiet import wait_quiet

JOBS = 1_000
ROUNDS = 7
AHEAD = timedelta(seconds=8)  # for the daemon to be ready
DONE_WITHIN_S = 60.0


def figures() -> list[Figure]:
    """Measure."""
    with TemporaryDirectory(prefix="jobd-herd-") as folder:
        program = build(Path(folder))
        print(f"        program: {program.what}")
        starts = Path(folder) / "starts"
        argv = [*program.argv, str(starts)]
        return [
            _figure("limits off", "", 1.5, argv, starts),
            _figure("memory_max on each", 'memory_max = "64M"', 2.5, argv, starts),
        ]


def _figure(how: str, limits: str, bound: float, argv: list[str], starts: Path) -> Figure:
    herds, loops, spans, bursts = [], [], [], []
    for _ in range(ROUNDS):
        wait_quiet()
        loops.append(_loop(argv, starts))
        due_to_last_s, first_to_last_s = _herd(limits, argv, starts)
        herds.append(due_to_last_s)
        spans.append(first_to_last_s)
        bursts.append(_burst(argv, starts))
    print(f"        first to last start: {median(spans):.3f} s")
    print(f"        a loop that starts all, then waits: {median(bursts):.3f} s")
    return Figure(
        f"herd of {JOBS:,}, {how}: due to last start",
        middle(herds),
        "s",
        middle(loops),
        "a loop of posix_spawn and wait",
        bound,
        is_ratio=True,
    )


def _loop(argv: list[str], starts: Path) -> float:
    """Return the seconds that it takes to start as many programs and wait for each."""
    starts.write_bytes(b"")
    began_s = time.perf_counter()
    for _ in range(JOBS):
        os.waitpid(os.posix_spawn(argv[0], argv, {}), 0)
    taken_s = time.perf_counter() - began_s
    assert len(_started_s(starts)) == JOBS
    return taken_s


def _burst(argv: list[str], starts: Path) -> float:
    """Return the seconds until all are started and have ended, waiting only then."""
    starts.write_bytes(b"")
    began_s = time.perf_counter()
    for pid in [os.posix_spawn(argv[0], argv, {}) for _ in range(JOBS)]:
        os.waitpid(pid, 0)
    return time.perf_counter() - began_s


def _herd(limits: str, argv: list[str], starts: Path) -> tuple[float, float]:
    """Return the seconds from the due instant, and from the first start, to the last start."""
    starts.write_bytes(b"")
    due = datetime.now(UTC).replace(microsecond=0) + AHEAD
    schedule = f"{due:%S %M %H %d %m} *"
    job = f'command = {argv}\nschedule = "{schedule}"\ncatchup = "none"\n{limits}\n'
    jobs = "".join(f"[jobs.herd-{number}]\n{job}" for number in range(JOBS))
    with daemon(jobs, max_running=JOBS) as node:
        assert datetime.now(UTC) < due, f"ready only after {node.ready_s:.1f} s: too late"
        time.sleep((due - datetime.now(UTC)).total_seconds())  # only the clock brings the tick
        until_s = time.perf_counter() + DONE_WITHIN_S
        while len(started_s := _started_s(starts)) < JOBS and time.perf_counter() < until_s:
            time.sleep(0.25)  # seldom, for looking costs what is measured; DONE_WITHIN_S bounds it
    assert len(started_s) == JOBS, f"{len(started_s)} of {JOBS} jobs started"
    first_s, last_s = min(started_s), max(started_s)
    assert first_s >= due.timestamp(), "a job started before it was due"
    return last_s - due.timestamp(), last_s - first_s


def _started_s(starts: Path) -> list[float]:
    return [int(line) / 1e9 for line in starts.read_text().splitlines()]
