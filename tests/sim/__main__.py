"""Replay nights: ``python -m tests.sim SEED [LAST_SEED]``; ``0 100000`` takes hours."""

import sys

from tests.sim.nights import night, verdict


def main(first: int, last: int) -> int:
    """Simulate the nights of these seeds; return how many broke a promise."""
    broken = 0
    for seed in range(first, last + 1):
        complaints = verdict(night(seed))
        if complaints:
            broken += 1
            print(f"seed {seed}:", *complaints, sep="\n  ")
    print(f"{last + 1 - first} nights of 24 hours, {broken} broke a promise")
    return broken


if __name__ == "__main__":
    first_seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    last_seed = int(sys.argv[2]) if len(sys.argv) > 2 else first_seed
    sys.exit(1 if main(first_seed, last_seed) else 0)
