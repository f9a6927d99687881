"""Replay nights: ``python -m tests.sim SEED [LAST]`` of one node, ``python -m tests.sim cluster
SEED [LAST]`` of a cluster, on all cores; ``cluster 0 499`` takes minutes, ``0 100000`` hours.

``python -m tests.sim dangers SEED [LAST]`` tells what a cluster's nights cost, and how often
each danger was met in one of them.
"""

import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from tests.sim import nights
from tests.sim.cluster import nights as cluster_nights
from tests.sim.cluster.dangers import dangers


def one_node(seed: int) -> list[str]:
    """Return what broke in a night of one node."""
    return nights.verdict(nights.night(seed))


def danger_of(seed: int) -> tuple[float, Counter[str]]:
    """Return what a night of a cluster costs in CPU seconds, and its dangers."""
    began_s = time.process_time()
    world = cluster_nights.night(seed)
    return time.process_time() - began_s, dangers(world)


def main(arguments: list[str]) -> int:
    """Simulate the nights of these seeds; return how many broke a promise."""
    what = arguments[0] if arguments[:1] in (["cluster"], ["dangers"]) else ""
    first, *last = [int(argument) for argument in arguments[bool(what) :]] or [0]
    seeds = range(first, (last[0] if last else first) + 1)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        if what == "dangers":
            _tell_dangers(list(pool.map(danger_of, seeds, chunksize=2)))
            return 0
        replay = cluster_nights.replay if what else one_node
        broken = 0
        for seed, complaints in zip(seeds, pool.map(replay, seeds, chunksize=2), strict=True):
            if complaints:
                broken += 1
                print(f"seed {seed}:", *complaints, sep="\n  ", flush=True)
    print(f"{len(seeds)} nights of 24 hours, {broken} broke a promise")
    return broken


def _tell_dangers(nights: Sequence[tuple[float, Counter[str]]]) -> None:
    total = Counter[str]()
    for _, found in nights:
        total += found
    print(f"{sum(cpu_s for cpu_s, _ in nights) / len(nights):.2f} CPU seconds a night; in each:")
    for name, number in sorted(total.items()):
        print(f"{number / len(nights):8.2f} {name}")


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
