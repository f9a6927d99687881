"""Node: what the web layer may see and ask of the daemon. The daemon implements it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from jobd.core.cluster import NodeSeen
from jobd.core.effects import Reply
from jobd.core.events import DrainAsked, OperatorEvent, TriggerAsked
from jobd.core.run import RunRecord
from jobd.core.view import JobView, NodeView
from jobd.ports import Enforcement, Questions


@dataclass(frozen=True, slots=True)
class OutputSlice:
    """A piece of what an attempt wrote, by offsets in all that it ever wrote.

    Where the middle is no longer kept, ``skipped_bytes`` says how much lies between the
    offset asked for and the first byte of ``data``.
    """

    data: bytes
    next_offset: int
    skipped_bytes: int = 0


@dataclass(frozen=True, slots=True)
class StoreHealth:
    """Whether a store answers and keeps history, and since when it does not.

    ``since`` is that of the trouble; None while all is well, unless it is known since when.
    ``latency_s`` is how long the last answer took.
    """

    is_up: bool
    trouble: str
    since: datetime | None
    latency_s: float | None = field(default=None, compare=False)  # no two answers take as long


@dataclass(frozen=True, slots=True)
class ReloadResult:
    """What a reload changed, or why nothing changed (``errors`` not empty)."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """Facts about this daemon that hardly ever change."""

    node: str
    version: str
    pid: int
    started_at: datetime
    config_path: str
    store: str  # "sqlite", or "postgresql" on a node of a cluster
    http: str
    socket: str
    labels: tuple[str, ...] = ()
    timezone: str = "UTC"  # in which pages tell the time; a reload may change it


@dataclass(frozen=True, slots=True)
class HookLimits:
    """What calls of hooks and pings may take: of the node at once, of each try, of a command."""

    max_hooks: int
    timeout: timedelta
    memory_max_bytes: int
    pids_max: int


class Node(Protocol):
    """What the web layer may see and ask of the daemon."""

    @property
    def identity(self) -> Identity: ...

    @property
    def enforcement(self) -> Enforcement: ...

    @property
    def store(self) -> Questions:
        """For questions only; whoever wants a change asks for it with :meth:`ask`."""
        ...

    @property
    def hook_limits(self) -> HookLimits: ...

    def now(self) -> datetime: ...

    def clock_offset(self) -> timedelta:
        """Return by how much :meth:`now` is ahead of this machine's clock; zero for a lone node."""
        ...

    def view(self) -> NodeView: ...

    def job_names(self) -> Sequence[str]:
        """Return the names of all jobs that :meth:`job_view` knows, at next to no cost."""
        ...

    def job_view(self, name: str) -> JobView | None: ...

    def store_health(self) -> StoreHealth:
        """Return how the store on this node is, where history of its own and outboxes are."""
        ...

    def shared_health(self) -> StoreHealth | None:
        """Return how the store that nodes share is; None: there is none, a cluster of one."""
        ...

    def nodes(self) -> Sequence[NodeSeen]:
        """Return every node that the shared store has seen of late, this one included, as of
        ``view().shared.at``; empty where there is no cluster."""
        ...

    async def config_drift(self) -> Mapping[str, Sequence[str]]:
        """Return node → the jobs whose definition there differs from that here.

        A node whose configuration is the same is left out; one that differs and does not
        say in what, because it is not up or does not answer, has no names. Jobs that only
        one of the two has differ. Asks the nodes concerned, so it may take seconds.
        """
        ...

    def place_for(self, job: str) -> str | None:
        """Name the node where a run by hand belongs: this one if it may run the job and is
        not draining, else the best of the others by the cluster's ranking; None: no node
        that is up may run it."""
        ...

    def is_ready(self) -> tuple[bool, str]:
        """Whether schedules are loaded and the store was reachable lately, and why not."""
        ...

    def config_state(self) -> tuple[bool, datetime]:
        """Whether the last reload succeeded, and when one last did."""
        ...

    async def ask(self, event: OperatorEvent) -> Reply:
        """Hand an operator's wish to the scheduler; return its answer. The audit note is kept.

        A cancel reaches the runs on other nodes too, by way of the shared store.
        """
        ...

    async def ask_at(self, node: str, event: TriggerAsked | DrainAsked) -> Reply:
        """Hand a wish to another node's scheduler; return its answer.

        ``NodeUnavailable`` when that node is not up or does not answer within ten seconds;
        ``node`` is one of :meth:`nodes`. The audit note is kept by that node.
        """
        ...

    async def reload(self, by: str) -> ReloadResult: ...

    async def wait_ended(self, run_id: str, timeout: timedelta) -> RunRecord | None:
        """Return the run's record once it has ended, or as it stands after ``timeout``.

        The end of a run on another node is noticed within a second.
        """
        ...

    async def read_output(
        self, record: RunRecord, attempt: int, offset: int, limit: int = 1 << 16
    ) -> OutputSlice:
        """Return what one attempt wrote from ``offset`` on; empty when there is nothing (yet).

        What another node keeps is fetched from there: ``NodeUnavailable`` when that node is
        not up, ``OutputGone`` when a run that did write has left nothing that could be read.
        """
        ...
