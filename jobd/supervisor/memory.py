"""MemoryWatch: what is ours to do about a memory ceiling that no kernel enforces for a tree.

Where no group accounts for memory, the tree's is summed from /proc every now and then.
Cgroup v1 does account and kill, but kills one process where v2 kills the tree; there we
listen for it and do the rest.
"""

import os
from collections.abc import Callable

from jobd.supervisor.loop import READABLE, Loop
from jobd.supervisor.processes import read_proc
from jobd.supervisor.tree import Tree

_PAGE = os.sysconf("SC_PAGE_SIZE")
_RESIDENT = 1  # field of /proc/PID/statm, in pages
_SAMPLE_S = (0.01, 0.1)  # between two looks: at first, at last
_LISTEN_AFTER_S = 0.05  # most runs are shorter, and need no descriptor for it
# The kernel tells of a kill before it counts it: one that was told before we listened, and
# counted after we had looked, is found by looking again.
_LOOK_AGAIN_AFTER_S = (0.1, 1.0)


class MemoryWatch:
    """Calls ``exceeded(is_ours)`` when a tree has met its ceiling.

    ``samples``: by our own sums (then ``is_ours``); otherwise by the kernel's word.
    """

    def __init__(
        self,
        tree: Tree,
        ceiling: int,
        loop: Loop,
        exceeded: Callable[[bool], None],
        samples: bool,
    ) -> None:
        self.peak: int | None = None
        self.look_at: float | None = None
        self._tree = tree
        self._ceiling = ceiling
        self._loop = loop
        self._exceeded = exceeded
        self._samples = samples
        self._every_s = _SAMPLE_S[0]
        self._signal = -1
        self._look_again_after_s = list(_LOOK_AGAIN_AFTER_S)

    def begin(self, now: float) -> None:
        """The child runs since now."""
        self.look_at = now + (self._every_s if self._samples else _LISTEN_AFTER_S)

    def look(self, now: float) -> None:
        """Do what is due; ``look_at`` says when next."""
        if self.look_at is None or now < self.look_at:
            return
        if not self._samples:
            self._look_for_kills(now)
            return
        self._every_s = min(self._every_s * 2, _SAMPLE_S[1])
        self.look_at = now + self._every_s
        used = memory_used(self._tree.pids(), self._ceiling)
        self.peak = max(self.peak or 0, used)
        if used > self._ceiling:
            self._exceeded(True)

    def close(self) -> None:
        """Give back the descriptor."""
        if self._signal >= 0:
            self._loop.unwatch(self._signal)
            os.close(self._signal)
            self._signal = -1

    def _look_for_kills(self, now: float) -> None:
        self.look_at = None
        if self._signal < 0:
            self._listen()
        elif self._tree.usage().oom_kills:
            self._hear()
        if self._signal >= 0 and self._look_again_after_s:
            self.look_at = now + self._look_again_after_s.pop(0)

    def _listen(self) -> None:
        signal_fd = self._tree.open_memory_signal()
        if signal_fd is not None:
            self._signal = signal_fd
            self._loop.watch(signal_fd, READABLE, self._hear)

    def _hear(self) -> None:
        self.close()
        self._exceeded(False)


def memory_used(pids: list[int], ceiling: int) -> int:
    """Return the bytes that the processes hold resident.

    The sum counts pages that they share once each, too much for a tree of forks; so before
    it is believed to be over the ceiling, the kernel is asked for the proportional sizes,
    which cost it a walk through the page tables.
    """
    resident = sum(map(_resident, pids))
    return resident if resident <= ceiling else sum(map(_proportional, pids))


def _resident(pid: int) -> int:
    try:
        return int(read_proc(f"/proc/{pid}/statm").split()[_RESIDENT]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


def _proportional(pid: int) -> int:
    try:
        for line in read_proc(f"/proc/{pid}/smaps_rollup").splitlines():
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) << 10
    except (OSError, IndexError, ValueError):
        return _resident(pid)
    return _resident(pid)
