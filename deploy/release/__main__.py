"""``python -m deploy.release``: do version, changelog and tag of this checkout agree?

Prints the version. Exit status: 0, 65 where they do not.
"""

import subprocess
import sys

from deploy.release.versions import ROOT, Disagreement, demand_agreement, version

_DISAGREE = 65


def main() -> int:
    """Print the version, or what disagrees; return the exit status."""
    try:
        demand_agreement(_tags())
    except Disagreement as error:
        print(error, file=sys.stderr)
        return _DISAGREE
    print(version())
    return 0


def _tags() -> list[str]:
    """Return the tags of the commit that is checked out; none outside of a repository."""
    done = subprocess.run(
        ["git", "-C", str(ROOT), "tag", "--points-at", "HEAD"],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    return done.stdout.split()


if __name__ == "__main__":
    sys.exit(main())
