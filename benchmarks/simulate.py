"""Simulate: how fast ``jobd simulate`` replays two days of a shop with 40 jobs.

Each job is wanted every ten minutes, with a jitter of five, and takes between one and four
minutes; they share 16 places, and a memory budget that holds back some of them. Both
replays count, the one with jitter and the one without: 23,040 ticks.

Events are what the scheduler is told: each tick is four of them, and those that wait or are
skipped are a few more or less. Time is that of the process (``time.process_time``). The
reference, pushes to and pops from a bare heap of as many entries, is that of ``core``.
"""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.core import bare_heap
from benchmarks.figures import Figure, middle
from benchmarks.quiet import wait_quiet
from jobd.config.load import load
from jobd.config.model import Config
from jobd.simulate.simulation import MOST_ATTEMPTS, Simulation, simulate

AT_LEAST = 10_000  # events a second
ROUNDS = 3
JOBS = 40
SPAN = timedelta(days=2)
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
TICKS = 2 * JOBS * (SPAN // timedelta(minutes=10))


def figures() -> list[Figure]:
    """Measure."""
    config = _shop()
    rates, references = [], []
    for _ in range(ROUNDS):
        wait_quiet()
        began_s = time.process_time()
        simulation = simulate(config, {}, BEGIN, SPAN, MOST_ATTEMPTS)
        rates.append(simulation.events / (time.process_time() - began_s))
        references.append(simulation.events / bare_heap(simulation.events))
        _verify(simulation)
    what = f"simulate: {SPAN.days} days of {JOBS} jobs, with jitter and without"
    against = "a bare heap's push and pop"
    reference = middle(references)
    return [
        Figure(what, middle(rates), "events/s", reference, against, AT_LEAST, is_floor=True),
    ]


def _verify(simulation: Simulation) -> None:
    """A replay that has lost ticks is fast, and worth nothing."""
    settled = sum(replay.starts + replay.skipped for replay in simulation.replays)
    waiting = sum(sum(replay.open_ticks.values()) for replay in simulation.replays)
    late = JOBS  # of the last ticks before the end some are due after it
    assert TICKS - late <= settled + waiting <= TICKS, f"{settled + waiting} of {TICKS} ticks"


def _shop() -> Config:
    jobs = "".join(
        f'[jobs.shop-{number:02}]\nschedule = "*/10 * * * *"\n'
        f'expected_duration = "{1 + number % 4}m"\n'
        for number in range(JOBS)
    )
    head = (
        '[limits]\nmax_running = 16\nmemory_budget = "4G"\n'
        '[defaults]\ncommand = "x"\njitter = "5m"\nmemory_max = "300M"\ntimeout = "9m"\n'
    )
    with TemporaryDirectory() as folder:
        path = Path(folder, "jobd.toml")
        path.write_text(head + jobs, encoding="utf-8")
        return load(path)
