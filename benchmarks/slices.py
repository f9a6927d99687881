"""``python -m benchmarks.slices FILE WORDS...``: jobd with WORDS, and how long its loop is held.

Appends a line to FILE for each callback of the event loop that computed for longer than a
millisecond without giving others a turn: the steady time when it ended, in seconds, and how
much CPU time it took. CPU time, because what another process takes from this one meanwhile
says nothing about the callback.
"""

import sys
import time
from asyncio import Handle
from pathlib import Path

from jobd.cli.main import main

SHORTEST_S = 0.001


def watch(path: Path) -> None:
    """Let every callback be timed from now on."""
    run = Handle._run
    notes = path.open("a", buffering=1, encoding="utf-8")

    def timed(handle: Handle) -> None:
        began_s = time.thread_time()
        run(handle)
        taken_s = time.thread_time() - began_s
        if taken_s > SHORTEST_S:
            notes.write(f"{time.monotonic()} {taken_s}\n")

    Handle._run = timed


def longest_s(path: Path, since_s: float) -> float:
    """Return how long the longest callback took since a steady time; SHORTEST_S at least."""
    notes = (line.split() for line in path.read_text(encoding="utf-8").splitlines())
    return max((float(took) for at, took in notes if float(at) > since_s), default=SHORTEST_S)


if __name__ == "__main__":
    watch(Path(sys.argv[1]))
    sys.argv[:] = ["jobd", *sys.argv[2:]]
    main()
