"""Node: what the web layer may see and ask of the daemon. The daemon implements it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from jobd.core.effects import Reply
from jobd.core.events import OperatorEvent
from jobd.core.run import RunRecord
from jobd.core.view import JobView, NodeView
from jobd.ports import Enforcement, Store


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
    """Whether the store answers and keeps history, and since when it does not."""

    is_up: bool
    trouble: str
    since: datetime | None


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
    """Constant facts about this daemon."""

    node: str
    version: str
    pid: int
    started_at: datetime
    config_path: str
    store: str  # "sqlite"
    http: str
    socket: str
    labels: tuple[str, ...] = ()


class Node(Protocol):
    """What the web layer may see and ask of the daemon."""

    @property
    def identity(self) -> Identity: ...

    @property
    def enforcement(self) -> Enforcement: ...

    @property
    def store(self) -> Store:
        """For questions only; whoever wants a change asks for it with :meth:`ask`."""
        ...

    def now(self) -> datetime: ...

    def view(self) -> NodeView: ...

    def job_view(self, name: str) -> JobView | None: ...

    def job_views(self) -> Sequence[JobView]: ...

    def store_health(self) -> StoreHealth: ...

    def is_ready(self) -> tuple[bool, str]:
        """Whether schedules are loaded and the store was reachable lately, and why not."""
        ...

    def config_state(self) -> tuple[bool, datetime]:
        """Whether the last reload succeeded, and when one last did."""
        ...

    async def ask(self, event: OperatorEvent) -> Reply:
        """Hand an operator's wish to the scheduler; return its answer. The audit note is kept."""
        ...

    async def reload(self, by: str) -> ReloadResult: ...

    async def wait_ended(self, run_id: str, timeout: timedelta) -> RunRecord | None:
        """Return the run's record once it has ended, or as it stands after ``timeout``."""
        ...

    async def read_output(
        self, record: RunRecord, attempt: int, offset: int, limit: int = 1 << 16
    ) -> OutputSlice:
        """Return what one attempt wrote from ``offset`` on; empty when there is nothing (yet)."""
        ...
