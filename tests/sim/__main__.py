"""Replay nights: ``python -m tests.sim SEED [LAST]`` of one node, ``python -m tests.sim cluster
SEED [LAST]`` of a cluster, on all cores; ``cluster 0 499`` takes minutes, ``0 100000`` hours."""

import os
import sys
from concurrent.futures import ProcessPoolExecutor

from tests.sim import nights
from tests.sim.cluster import nights as cluster_nights


def one_node(seed: int) -> list[str]:
    """Return what broke in a night of one node."""
    return nights.verdict(nights.night(seed))


def main(arguments: list[str]) -> int:
    """Simulate the nights of these seeds; return how many broke a promise."""
    is_cluster = arguments[:1] == ["cluster"]
    replay = cluster_nights.replay if is_cluster else one_node
    first, *last = [int(argument) for argument in arguments[is_cluster:]] or [0]
    seeds = range(first, (last[0] if last else first) + 1)
    broken = 0
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for seed, complaints in zip(seeds, pool.map(replay, seeds, chunksize=2), strict=True):
            if complaints:
                broken += 1
                print(f"seed {seed}:", *complaints, sep="\n  ", flush=True)
    print(f"{len(seeds)} nights of 24 hours, {broken} broke a promise")
    return broken


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
