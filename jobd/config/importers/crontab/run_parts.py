"""run-parts: which scripts of a folder it runs, so that each can become a job of its own."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

_NAME = re.compile(r"[A-Za-z0-9_-]+")  # run-parts(8): no dots, and so nothing that dpkg left
# A line that runs a folder's scripts and does nothing else, but perhaps only where anacron, or
# the like, is not installed. Options that choose among scripts, or hand them something, are none
# of those that are passed over.
_WHOLE_LINE = re.compile(
    r"(?P<guard>test\s+-x\s+\S+\s+\|\|\s+)?(?P<open>[{(]\s*)?(?:cd\s+/\s*&&\s*)?"
    r"(?:/usr/bin/|/bin/)?run-parts(?:\s+(?:--report|--verbose|-v))*\s+(?P<folder>/[\w./-]+?)/?"
    r"\s*(?(open);?\s*[})])"
)


@dataclass(frozen=True, slots=True)
class RunParts:
    """A folder whose scripts are run, and what stands before that: "" or ``test -x X || ``."""

    folder: str
    guard: str


def read_line(command: str) -> RunParts | None:
    """Return what a command runs if it can be told apart into one command for each script."""
    match = _WHOLE_LINE.fullmatch(command.strip())
    return None if match is None else RunParts(match["folder"], match["guard"] or "")


def is_run(name: str) -> bool:
    """Return whether run-parts, or cron in /etc/cron.d, takes a file of this name."""
    return _NAME.fullmatch(name) is not None


def scripts_of(folder: str) -> Sequence[str]:
    """Return the paths of the scripts that run-parts would run, in its order.

    ``OSError`` if the folder cannot be read.
    """
    paths = (f"{folder}/{name}" for name in sorted(os.listdir(folder)) if is_run(name))
    return [path for path in paths if os.path.isfile(path) and os.access(path, os.X_OK)]
