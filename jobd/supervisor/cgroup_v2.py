"""The files of the cgroup2 hierarchy: Documentation/admin-guide/cgroup-v2.rst of the kernel."""

import os

from jobd.supervisor.cgroup import read, write
from jobd.supervisor.hierarchy import Hierarchy, Settings
from jobd.supervisor.spec import Spec
from jobd.supervisor.tree import Usage

_PERIOD_US = 100_000
_LEAF = "supervisor"
_WANTED = ("memory", "pids", "cpu", "io")


class V2(Hierarchy):
    """Runs in a subtree of our own group; with controllers where that group may hand them out."""

    name = "cgroup v2"
    join_file = "cgroup.procs"

    def __init__(self, own: str, runs_name: str, use_limits: bool = True) -> None:
        home = own
        if use_limits:
            own, home = _vacate(own)
            _hand_out(own)
        super().__init__(f"{own}/{runs_name}", home)
        if use_limits:
            _hand_out(self.runs)
        self.controllers = frozenset(read(f"{self.runs}/cgroup.subtree_control").split())

    def settings(self, spec: Spec, is_inside: bool) -> Settings:
        return v2_settings(spec, self.controllers, is_inside)

    def usage(self, group: str, is_limited: bool) -> Usage:
        usage = Usage(cpu_s=_cpu_s(f"{group}/cpu.stat"))
        if "memory" in self.controllers:
            usage.memory_peak = _number(f"{group}/memory.peak")
            usage.oom_kills = _field(f"{group}/memory.events", "oom_kill")
        return usage

    def kill(self, group: str) -> bool:
        """Kill all members at once; False where the kernel (before 5.14) cannot."""
        try:
            write(f"{group}/cgroup.kill", "1")
        except OSError:
            return False
        return True

    def open_end_signal(self, group: str) -> int | None:
        fd = os.open(f"{group}/cgroup.events", os.O_RDONLY | os.O_CLOEXEC)
        os.read(fd, 4096)  # only what changes after a read is news
        return fd


def v2_settings(spec: Spec, controllers: frozenset[str], is_inside: bool) -> Settings:
    """Return what to write before the first member enters, and once the supervisor has left.

    While the supervisor is inside to spawn (``is_inside``), memory.high stands in for
    memory.max: it holds the job just the same by throttling it, but nobody, and so not
    the supervisor, is killed for it in that moment.
    """
    first: list[tuple[str, str]] = []
    then: list[tuple[str, str]] = []
    if "memory" in controllers:
        _memory_settings(spec, is_inside, first, then)
    if "cpu" in controllers:
        if spec.cpu_max is not None:
            first.append(("cpu.max", f"{max(1000, round(spec.cpu_max * _PERIOD_US))} {_PERIOD_US}"))
        if spec.cpu_weight is not None:
            first.append(("cpu.weight", str(spec.cpu_weight)))
    if "io" in controllers and spec.io_weight is not None:
        first.append(("io.weight", f"default {spec.io_weight}"))
    if "pids" in controllers and spec.pids_max is not None:
        first.append(("pids.max", str(spec.pids_max)))
    return first, then


def _memory_settings(
    spec: Spec, is_inside: bool, first: list[tuple[str, str]], then: list[tuple[str, str]]
) -> None:
    high = "max" if spec.memory_high is None else str(spec.memory_high)
    if spec.memory_max is None:
        if spec.memory_high is not None:
            first.append(("memory.high", high))
        return
    ceiling = str(spec.memory_max)
    first.append(("memory.swap.max", "0"))  # a ceiling that only moves a hog to disk is none
    strict = [("memory.max", ceiling), ("memory.oom.group", "1")]
    if not is_inside:
        first += strict
        if spec.memory_high is not None:
            first.append(("memory.high", high))
        return
    lower = min(spec.memory_max, spec.memory_high or spec.memory_max)
    first.append(("memory.high", str(lower)))
    then += strict
    if str(lower) != high:
        then.append(("memory.high", high))


def _vacate(own: str) -> tuple[str, str]:
    """Return the group that is ours to use, and the one in it where the supervisor lives.

    Only a group without members may hand out controllers ("no internal processes"). If ours
    has none but us and the daemon that started us, it is delegated to us: both move to a
    leaf. If we are in that leaf already (by an earlier supervisor, or DelegateSubgroup= of
    systemd), the group above it is ours.
    """
    above, name = os.path.split(own)
    try:
        if name == _LEAF and read(f"{above}/cgroup.subtree_control").strip():
            return above, own
        if not os.path.exists(f"{own}/cgroup.type"):  # the root may have both
            return own, own
        members = read(f"{own}/cgroup.procs").split()
        if not set(map(int, members)) <= {os.getpid(), os.getppid()}:
            return own, own
        leaf = f"{own}/{_LEAF}"
        if not os.path.isdir(leaf):
            os.mkdir(leaf)
        for pid in members:
            write(f"{leaf}/cgroup.procs", pid)
    except OSError:
        return own, own
    return own, leaf


def _hand_out(group: str) -> None:
    try:
        available = read(f"{group}/cgroup.controllers").split()
    except OSError:
        return
    for controller in _WANTED:
        if controller in available:
            try:
                write(f"{group}/cgroup.subtree_control", f"+{controller}")
            except OSError:
                continue  # what is in force is read back afterwards


def _cpu_s(path: str) -> float | None:
    try:
        return _lines(path)["usage_usec"] / 1e6
    except (OSError, KeyError):
        return None


def _field(path: str, name: str) -> int:
    try:
        return _lines(path).get(name, 0)
    except OSError:
        return 0


def _number(path: str) -> int | None:
    try:
        return int(read(path))
    except (OSError, ValueError):  # memory.peak: since 5.19
        return None


def _lines(path: str) -> dict[str, int]:
    pairs = (line.split() for line in read(path).splitlines())
    return {name: int(value) for name, value in pairs}
