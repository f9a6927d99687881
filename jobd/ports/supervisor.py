"""Supervisor: what holds the children."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from jobd.core.claim import ActiveRun
from jobd.core.events import AttemptEnded, HeldRun, RunNotStarted, RunSaid, RunStarted


@dataclass(frozen=True, slots=True)
class Enforcement:
    """By what the supervisor holds limits here, for ``ctl show`` and the log."""

    tree: str  # "cgroup v2", "cgroup v1", "process tree": how all descendants are found
    memory: str  # "cgroup v2", "cgroup v1", "watcher"
    cpu: str  # "cgroup v2", "cgroup v1", "none"
    pids: str
    io: str
    detail: str = ""  # why nothing better


@dataclass(frozen=True, slots=True)
class Launch:
    """All that the supervisor needs to execute one attempt. Everything is resolved: ids are
    numbers, paths absolute, the environment complete."""

    run: ActiveRun  # handed back after a daemon's restart
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    output: str  # path of the file that keeps the output; made at its first byte
    output_max_bytes: int
    stop_signal: int
    kill_after_s: float
    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] = ()
    umask: int = 0o022
    stdin: str | None = None
    timeout_s: float | None = None  # from exec
    until_steady_s: float | None = None  # dead by then, unless extended; not started after it
    memory_max_bytes: int | None = None
    memory_high_bytes: int | None = None
    cpu_max: float | None = None
    cpu_weight: int | None = None
    io_weight: int | None = None
    pids_max: int | None = None
    nice: int | None = None
    oom_score_adj: int | None = None
    watchdog_s: float | None = None  # at most, between two WATCHDOG=1 to its NOTIFY_SOCKET
    steps: tuple[str, str | None] | None = None  # the patterns that begin and end one
    secrets: tuple[str, ...] = ()  # what is not kept of what it writes and says


Report = RunStarted | RunSaid | RunNotStarted | AttemptEnded


class Supervisor(Protocol):
    """Holds the children. Speaks to a process that outlives the daemon."""

    @property
    def enforcement(self) -> Enforcement:
        """By what limits are held; known once connected."""
        ...

    @property
    def since_steady_s(self) -> float:
        """Since when this supervisor has been there, on the steady clock; known once connected.
        What was claimed since, and is not held, was never executed."""
        ...

    async def connect(self) -> Sequence[HeldRun]:
        """Reach the supervisor (start one if this daemon owns it); return what it holds,
        leftovers of a dead supervisor being gone by then. ``SupervisorError`` if it cannot be."""
        ...

    async def start(self, launches: Sequence[Launch]) -> None:
        """Hand over attempts; each is answered by a RunStarted or RunNotStarted report, or, where
        its ``until_steady_s`` has passed, by an AttemptEnded with the cause ``trust`` alone."""
        ...

    async def stop(self, run_id: str, cause: str) -> None:
        """Stop a run's whole tree; unknown runs are ignored, a repeated stop is harmless."""
        ...

    async def extend(self, untils: Mapping[str, float | None]) -> None:
        """Set the steady instants by which these runs must be dead, all in one go; None: only
        its timeout. A run that is being stopped goes on being stopped, unknown ones are ignored."""
        ...

    async def forget(self, run_ids: Iterable[str]) -> None:
        """The ends of these runs are recorded; they need not be handed over again."""
        ...

    def reports(self) -> AsyncIterator[Report]:
        """Yield reports in order; ends when the supervisor is gone."""
        ...

    async def release(self) -> None:
        """Disconnect and leave the supervisor to hold its runs for the next daemon."""
        ...

    async def shutdown(self) -> None:
        """End the supervisor; whatever it still holds is killed first."""
        ...
