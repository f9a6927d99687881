"""Processes as /proc shows them, and the tree of those whom no cgroup holds.

The supervisor is the subreaper of all that it starts (prctl(2)): a process whose parent
died becomes its child, however often it forked and whatever session it made. What remains
is to tell whose such a stray is: by having been seen before, by the mark in its
environment, by its session, or because only one tree is left that it can belong to.
"""

import ctypes
import os
import signal
from collections.abc import Callable, Iterator

from jobd.supervisor.instants import steady_s
from jobd.supervisor.tree import Tree, signal_all

MARK = "JOBD_TREE"
_PR_SET_CHILD_SUBREAPER = 36
_SESSION = 3  # fields of /proc/PID/stat after the command's name, proc(5)
_START = 19
# With a thousand children a look takes many milliseconds. When as many runs are to die at one
# instant, one look each would let the last of them live for seconds: after a look there is
# none for so many times as long as it took.
_PAUSE = 5.0


def become_subreaper() -> None:
    """Be the parent of every descendant whose own parent dies. OSError if refused."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def read_proc(path: str) -> bytes:
    """Return a file of /proc, whole. The kernel hands some out by the page, however much is
    asked for: of a supervisor's children 682 at a time."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = b""
        while more := os.read(fd, 1 << 16):
            data += more
        return data
    finally:
        os.close(fd)


def children(pid: int) -> list[int]:
    """Return the living children and the zombies of a process, of all its threads."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            found += map(int, read_proc(f"/proc/{pid}/task/{thread}/children").split())
    except OSError:
        return found
    return found


def descendants(pid: int) -> list[int]:
    """Return all who descend from a process without a break."""
    found = children(pid)
    for child in found:  # grows while we walk
        found += children(child)
    return found


def stat(pid: int) -> tuple[str, int, int] | None:
    """Return state, session and start time; None when there is no such process."""
    try:
        fields = read_proc(f"/proc/{pid}/stat").rpartition(b")")[2].split()
        return fields[0].decode(), int(fields[_SESSION]), int(fields[_START])
    except (OSError, IndexError, ValueError):
        return None


def is_marked(pid: int, mark: str) -> bool:
    """Return whether the process was started with an environment whose mark begins so."""
    wanted = f"{MARK}={mark}".encode()
    return any(entry.startswith(wanted) for entry in marks_of(pid))


def marks_of(pid: int) -> list[bytes]:
    """Return the entries of a process's environment that hold marks."""
    try:
        environ = read_proc(f"/proc/{pid}/environ")
    except OSError:
        return []
    return [entry for entry in environ.split(b"\0") if entry.startswith(f"{MARK}=".encode())]


