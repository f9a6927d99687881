"""Prospect: what a supervisor that starts where we are could hold, found out without becoming one.

For ``jobd doctor``. The enforcer moves processes to find out; here a group is made and removed
again, and nobody is moved.
"""

import os
from collections.abc import Collection
from dataclasses import dataclass

from jobd.supervisor.cgroup import V1_LIMITS, V1_TREES, find_hierarchies, read
from jobd.supervisor.cgroup_v1 import IO_WEIGHTS

CONTROLLERS = ("memory", "cpu", "pids", "io")
_PROBE = "jobd-doctor"


@dataclass(frozen=True)
class Prospect:
    """``v2``: our own group in cgroup2 if groups may be made below it, else None; ``offered``:
    the controllers that it has, ``given``: those that it hands to groups below it, or could.
    ``v1``: the controllers of cgroup v1 that can hold a tree or a ceiling, ``refused``: why
    others cannot."""

    v2: str | None
    offered: frozenset[str]
    given: frozenset[str]
    v1: frozenset[str]
    refused: tuple[str, ...] = ()


def look_around() -> Prospect:
    """Return what this process could hold."""
    found, refused = find_hierarchies(), list[str]()
    names = sorted({*V1_LIMITS, *V1_TREES} & found.v1.keys())
    v1 = frozenset(name for name in names if _can_hold(found.v1[name], name, refused))
    if found.v2 is None:
        refused.append("cgroup2 is not mounted where we are")
        return Prospect(None, frozenset(), frozenset(), v1, tuple(refused))
    offered = frozenset(_words(f"{found.v2}/cgroup.controllers") & set(CONTROLLERS))
    if _probe(found.v2, "cgroup2", refused) is None:
        return Prospect(None, offered, frozenset(), v1, tuple(refused))
    return Prospect(found.v2, offered, _given(found.v2, offered), v1, tuple(refused))


def _can_hold(group: str, controller: str, refused: list[str]) -> bool:
    files = _probe(group, f"cgroup v1 {controller}", refused)
    if files is None:
        return False
    return controller != "blkio" or not files.isdisjoint(IO_WEIGHTS)


def _probe(group: str, name: str, refused: list[str]) -> set[str] | None:
    """Return the files of a group below this one, None if none may be made; it is gone then."""
    probe = f"{group}/{_PROBE}.{os.getpid()}"
    try:
        os.mkdir(probe)
        files = set(os.listdir(probe))
        os.rmdir(probe)
    except OSError as error:
        refused.append(f"{name}: {error.strerror}")
        return None
    return files


def _given(group: str, offered: Collection[str]) -> frozenset[str]:
    """Return what groups below have, or would have: "no internal processes"
    (Documentation/admin-guide/cgroup-v2.rst) forbids to hand out more where others are
    members of the group."""
    control = f"{group}/cgroup.subtree_control"
    has_type = os.path.exists(f"{group}/cgroup.type")  # the root has none, and may have both
    members = {int(pid) for pid in _words(f"{group}/cgroup.procs")} if has_type else set()
    if os.access(control, os.W_OK) and members <= {os.getpid(), os.getppid()}:
        return frozenset(offered)
    return frozenset(_words(control).intersection(offered))


def _words(path: str) -> set[str]:
    try:
        return set(read(path).split())
    except OSError:
        return set()
