"""Gauge: reads how much this node and the store are under pressure, for the core to judge.

The kernel tells since 4.20 (Documentation/accounting/psi.rst): in what share of the last ten
seconds some task waited for memory, for a disk, for a processor.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import anyio

from jobd.core.events import NodeMeasured
from jobd.core.pressure import Strain
from jobd.daemon.inbox import Inbox

READ_EVERY_S = 2.0  # as often as the kernel brings its averages up to date
# The store's latency is the least of so many answers: one that is slow says nothing yet.
ANSWERS = 3
PRESSURE = Path("/proc/pressure")
FILES = {Strain.MEMORY: "memory", Strain.IO: "io", Strain.CPU: "cpu"}


class Gauge:
    """Measures until cancelled. ``latency_s``: what the store's last answer took, None while
    there is none: a store that does not answer is no slow store."""

    def __init__(
        self, inbox: Inbox, latency_s: Callable[[], float | None], folder: Path = PRESSURE
    ) -> None:
        self._inbox = inbox
        self._latency_s = latency_s
        self._folder = folder
        self._answers_s: deque[float] = deque(maxlen=ANSWERS)

    async def run(self) -> None:
        """Measure every two seconds."""
        while True:
            self._inbox.put(NodeMeasured(self.measure()))
            await anyio.sleep(READ_EVERY_S)

    def measure(self) -> Mapping[Strain, float]:
        """Return what can be measured now: percent, and for the store seconds."""
        return dict(self._measured())

    def _measured(self) -> Iterator[tuple[Strain, float]]:
        for strain, name in FILES.items():
            share = some_avg10(self._folder / name)
            if share is not None:
                yield strain, share
        latency_s = self._latency_s()
        if latency_s is None:
            self._answers_s.clear()
            return
        self._answers_s.append(latency_s)
        if len(self._answers_s) == ANSWERS:
            yield Strain.STORE, min(self._answers_s)


def some_avg10(file: Path) -> float | None:
    """Return "some avg10" of a pressure file, in percent; None where the kernel has none."""
    try:
        text = file.read_text(encoding="ascii")
    except OSError:  # no such file, or PSI is compiled in and turned off
        return None
    for line in text.splitlines():
        kind, *figures = line.split()
        if kind == "some":
            return float(dict(figure.split("=") for figure in figures)["avg10"])
    return None