def marked(mark: str) -> list[int]:
    """Return every process of this machine that carries the mark, ourselves excepted."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [pid for pid in pids if pid != os.getpid() and is_marked(pid, mark)]


class Stray:
    """A living child of the supervisor that it did not start itself, as last seen."""

    __slots__ = ("is_grouped", "marks", "owner", "session", "start")

    def __init__(self, pid: int, start: int, is_grouped: bool) -> None:
        self.start = start
        self.session = 0
        self.marks = marks_of(pid)
        self.is_grouped = is_grouped
        self.owner: ProcessTree | None = None  # beyond doubt


class Census:
    """The supervisor's children, told apart: main processes and strays.

    ``is_grouped`` tells of a process that it is held by groups and so in none of our trees.
    """

    def __init__(self, is_grouped: Callable[[int], bool]) -> None:
        self.trees: set[ProcessTree] = set()
        self.mains: set[int] = set()  # kept by whoever starts and reaps
        self.helpers: set[int] = set()  # children that no run started: the guard
        self._is_grouped = is_grouped
        self._strays: dict[int, Stray] = {}
        self._looked_at = self._took_s = 0.0
        self.is_fresh = False  # True: whoever reaps has looked, and looks again when needed

    def look(self) -> None:
        """Look anew who our strays are. Zombies are reaped elsewhere and not counted."""
        began = steady_s()
        own = set(children(os.getpid())) - self.mains - self.helpers
        found = ((pid, self._look_at(pid)) for pid in own)
        self._strays = {pid: stray for pid, stray in found if stray is not None}
        self._looked_at, self._took_s = began, steady_s() - began

    def glance(self, after: float = 0.0) -> None:
        """Look anew, unless the last look was after an instant and a moment ago; see _PAUSE."""
        since_s = steady_s() - self._looked_at
        if self._looked_at <= after or since_s > (1 + _PAUSE) * self._took_s:
            self.look()

    def strays_of(self, tree: "ProcessTree") -> dict[int, int]:
        """Return the strays, as last seen, that belong to the tree: start time by pid."""
        return {
            pid: stray.start
            for pid, stray in self._strays.items()
            if not stray.is_grouped and (tree.owns(pid, stray) or self._is_only(tree, pid, stray))
        }

    def _look_at(self, pid: int) -> Stray | None:
        seen = stat(pid)
        if seen is None or not _is_alive(seen):
            return None
        _, session, start = seen
        stray = self._strays.get(pid)
        if stray is None or stray.start != start:
            stray = Stray(pid, start, self._is_grouped(pid))
        stray.session = session
        return stray

    def _is_only(self, tree: "ProcessTree", pid: int, stray: Stray) -> bool:
        return self.trees == {tree} or not any(
            other.is_rooted or other.owns(pid, stray) for other in self.trees if other is not tree
        )


class ProcessTree(Tree):
    """A tree that no group of its own holds."""

    def __init__(self, census: Census, mark: str) -> None:
        self.marks = {MARK: mark}
        self._census = census
        self._mark = mark
        self._root = 0
        self._known: dict[int, int] = {}  # start time by pid: a pid may be given anew
        self._bereft_at: float | None = None

    @property
    def is_rooted(self) -> bool:
        """Whether the main process lives (or waits to be reaped)."""
        return self._root in self._census.mains

    def root(self, pid: int) -> None:
        self._root = pid
        self._census.trees.add(self)

    def owns(self, pid: int, stray: Stray) -> bool:
        """Return whether a stray is one of ours, beyond doubt."""
        if stray.owner is not None:
            return stray.owner is self
        wanted = f"{MARK}={self._mark}".encode()
        if (
            self._known.get(pid) == stray.start
            or stray.session == self._root
            or any(entry.startswith(wanted) for entry in stray.marks)
        ):
            stray.owner = self
            return True
        return False

    def pids(self) -> list[int]:
        self._census.glance()
        found = dict(self._living())
        self._known.update(found)
        return list(found)

    def strike(self) -> bool:
        """Kill the main process and all that descend from it, by one signal to their process
        group if they never left that. Strays are not looked for."""
        if self.is_rooted:
            outside = list(self._outside())
            signal_all((-self._root, *outside), signal.SIGKILL)
        return False

    def dissolve(self) -> bool:
        if self.is_rooted:
            return False
        if self._bereft_at is None:
            self._bereft_at = steady_s()
        # Whoever had no member left after its main process was gone has none for ever.
        if not self._census.is_fresh:
            self._census.glance(self._bereft_at)
        if self._census.strays_of(self):
            return False
        self._census.trees.discard(self)
        return True

    def _outside(self) -> Iterator[int]:
        """Yield who descends from the main process and has left its process group. They are
        remembered: once their parents are dead, nothing may tell any more whose they are."""
        for pid in descendants(self._root):
            started = None if _group(pid) == self._root else _started(pid)
            if started is not None:
                self._known[pid] = started
                yield pid

    def _living(self) -> Iterator[tuple[int, int]]:
        """Yield our members and their start times. The main process's does not matter: it
        is none of the strays among whom it might have to be recognised."""
        strays = self._census.strays_of(self)
        roots = {pid: start for pid, start in strays.items() if _started(pid) == start}
        if self.is_rooted:
            roots[self._root] = 0
        for pid, start in roots.items():
            yield pid, start
            for child in descendants(pid):
                started = _started(child)
                if started is not None:
                    yield child, started


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except OSError:
        return None


def _started(pid: int) -> int | None:
    """Return when a process started, as long as it lives: what is remembered may be gone."""
    seen = stat(pid)
    return seen[2] if seen is not None and _is_alive(seen) else None


def _is_alive(seen: tuple[str, int, int] | None) -> bool:
    return seen is not None and seen[0] not in "ZX"
