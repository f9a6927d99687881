"""Enforcer: by what this machine lets us hold trees and ceilings, and the trees made with it."""

import os

from jobd.supervisor.cgroup import V1_LIMITS, V1_TREES, find_hierarchies, make, read, remove
from jobd.supervisor.cgroup_v1 import V1
from jobd.supervisor.cgroup_v2 import V2
from jobd.supervisor.groups import GroupTree
from jobd.supervisor.hierarchy import Hierarchy
from jobd.supervisor.processes import Census, ProcessTree
from jobd.supervisor.spec import Spec
from jobd.supervisor.tree import Tree

RUNS_PREFIX = "jobd-runs."
KINDS = ("auto", "cgroup2", "cgroup1", "none")
_CROWD = "crowd"


class Enforcer:
    """Makes trees by the best means there are, or by those that ``kind`` names.

    ``identity`` is unique to this supervisor process on this machine; groups and marks
    bear it. ``uses_limits`` False: trees only, ceilings by the watcher or not at all.
    """

    def __init__(self, kind: str, identity: str, uses_limits: bool = True) -> None:
        self._identity = identity
        self._name = RUNS_PREFIX + identity
        self._why: list[str] = []
        self._tree: Hierarchy | None = None
        self._limits: dict[str, Hierarchy] = {}
        self.census = Census(self._has_a_group)
        found = find_hierarchies()
        if kind in ("auto", "cgroup2"):
            self._try_v2(found.v2, uses_limits)
        if kind == "cgroup1" or (kind == "auto" and self._tree is None):
            self._try_v1_tree(found.v1)
        if kind != "none" and uses_limits:
            self._try_v1_limits(found.v1)

    @property
    def facts(self) -> dict[str, str]:
        """By what is held what, in the words of :class:`jobd.ports.Enforcement`."""
        by = {name: hierarchy.name for name, hierarchy in self._limits.items()}
        return {
            "tree": self._tree.name if self._tree else "process tree",
            "memory": by.get("memory", "watcher"),
            "cpu": by.get("cpu", "none"),
            "pids": by.get("pids", "none"),
            "io": by.get("io", "none"),
            "detail": "; ".join(self._why),
        }

    @property
    def watches_memory(self) -> bool:
        """Whether ceilings on memory are ours to watch."""
        return "memory" not in self._limits

    @property
    def directories(self) -> list[str]:
        """Every directory below which runs have their groups."""
        used = {id(h): h.runs for h in [*self._limits.values(), self._tree] if h is not None}
        return sorted(set(used.values()))

    @property
    def mark(self) -> str:
        """What the marks of all our process trees begin with; "" if groups hold them all."""
        return "" if self._tree else self._identity

    def make_tree(self, spec: Spec, is_hurried: bool) -> Tree:
        """Return a tree with a spec's ceilings in force; OSError says which was refused.

        In a stampede a group for each run costs more than starting it. Runs are then held
        by the one group that their ceilings need; those without ceilings share a group,
        where descent and marks tell them apart (jobd.supervisor.processes).
        """
        name = f"{_file_name(spec.run_id)}.{spec.attempt}"
        needed = self._needed(spec)
        if self._tree is None or (is_hurried and not needed and not spec.must_fork):
            return ProcessTree(self.census, f"{self._identity}:{name}.")
        if not is_hurried or not needed:
            needed = [self._tree, *(h for h in needed if h is not self._tree)]
        return GroupTree(needed, name, spec, is_inside=not spec.must_fork)

    def go_in(self) -> None:
        """Live in the shared group, so that a child is born there without a move.

        Only the guard must be born outside: it has to survive the end of all of them.
        """
        if self._tree is not None:
            crowd = f"{self._tree.runs}/{_CROWD}"
            if not os.path.isdir(crowd):
                make(crowd)
            self._tree.settle_in(crowd)

    def go_out(self) -> None:
        """Live where we came from."""
        if self._tree is not None:
            self._tree.move_out()

    def close(self) -> None:
        """Remove what is empty; the guard removes the rest."""
        self.go_out()
        for directory in self.directories:
            remove(directory)

    def _needed(self, spec: Spec) -> list[Hierarchy]:
        wanted = []
        if spec.memory_max is not None or spec.memory_high is not None:
            wanted.append("memory")
        if spec.pids_max is not None:
            wanted.append("pids")
        if spec.cpu_max is not None or spec.cpu_weight is not None:
            wanted.append("cpu")
        if spec.io_weight is not None:
            wanted.append("io")
        found: list[Hierarchy] = []
        for name in wanted:
            hierarchy = self._limits.get(name)
            if hierarchy is not None and hierarchy not in found:
                found.append(hierarchy)
        return found

    def _has_a_group(self, pid: int) -> bool:
        """Whether a process is in a group of its run's own: no need to guess whose it is."""
        try:
            groups = read(f"/proc/{pid}/cgroup")
        except OSError:
            return False
        ours = [line for line in groups.splitlines() if f"/{self._name}/" in line]
        return any(not line.endswith(f"/{_CROWD}") for line in ours)

    def _try_v2(self, own: str | None, uses_limits: bool) -> None:
        if own is None:
            self._why.append("cgroup2 is not mounted")
            return
        try:
            v2 = V2(own, self._name, uses_limits)
        except OSError as error:
            self._why.append(f"cgroup2 cannot be used: {error}")
            return
        self._tree = v2
        if uses_limits:
            self._limits = dict.fromkeys(v2.controllers & {"memory", "pids", "cpu", "io"}, v2)

    def _try_v1_tree(self, own: dict[str, str]) -> None:
        for name in V1_TREES:
            self._tree = self._tree or self._open_v1(name, own)

    def _try_v1_limits(self, own: dict[str, str]) -> None:
        for controller in V1_LIMITS:
            kind = "io" if controller == "blkio" else controller
            if kind in self._limits:
                continue
            v1 = self._open_v1(controller, own)
            if v1 is None:
                continue
            if controller == "blkio" and not v1.io_weight:
                remove(v1.runs)
                continue
            self._limits[kind] = v1

    def _open_v1(self, name: str, own: dict[str, str]) -> V1 | None:
        if isinstance(self._tree, V1) and self._tree.controller == name:
            return self._tree
        if name not in own:
            return None
        try:
            return V1(name, own[name], self._name)
        except OSError as error:
            self._why.append(f"cgroup v1 {name} cannot be used: {error}")
            return None


def _file_name(run_id: str) -> str:
    """Return the run's id as a file name: ids are ours, but a frame may say anything."""
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in run_id)[:200]
