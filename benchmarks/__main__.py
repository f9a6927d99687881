"""``python -m benchmarks [--strict] [NAME]...``: measures and prints.

Names: core, waiting, simulate, ctl, pages, looks, scrape, claims, idle, herd, cluster.

Without names all are measured. ``--strict``: the exit status is 1 if a bound was missed.
"""

import sys
from importlib import import_module

NAMES = (
    "core",
    "waiting",
    "simulate",
    "ctl",
    "pages",
    "looks",
    "scrape",
    "claims",
    "idle",
    "herd",
    "cluster",
)


def main(words: list[str]) -> int:
    """Measure what the words name; return the exit status."""
    names = [word for word in words if word != "--strict"]
    unknown = set(names) - set(NAMES)
    if unknown:
        print(f"{', '.join(sorted(unknown))}: not one of {', '.join(NAMES)}", file=sys.stderr)
        return 64
    found = []
    for name in names or NAMES:
        print(f"== {name}", flush=True)
        for figure in import_module(f"benchmarks.{name}").figures():
            print(figure, flush=True)
            found.append(figure)
    missed = [figure for figure in found if not figure.is_within]
    print(f"{len(found) - len(missed)} of {len(found)} figures are within their bounds")
    return 1 if missed and "--strict" in words else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
