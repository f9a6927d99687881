"""GroupTree: one attempt's processes, known by the groups that they cannot leave by themselves."""

import signal

from jobd.supervisor.cgroup import make, read_pids, remove
from jobd.supervisor.hierarchy import Hierarchy, apply
from jobd.supervisor.spec import Spec
from jobd.supervisor.tree import Tree, Usage, signal_all

_EVICTIONS = 100  # whoever outlives so many is stuck in the kernel; the guard removes the group


class GroupTree(Tree):
    """A group in each hierarchy that the attempt needs; the first tells who is a member.

    Making one writes the ceilings; OSError says which of them was refused, and leaves
    nothing behind.
    """

    def __init__(
        self, hierarchies: list[Hierarchy], name: str, spec: Spec, is_inside: bool
    ) -> None:
        self._groups = [(hierarchy, f"{hierarchy.runs}/{name}") for hierarchy in hierarchies]
        self._afterwards: list[tuple[str, list[tuple[str, str]]]] = []
        self._is_limited = spec.memory_max is not None
        self.joins = tuple(f"{group}/{hierarchy.join_file}" for hierarchy, group in self._groups)
        try:
            for hierarchy, group in self._groups:
                self._make(hierarchy, group, spec, is_inside)
        except OSError:
            self._remove_all()
            raise

    def enter(self) -> None:
        for hierarchy, group in self._groups:
            hierarchy.enter(group)

    def leave(self) -> None:
        for hierarchy, _ in self._groups:
            hierarchy.go_home()

    def settle(self) -> None:
        for group, settings in self._afterwards:
            apply(group, settings)

    def pids(self) -> list[int]:
        return read_pids(self._groups[0][1])

    def kill(self) -> None:
        hierarchy, group = self._groups[0]
        if not hierarchy.kill(group):
            super().kill()

    def usage(self) -> Usage:
        total = Usage()
        for hierarchy, group in self._groups:
            try:
                part = hierarchy.usage(group, self._is_limited)
            except OSError:  # somebody removed the group: what it measured is not known
                continue
            total.cpu_s = part.cpu_s if part.cpu_s is not None else total.cpu_s
            total.memory_peak = part.memory_peak or total.memory_peak
            total.oom_kills += part.oom_kills
        return total

    def dissolve(self) -> bool:
        if not remove(self._groups[0][1]):
            return False
        for _, group in self._groups[1:]:
            _evict(group)
        return True

    def open_end_signal(self) -> int | None:
        hierarchy, group = self._groups[0]
        return hierarchy.open_end_signal(group)

    def open_memory_signal(self) -> int | None:
        if not self._is_limited:
            return None
        signals = (hierarchy.open_memory_signal(group) for hierarchy, group in self._groups)
        return next((fd for fd in signals if fd is not None), None)

    def _make(self, hierarchy: Hierarchy, group: str, spec: Spec, is_inside: bool) -> None:
        first, then = hierarchy.settings(spec, is_inside)
        make(group)
        apply(group, first)
        if then:
            self._afterwards.append((group, then))

    def _remove_all(self) -> None:
        for _, group in self._groups:
            remove(group)


def _evict(group: str) -> None:
    """Remove a ceiling's group; a member that moved out of its tree's group dies for it."""
    for _ in range(_EVICTIONS):
        if remove(group):
            return
        signal_all(read_pids(group), signal.SIGKILL)
