"""Trust: who else could decide what stands in a file that root acts upon.

A file is as safe as the way to it: whoever may replace it, a folder above it, or a link on
the way, decides as much as whoever may write to it.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from jobd.config.problem import Unfit

_MOST_LINKS = 40  # as the kernel follows, path_resolution(7)


@dataclass(frozen=True, slots=True)
class _Step:
    """One name on the way to a file: the folder that holds it, and what it is."""

    folder: str
    path: str
    seen: os.stat_result


def check_way(path: str) -> None:
    """Raise ``Unfit`` if anyone could put another file in the place of this one.

    OSError where the way cannot be looked at. Folders in which everybody may write, but only
    remove what is his own (/tmp), are safe for what is root's or ours.
    """
    for step in _steps(path):
        above = os.stat(step.folder)
        if not above.st_mode & stat.S_IWOTH:
            continue
        if not above.st_mode & stat.S_ISVTX:
            raise Unfit(
                f"is in {step.folder}, where anyone may replace it, which root cannot trust",
                f"chmod o-w {step.folder}",
            )
        if step.seen.st_uid not in (0, os.geteuid()):
            raise Unfit(
                f"is reached by {step.path}, which user {step.seen.st_uid} made in a folder of "
                "everybody's; root cannot trust that",
                "move it to a folder of root's",
            )


def foreign_owner(path: str) -> int | None:
    """Return the uid of a file's owner if that is neither root nor we, else None."""
    try:
        uid = os.stat(path).st_uid
    except OSError:  # removed since it was read
        return None
    return None if uid in (0, os.geteuid()) else uid


def _steps(path: str) -> Iterator[_Step]:
    """Yield every name on the way, those that links lead by included."""
    here, links = "/", 0
    names = os.path.abspath(path).split("/")
    while names and links < _MOST_LINKS:
        name = names.pop(0)
        if name in ("", "."):
            continue
        if name == "..":
            here = os.path.dirname(here)
            continue
        entry = os.path.join(here, name)
        seen = os.lstat(entry)
        yield _Step(here, entry, seen)
        if not stat.S_ISLNK(seen.st_mode):
            here = entry
            continue
        links += 1
        target = os.readlink(entry)
        here = "/" if target.startswith("/") else here
        names = target.split("/") + names
