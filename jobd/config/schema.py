"""The shape of the configuration: every table, every key, its type, bounds and default.

The only module that imports pydantic, which costs 9 MiB and 100 ms: ``load`` imports it
when it needs it, and ``ctl`` never does. Values are read by :mod:`jobd.config.kinds` and
:mod:`jobd.config.names`; what several keys mean together is in :mod:`jobd.config.rules`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainValidator,
    ValidationInfo,
)
from pydantic_core import CoreSchema

from jobd.config import kinds, names, shapes
from jobd.config.hooks import hook, ping_url
from jobd.config.store_url import store_url
from jobd.config.units import format_duration, format_size
from jobd.core.hooks import Hook
from jobd.core.job import Catchup, JitterMode, Overlap, Scope
from jobd.core.outcome import Outcome

_SECOND, _MINUTE, _HOUR, _DAY = (timedelta(seconds=s) for s in (1, 60, 3600, 86400))


@dataclass(frozen=True, slots=True, eq=False)  # shapes are dicts, which have no hash
class Written:
    """How a value is read, what it looks like in the file, and how a default is written there."""

    read: Callable[..., Any]
    shape: shapes.Shape
    write: Callable[[Any], Any] = str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return PlainValidator(self.read).__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return dict(self.shape)


def _duration(shortest: timedelta, longest: timedelta) -> Written:
    shape = shapes.duration(shortest, longest)
    return Written(kinds.duration(shortest, longest), shape, format_duration)


def _size(smallest: int, largest: int) -> Written:
    return Written(kinds.size(smallest, largest), shapes.size(smallest, largest), format_size)


def _choice(options: type[StrEnum]) -> Written:
    return Written(kinds.choice(options), shapes.choice(options))


def _path(value: object, info: ValidationInfo[str]) -> str:
    return names.path(value, info.context)


def _socket(value: object, info: ValidationInfo[str]) -> str:
    return names.socket_path(value, info.context)


def _address(address: tuple[str, int]) -> str:
    return f"{address[0]}:{address[1]}"


def _share(share: float) -> str:
    return f"{share:.0%}"


Text = Annotated[str, Written(names.text, shapes.TEXT)]
Cron = Annotated[str, Written(names.text, shapes.CRON)]
Path = Annotated[str, Written(_path, shapes.PATH)]
Socket = Annotated[str, Written(_socket, shapes.PATH)]
Pattern = Annotated[str, Written(kinds.pattern, shapes.PATTERN)]
StepPattern = Annotated[str, Written(kinds.step_pattern, shapes.PATTERN)]
Zone = Annotated[str, Written(kinds.zone, shapes.ZONE)]
Account = Annotated[str, Written(names.account, shapes.ACCOUNT)]
NodeName = Annotated[str, Written(names.node_name, shapes.NODE)]
Variable = Annotated[str, Written(names.variable_name, shapes.VARIABLE)]
Param = Annotated[str, Written(names.param_name, shapes.PARAM)]
Umask = Annotated[int, Written(kinds.umask, shapes.UMASK)]
Cores = Annotated[float, Written(kinds.cores, shapes.CORES)]
Command = Annotated[str | tuple[str, ...], Written(kinds.command, shapes.COMMAND)]
Signal = Annotated[int, Written(kinds.signal_number, shapes.SIGNAL, kinds.signal_name)]
Codes = Annotated[frozenset[int], Written(kinds.exit_codes, shapes.EXIT_CODES, sorted)]
Retried = Annotated[
    frozenset[Outcome], Written(kinds.retried_outcomes, shapes.OUTCOMES, kinds.outcome_names)
]
Size = Annotated[int, _size(1 << 20, 1 << 50)]
Duration = Annotated[timedelta, _duration(timedelta(0), 3650 * _DAY)]
Period = Annotated[timedelta, _duration(_SECOND, 3650 * _DAY)]
Weight = Annotated[int, Field(ge=1, le=10_000)]
Slots = Annotated[int, Field(ge=1, le=10_000)]
Percent = Annotated[float, Field(ge=1, le=100, allow_inf_nan=False)]
Called = Annotated[Hook | None, Written(hook, shapes.HOOK)]
Pinged = Annotated[Hook | None, Written(ping_url, shapes.URL)]


class Table(BaseModel):
    """A TOML table: unknown keys are errors, and a number is no string."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class DaemonTable(Table):
    """[daemon]: this node, and how it is reached."""

    node: NodeName | None = None
    labels: list[NodeName] = Field(default_factory=list)
    timezone: Zone = "UTC"
    state_dir: Path = "/var/lib/jobd"
    socket: Socket = "/run/jobd/jobd.sock"
    http: Annotated[tuple[str, int] | None, Written(names.address, shapes.ADDRESS, _address)] = (
        "127.0.0.1",
        9746,
    )
    shutdown_grace: Annotated[timedelta, _duration(timedelta(0), _DAY)] = 30 * _SECOND


class StoreTable(Table):
    """[store]: where ticks and runs are remembered, and how long."""

    url: Annotated[str, Written(store_url, shapes.STORE)] = Field(default="sqlite", repr=False)
    lease_ttl: Annotated[timedelta, _duration(10 * _SECOND, _HOUR)] = 60 * _SECOND
    keep_runs: Annotated[timedelta, _duration(_HOUR, 3650 * _DAY)] = 30 * _DAY
    keep_runs_per_job: int = Field(default=1000, ge=1, le=1_000_000)
    migrate: bool = True


