"""``python -m deploy.cluster``: three nodes and their PostgreSQL in one terminal.

``--port N``: the first of three ports for metrics and health (9746). ``--state DIR``: where
all of it lies (.jobd/cluster). Ends with Ctrl-C; what a demo that was killed has left behind
is ended by the next one. Exit status: 0 after Ctrl-C, 69 without PostgreSQL's programs,
73 while another demo runs, 78 when no node takes its configuration.
"""

import argparse
import sys
from pathlib import Path

from deploy.cluster.demo import Demo
from deploy.cluster.interrupts import interrupt_once
from deploy.cluster.leftovers import Held
from deploy.cluster.member import BAD_CONFIGURATION
from deploy.cluster.postgres import MEND, PostgresError, is_installed

_UNAVAILABLE, _CANNOT_CREATE = 69, 73


def main(words: list[str]) -> int:
    """Run the demo; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m deploy.cluster", description=__doc__)
    parser.add_argument("--port", type=int, default=9746)
    parser.add_argument("--state", type=Path, default=Path(".jobd/cluster"))
    options = parser.parse_args(words)
    if not is_installed():
        print(MEND, file=sys.stderr)
        return _UNAVAILABLE
    interrupt_once()
    try:
        with Demo(options.state, options.port) as demo:
            demo.watch()
            return BAD_CONFIGURATION
    except KeyboardInterrupt:
        print("\nStopped.")
    except Held as error:
        print(error, file=sys.stderr)
        return _CANNOT_CREATE
    except PostgresError as error:
        print(error, file=sys.stderr)
        return _UNAVAILABLE
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
