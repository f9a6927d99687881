"""The machine: memory, open files, processes; and the versions that a report of a defect needs."""

import os
import platform
import resource
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jobd.cli.doctor.finding import Finding, fail, ok, warn
from jobd.config.machine import memory_bytes
from jobd.config.model import NodeLimits
from jobd.config.units import format_size

OLDEST_KERNEL = (4, 18)
# Descriptors that the supervisor holds for a run: its output, its socket, its group's signals;
# and what it has besides.
FILES_OF_A_RUN = 8
FILES_BESIDE = 64
PROCESSES_OF_A_RUN = 4  # what a plain command takes: itself, a shell, a few of its own
_SPARE = 0.9  # of the memory: above this nothing is left for the system itself


@dataclass(frozen=True, slots=True)
class Memory:
    """In bytes; ``total`` is what a container leaves of the machine's."""

    total: int
    swap: int


def versions() -> Iterator[Finding]:
    """Yield Python's version and the kernel's."""
    yield ok("python", f"{platform.python_version()}, {sys.executable}")
    yield judge_kernel(os.uname().release)


def judge_kernel(release: str) -> Finding:
    """Return whether a kernel, named as uname(2) does, has what jobd asks of it."""
    numbers = release.split("-")[0].split(".")[:2]
    if all(n.isdecimal() for n in numbers) and tuple(map(int, numbers)) < OLDEST_KERNEL:
        wanted = ".".join(map(str, OLDEST_KERNEL))
        return warn("kernel", f"{release} is older than {wanted}", "run a newer kernel")
    return ok("kernel", release)


def memory_findings(limits: NodeLimits) -> Iterator[Finding]:
    """Yield what the memory of this machine allows."""
    swap = 0
    with suppress(OSError):
        swap = swap_bytes(Path("/proc/meminfo").read_text(encoding="ascii"))
    memory = Memory(memory_bytes(), swap)
    yield judge_budget(limits, memory)
    yield judge_swap(memory)


def swap_bytes(meminfo: str) -> int:
    """Return the size of the swap space that /proc/meminfo tells of (proc_meminfo(5))."""
    sizes = dict(line.split(":", 1) for line in meminfo.splitlines() if ":" in line)
    return int(sizes.get("SwapTotal", "0 kB").split()[0]) << 10


def judge_budget(limits: NodeLimits, memory: Memory) -> Finding:
    """Return whether jobs may take together what there is."""
    budget = limits.memory_budget_bytes
    words = f"jobs may take {format_size(budget)} of {format_size(memory.total)}"
    if budget > memory.total:
        return fail("memory", words, 'write limits.memory_budget = "60%"')
    if budget > memory.total * _SPARE:
        return warn(
            "memory", f"{words}: little is left for the system", 'write memory_budget = "60%"'
        )
    return ok("memory", words)


def judge_swap(memory: Memory) -> Finding:
    """Return how much swap space there is: none is fine, and much of it hides that memory ends."""
    if memory.swap > 2 * memory.total:
        words = f"{format_size(memory.swap)}: a node that swaps stands still before it is full"
        return warn("swap", words, "make it smaller, or set memory_max for every job")
    return ok("swap", format_size(memory.swap) if memory.swap else "none")


def limit_findings(limits: NodeLimits) -> Iterator[Finding]:
    """Yield whether ``max_running`` runs may have their files and processes."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # The supervisor raises its own limit as far as it may.
    yield judge_files(hard if hard != resource.RLIM_INFINITY else None, limits.max_running)
    yield judge_processes(_processes_left(), limits.max_running)


def judge_files(most: int | None, max_running: int) -> Finding:
    """Return whether the open files suffice; None is no limit."""
    needed = FILES_BESIDE + FILES_OF_A_RUN * max_running
    words = f"{'no limit' if most is None else f'{most:,}'}, {max_running:,} runs need {needed:,}"
    if most is None or most >= needed:
        return ok("open files", words)
    mend = f"raise it (LimitNOFILE={needed} in both units; ulimit -Hn), or lower max_running"
    return fail("open files", words, mend)


def judge_processes(most: int | None, max_running: int) -> Finding:
    """Return whether the processes suffice; None is no limit."""
    needed = PROCESSES_OF_A_RUN * max_running
    words = f"{'no limit' if most is None else f'{most:,}'} for all, {max_running:,} runs at once"
    if most is None or most >= needed:
        return ok("processes", words)
    mend = "raise it (TasksMax= of jobd-supervisor.service; ulimit -u), or lower max_running"
    return warn("processes", words, mend)


def _processes_left() -> int | None:
    """Return the least of the ceilings: this user's, and the kernel's."""
    most = [
        _number(Path("/proc/sys/kernel/pid_max")),
        _number(Path("/proc/sys/kernel/threads-max")),
    ]
    own = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    if os.geteuid() != 0 and own != resource.RLIM_INFINITY:  # root is not held to it
        most.append(own)
    return min((n for n in most if n is not None), default=None)


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
