"""``python -m deploy.debian``: builds the Debian package of this checkout.

``--out DIR``: where the package goes (dist). ``--wheels DIR``: the wheels of jobd and its
libraries, made beforehand; without it they are fetched from the package index. Exit status: 0,
69 where Debian's tools are missing, 70 when one of them fails.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from deploy.debian.package import NoTools, build_package

_UNAVAILABLE, _FAILED = 69, 70


def main(words: list[str]) -> int:
    """Build it, print the package's path; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m deploy.debian", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("dist"))
    parser.add_argument("--wheels", type=Path)
    options = parser.parse_args(words)
    try:
        print(build_package(options.out, options.wheels))
    except NoTools as error:
        print(error, file=sys.stderr)
        return _UNAVAILABLE
    except subprocess.CalledProcessError as error:
        print(f"{error.cmd[0]} failed:\n{error.stdout}", file=sys.stderr)
        return _FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
