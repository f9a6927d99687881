"""Config: a whole configuration, judged and with every default filled in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from jobd.config.problem import Problem
from jobd.config.store_url import SQLITE, shown
from jobd.core.job import Job, Pool
from jobd.core.pressure import Strain


@dataclass(frozen=True, slots=True)
class HttpAddress:
    """Where metrics, health and pages are served. Port 0 is any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return it as it is written, an IPv6 host in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Daemon:
    """[daemon]: this node, and how it is reached. Paths are absolute."""

    node: str
    labels: tuple[str, ...]
    timezone: str
    state_dir: Path
    socket: Path
    http: HttpAddress | None  # None: off
    shutdown_grace: timedelta


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """[store]: where ticks and runs are remembered, and how long.

    ``url`` may hold a password: it is given to the store's driver and to nobody else.
    """

    url: str = field(repr=False)
    lease_ttl: timedelta
    keep_runs: timedelta
    keep_runs_per_job: int
    migrate: bool

    @property
    def shown_url(self) -> str:
        """The URL without its password, for people."""
        return shown(self.url)

    @property
    def is_shared(self) -> bool:
        """Whether other nodes may use the same store."""
        return self.url != SQLITE


@dataclass(frozen=True, slots=True)
class NodeLimits:
    """[limits]: backpressure on this node."""

    max_running: int
    max_waiting: int
    memory_budget_bytes: int
    pressure: Mapping[Strain, float] = field(default_factory=dict)  # see jobd.core.pressure
    max_hooks: int = 8  # calls of hooks and pings at once
    hook_timeout: timedelta = timedelta(seconds=20)  # of each try


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that the files say. ``warnings`` do not keep the daemon from running."""

    path: Path
    daemon: Daemon
    store: StoreSettings
    limits: NodeLimits
    jobs: Mapping[str, Job]
    files: tuple[Path, ...] = ()
    warnings: tuple[Problem, ...] = ()
    pools: Mapping[str, Pool] = field(default_factory=dict)
