"""Tree: all processes of one attempt, however they are found; see the classes that do it.

``GroupTree`` (jobd.supervisor.groups) knows them by cgroup, ``ProcessTree``
(jobd.supervisor.processes) by descent and by a mark in their environment.
"""

import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Collection

_KILL_PASSES = 5  # a tree that forks all the while must not outrun one


class Usage:
    """What a tree has used; None where nothing measured it."""

    __slots__ = ("cpu_s", "memory_peak", "oom_kills")

    def __init__(self, cpu_s: float | None = None) -> None:
        self.cpu_s = cpu_s
        self.memory_peak: int | None = None
        self.oom_kills = 0


class Tree(ABC):
    """The processes of one attempt. Every method may be called at any time after the other.

    ``marks`` go into the environment of the child. ``joins`` are the files into which a
    forked child writes "0" to become a member; when the supervisor spawns instead, it is
    itself between :meth:`enter` and :meth:`leave` meanwhile, because a child is born
    where its parent is.
    """

    marks: dict[str, str] = {}  # noqa: RUF012 - nobody writes to it
    joins: tuple[str, ...] = ()

    # Of the next four each kind of tree leaves some as they are: there is nothing to do for it.
    def enter(self) -> None:  # noqa: B027
        """Make the supervisor a member, for as long as it takes to spawn."""

    def leave(self) -> None:  # noqa: B027
        """Bring the supervisor home."""

    def settle(self) -> None:  # noqa: B027
        """Put the ceilings in force that the supervisor had to be spared; OSError if refused."""

    def root(self, pid: int) -> None:  # noqa: B027
        """Take note of the main process."""

    @abstractmethod
    def pids(self) -> list[int]:
        """Return the living members."""

    def strike(self) -> bool:
        """Send SIGKILL to those members whom no search is needed for; return whether those
        are all. If not, :meth:`kill` has to follow."""
        self.kill()
        return True

    def kill(self) -> None:
        """Send SIGKILL to every member; one that was just born may need another call."""
        killed: set[int] = set()
        for _ in range(_KILL_PASSES):
            # In their order: a shell must not see its command end, and go on to the next. The
            # dead are listed until they are reaped.
            born = [pid for pid in self.pids() if pid not in killed]
            if not born:
                return
            signal_all(born, signal.SIGKILL)
            killed.update(born)

    def usage(self) -> Usage:
        """Return what the members have used so far, the dead included."""
        return Usage()

    @abstractmethod
    def dissolve(self) -> bool:
        """Return whether no member is left; whatever the tree was known by is then removed."""

    def open_end_signal(self) -> int | None:
        """Return a descriptor that is urgent (EPOLLPRI) when members come or go, or None."""
        return None

    def open_memory_signal(self) -> int | None:
        """Return a descriptor that becomes readable when the kernel enforces the memory
        ceiling by killing one member, where it will not kill them all; else None."""
        return None


def signal_all(pids: Collection[int], number: int) -> None:
    """Send a signal to each; those who are gone meanwhile do not matter."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue
