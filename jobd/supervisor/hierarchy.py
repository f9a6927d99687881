"""Hierarchy: one cgroup hierarchy as the supervisor uses it; its two kinds are v2 and v1."""

import os
from abc import ABC, abstractmethod

from jobd.supervisor.cgroup import make, write
from jobd.supervisor.spec import Spec
from jobd.supervisor.tree import Usage

# (file, value) to write before the first member enters · once the supervisor has left.
Settings = tuple[list[tuple[str, str]], list[tuple[str, str]]]

# Files that some kernels lack, and without which a ceiling still holds.
_OPTIONAL = frozenset({"memory.swap.max", "memory.oom.group", "io.weight", "blkio.weight"})


class Hierarchy(ABC):
    """Where runs have their groups in one hierarchy, and where the supervisor is at home.

    OSError when the directory of the runs cannot be made.
    """

    name = ""
    join_file = ""

    def __init__(self, runs: str, home: str) -> None:
        self.runs = runs
        if not os.path.isdir(runs):
            make(runs)
        self._origin = self._home = self._open_join(home)

    @abstractmethod
    def settings(self, spec: Spec, is_inside: bool) -> Settings:
        """Return what to write for a spec's ceilings; ``is_inside``: the supervisor will
        be a member while it spawns."""

    @abstractmethod
    def usage(self, group: str, is_limited: bool) -> Usage:
        """Return what a group's members have used."""

    @abstractmethod
    def kill(self, group: str) -> bool:
        """Kill all members at once; False where the kernel cannot."""

    def open_end_signal(self, group: str) -> int | None:
        """See :meth:`jobd.supervisor.tree.Tree.open_end_signal`."""
        return None

    def open_memory_signal(self, group: str) -> int | None:
        """See :meth:`jobd.supervisor.tree.Tree.open_memory_signal`."""
        return None

    def enter(self, group: str) -> None:
        """Move the supervisor into a group."""
        write(f"{group}/{self.join_file}", "0")

    def go_home(self) -> None:
        """Move the supervisor back to where it lives."""
        os.write(self._home, b"0")

    def settle_in(self, group: str) -> None:
        """Make a group the supervisor's home."""
        self.move_out()
        self._home = self._open_join(group)
        self.go_home()

    def move_out(self) -> None:
        """Make the group that the supervisor started in its home again."""
        if self._home != self._origin:
            os.close(self._home)
            self._home = self._origin
            self.go_home()

    def _open_join(self, group: str) -> int:
        return os.open(f"{group}/{self.join_file}", os.O_WRONLY | os.O_CLOEXEC)


def apply(group: str, settings: list[tuple[str, str]]) -> None:
    """Write settings; OSError names the one that is refused."""
    for file, value in settings:
        try:
            write(f"{group}/{file}", value)
        except FileNotFoundError:
            if file not in _OPTIONAL:
                raise