class PressureTable(Table):
    """``pressure``: above it nothing new starts. Percent of the last ten seconds (the kernel's
    "some avg10") in which somebody waited; for the store, how long it takes to answer."""

    memory: Percent | None = 20.0
    io: Percent | None = 60.0
    cpu: Percent | None = None
    store: Annotated[timedelta, _duration(_SECOND / 10, _MINUTE)] = 2 * _SECOND


class LimitsTable(Table):
    """[limits]: backpressure on this node."""

    max_running: int = Field(default=16, ge=1, le=10_000)
    max_waiting: int = Field(default=200, ge=0, le=100_000)
    memory_budget: Annotated[
        int | float, Written(kinds.memory_share, shapes.MEMORY_SHARE, _share)
    ] = 0.6
    pressure: PressureTable = PressureTable()
    max_hooks: int = Field(default=8, ge=1, le=100)
    hook_timeout: Annotated[timedelta, _duration(_SECOND, 10 * _MINUTE)] = 20 * _SECOND


class PoolTable(Table):
    """[pools.NAME]: jobs that share a bottleneck. Without a default: ``size``."""

    size: Slots = 1
    scope: Annotated[Scope, _choice(Scope)] = Scope.CLUSTER


class DstTable(Table):
    """``dst``: what a fixed-hour job does in the hour that is missing or comes twice."""

    gap: Annotated[kinds.Gap, _choice(kinds.Gap)] = kinds.Gap.SHIFT
    fold: Annotated[kinds.Fold, _choice(kinds.Fold)] = kinds.Fold.FIRST


class RetriesTable(Table):
    """``retries``: how often, how long apart, after what."""

    max: int = Field(ge=0, le=1000)
    delay: Annotated[timedelta, _duration(timedelta(0), _DAY)] = 30 * _SECOND
    factor: float = Field(default=2.0, ge=1, le=100, allow_inf_nan=False)
    max_delay: Annotated[timedelta, _duration(timedelta(0), 7 * _DAY)] = 10 * _MINUTE
    jitter: float = Field(default=0.2, ge=0, le=1, allow_inf_nan=False)
    on: Retried = frozenset({Outcome.FAILURE, Outcome.TIMEOUT, Outcome.OOM, Outcome.LOST})


class ParamTable(Table):
    """One of ``params``: what a manual trigger may pass."""

    pattern: Pattern | None = None
    default: Text | None = None


class StepsTable(Table):
    """``steps``: how lines of output tell of the parts of a run."""

    start: StepPattern
    end: Pattern | None = None


class JobTable(Table):
    """[jobs.NAME], and [defaults]: any of its keys."""

    command: Command | None = None
    shell: bool = False

    schedule: Cron | None = None
    every: Period | None = None
    after: Period | None = None
    timezone: Zone | None = None
    dst: DstTable = DstTable()
    jitter: Annotated[timedelta, _duration(timedelta(0), 31 * _DAY)] = timedelta(0)
    jitter_mode: Annotated[JitterMode, _choice(JitterMode)] = JitterMode.RANDOM

    overlap: Annotated[Overlap, _choice(Overlap)] = Overlap.SKIP
    max_instances: int = Field(default=1, ge=1, le=1000)
    max_duty: float = Field(default=1.0, gt=0, le=1, allow_inf_nan=False)
    catchup: Annotated[Catchup, _choice(Catchup)] = Catchup.LATEST
    catchup_window: Annotated[timedelta, _duration(_SECOND, 366 * _DAY)] = _HOUR
    start_deadline: Period | None = None
    priority: int = Field(default=0, ge=-1_000_000, le=1_000_000)

    timeout: Period | None = None
    watchdog: Period | None = None
    stop_signal: Signal = 15
    kill_after: Annotated[timedelta, _duration(timedelta(0), _HOUR)] = 10 * _SECOND
    memory_max: Size | None = None
    memory_high: Size | None = None
    cpu_max: Cores | None = None
    cpu_weight: Weight | None = None
    io_weight: Weight | None = None
    pids_max: int | None = Field(default=None, ge=1, le=4_194_304)
    nice: int | None = Field(default=None, ge=-20, le=19)
    oom_score_adj: int | None = Field(default=None, ge=-1000, le=1000)

    retries: RetriesTable = RetriesTable(max=0)
    success_exit_codes: Codes = frozenset({0})
    failure_pattern: Pattern | None = None
    steps: StepsTable | None = None

    user: Account | None = None
    group: Account | None = None
    cwd: Path | None = None
    umask: Umask | None = None
    env: dict[Variable, Text] = Field(default_factory=dict)
    env_file: Path | None = None
    stdin: Path | None = None
    output_max: Annotated[int, _size(1 << 10, 1 << 30)] = 1 << 20

    params: dict[Param, ParamTable] = Field(default_factory=dict)
    enabled: bool = True
    description: Text = ""
    owner: Text = ""
    runbook: Text = ""
    tags: list[Text] = Field(default_factory=list)

    on_failure: Called = None
    on_recovery: Called = None
    on_success: Called = None
    ping_url: Pinged = None

    scope: Annotated[Scope, _choice(Scope)] | None = None
    nodes: list[NodeName] = Field(default_factory=list)
    pool: Annotated[str, Written(names.pool, shapes.POOL)] = ""
    slots: Slots = 1

    expected_duration: Period | None = None
    expected_memory: Size | None = None
