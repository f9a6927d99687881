"""The files of cgroup v1 controllers: Documentation/admin-guide/cgroup-v1 of the kernel."""

import os

from jobd.supervisor.cgroup import read, write
from jobd.supervisor.hierarchy import Hierarchy, Settings
from jobd.supervisor.spec import Spec
from jobd.supervisor.tree import Usage

_PERIOD_US = 100_000
_DEFAULT_SHARES = 1024  # what a cgroup v2 weight of 100 is
IO_WEIGHTS = ("blkio.bfq.weight", "blkio.weight")


class V1(Hierarchy):
    """Runs in one v1 hierarchy, for its ceilings or only to tell who is a member."""

    name = "cgroup v1"
    join_file = "tasks"

    def __init__(self, controller: str, own: str, runs_name: str) -> None:
        super().__init__(f"{own}/{runs_name}", own)
        self.controller = controller
        self.io_weight = next(
            (name for name in IO_WEIGHTS if os.path.exists(f"{self.runs}/{name}")), ""
        )
        self._has_swap = os.path.exists(f"{self.runs}/memory.memsw.limit_in_bytes") and _has_swap()
        if controller == "memory":
            # Inherited by each run's group: while the supervisor is inside to spawn,
            # a member that meets the ceiling waits instead of being killed, so it
            # cannot be the supervisor. :func:`v1_settings` says when that ends.
            write(f"{self.runs}/memory.oom_control", "1")

    def settings(self, spec: Spec, is_inside: bool) -> Settings:
        return v1_settings(spec, self.controller, is_inside, self._has_swap, self.io_weight)

    def usage(self, group: str, is_limited: bool) -> Usage:
        usage = Usage()
        if self.controller == "memory" and is_limited:
            usage.memory_peak = int(read(f"{group}/memory.max_usage_in_bytes"))
            usage.oom_kills = _oom_kills(group)
        return usage

    def kill(self, group: str) -> bool:
        return False

    def open_memory_signal(self, group: str) -> int | None:
        """See :meth:`Tree.open_memory_signal`; v1 has no memory.oom.group."""
        if self.controller != "memory":
            return None
        signal_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        control = os.open(f"{group}/memory.oom_control", os.O_RDONLY | os.O_CLOEXEC)
        try:
            write(f"{group}/cgroup.event_control", f"{signal_fd} {control}")
        except OSError:
            os.close(signal_fd)
            return None
        finally:
            os.close(control)
        if _oom_kills(group):
            os.eventfd_write(signal_fd, 1)  # it happened before we listened
        return signal_fd


def v1_settings(
    spec: Spec, controller: str, is_inside: bool, has_swap: bool = False, io_weight: str = ""
) -> Settings:
    """Return what to write before the first member enters, and once the supervisor has left."""
    first: list[tuple[str, str]] = []
    then: list[tuple[str, str]] = []
    if controller == "memory":
        if spec.memory_max is not None:
            first.append(("memory.limit_in_bytes", str(spec.memory_max)))
            if has_swap:
                first.append(("memory.memsw.limit_in_bytes", str(spec.memory_max)))
        if spec.memory_high is not None:
            first.append(("memory.soft_limit_in_bytes", str(spec.memory_high)))
        (then if is_inside else first).append(("memory.oom_control", "0"))
    elif controller == "pids" and spec.pids_max is not None:
        first.append(("pids.max", str(spec.pids_max)))
    elif controller == "cpu":
        first += _cpu_settings(spec)
    elif controller == "blkio" and spec.io_weight is not None and io_weight:
        first.append((io_weight, str(max(10, min(1000, spec.io_weight)))))
    return first, then


def _cpu_settings(spec: Spec) -> list[tuple[str, str]]:
    settings = []
    if spec.cpu_max is not None:
        settings.append(("cpu.cfs_quota_us", str(max(1000, round(spec.cpu_max * _PERIOD_US)))))
    if spec.cpu_weight is not None:
        shares = spec.cpu_weight * _DEFAULT_SHARES // 100
        settings.append(("cpu.shares", str(max(2, min(262_144, shares)))))
    return settings


def _oom_kills(group: str) -> int:
    for line in read(f"{group}/memory.oom_control").splitlines():
        name, value = line.split()
        if name == "oom_kill":
            return int(value)
    return 0


def _has_swap() -> bool:
    try:
        return len(read("/proc/swaps").splitlines()) > 1
    except OSError:
        return True
