"""The shape of the configuration: every table, every key, its type, bounds and default.

The only module that imports pydantic, which costs 9 MiB and 100 ms: ``load`` imports it
when it needs it, and ``ctl`` never does. Values are read by :mod:`jobd.config.kinds` and
:mod:`jobd.config.names`; what several keys mean together is in :mod:`jobd.config.rules`.
"""

from datetime import timedelta
from typing import Annotated

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationInfo,
)

from jobd.config import kinds, names
from jobd.config.hooks import hook, ping_url
from jobd.config.store_url import store_url
from jobd.core.hooks import Hook
from jobd.core.job import Catchup, JitterMode, Overlap, Scope
from jobd.core.outcome import Outcome

_SECOND, _MINUTE, _HOUR, _DAY = (timedelta(seconds=s) for s in (1, 60, 3600, 86400))


def _duration(shortest: timedelta, longest: timedelta) -> PlainValidator:
    return PlainValidator(kinds.duration(shortest, longest))


def _size(smallest: int, largest: int) -> PlainValidator:
    return PlainValidator(kinds.size(smallest, largest))


def _path(value: object, info: ValidationInfo[str]) -> str:
    return names.path(value, info.context)


def _socket(value: object, info: ValidationInfo[str]) -> str:
    return names.socket_path(value, info.context)


Text = Annotated[str, PlainValidator(names.text)]
Path = Annotated[str, PlainValidator(_path)]
Pattern = Annotated[str, PlainValidator(kinds.pattern)]
Zone = Annotated[str, PlainValidator(kinds.zone)]
Account = Annotated[str, PlainValidator(names.account)]
NodeName = Annotated[str, PlainValidator(names.node_name)]
Size = Annotated[int, _size(1 << 20, 1 << 50)]
Duration = Annotated[timedelta, _duration(timedelta(0), 3650 * _DAY)]
Period = Annotated[timedelta, _duration(_SECOND, 3650 * _DAY)]
Weight = Annotated[int, Field(ge=1, le=10_000)]
Slots = Annotated[int, Field(ge=1, le=10_000)]
Percent = Annotated[float, Field(ge=1, le=100, allow_inf_nan=False)]
Called = Annotated[Hook | None, PlainValidator(hook)]
Pinged = Annotated[Hook | None, PlainValidator(ping_url)]


class Table(BaseModel):
    """A TOML table: unknown keys are errors, and a number is no string."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class DaemonTable(Table):
    """[daemon]: this node, and how it is reached."""

    node: NodeName | None = None
    labels: list[NodeName] = Field(default_factory=list)
    timezone: Zone = "UTC"
    state_dir: Path = "/var/lib/jobd"
    socket: Annotated[str, PlainValidator(_socket)] = "/run/jobd/jobd.sock"
    http: Annotated[tuple[str, int] | None, PlainValidator(names.address)] = ("127.0.0.1", 9746)
    shutdown_grace: Annotated[timedelta, _duration(timedelta(0), _DAY)] = 30 * _SECOND


class StoreTable(Table):
    """[store]: where ticks and runs are remembered, and how long."""

    url: Annotated[str, PlainValidator(store_url)] = Field(default="sqlite", repr=False)
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
    memory_budget: Annotated[int | float, PlainValidator(kinds.memory_share)] = 0.6
    pressure: PressureTable = PressureTable()
    max_hooks: int = Field(default=8, ge=1, le=100)
    hook_timeout: Annotated[timedelta, _duration(_SECOND, 10 * _MINUTE)] = 20 * _SECOND


class PoolTable(Table):
    """[pools.NAME]: jobs that share a bottleneck. Without a default: ``size``."""

    size: Slots = 1
    scope: Annotated[Scope, PlainValidator(kinds.choice(Scope))] = Scope.CLUSTER


class DstTable(Table):
    """``dst``: what a fixed-hour job does in the hour that is missing or comes twice."""

    gap: Annotated[kinds.Gap, PlainValidator(kinds.choice(kinds.Gap))] = kinds.Gap.SHIFT
    fold: Annotated[kinds.Fold, PlainValidator(kinds.choice(kinds.Fold))] = kinds.Fold.FIRST


class RetriesTable(Table):
    """``retries``: how often, how long apart, after what."""

    max: int = Field(ge=0, le=1000)
    delay: Annotated[timedelta, _duration(timedelta(0), _DAY)] = 30 * _SECOND
    factor: float = Field(default=2.0, ge=1, le=100, allow_inf_nan=False)
    max_delay: Annotated[timedelta, _duration(timedelta(0), 7 * _DAY)] = 10 * _MINUTE
    jitter: float = Field(default=0.2, ge=0, le=1, allow_inf_nan=False)
    on: Annotated[frozenset[Outcome], PlainValidator(kinds.retried_outcomes)] = frozenset(
        {Outcome.FAILURE, Outcome.TIMEOUT, Outcome.OOM, Outcome.LOST}
    )


class ParamTable(Table):
    """One of ``params``: what a manual trigger may pass."""

    pattern: Pattern | None = None
    default: Text | None = None


class StepsTable(Table):
    """``steps``: how lines of output tell of the parts of a run."""

    start: Annotated[str, PlainValidator(kinds.step_pattern)]
    end: Pattern | None = None


class JobTable(Table):
    """[jobs.NAME], and [defaults]: any of its keys."""

    command: Annotated[str | tuple[str, ...] | None, PlainValidator(kinds.command)] = None
    shell: bool = False

    schedule: Text | None = None
    every: Period | None = None
    after: Period | None = None
    timezone: Zone | None = None
    dst: DstTable = DstTable()
    jitter: Annotated[timedelta, _duration(timedelta(0), 31 * _DAY)] = timedelta(0)
    jitter_mode: Annotated[JitterMode, PlainValidator(kinds.choice(JitterMode))] = JitterMode.RANDOM

    overlap: Annotated[Overlap, PlainValidator(kinds.choice(Overlap))] = Overlap.SKIP
    max_instances: int = Field(default=1, ge=1, le=1000)
    max_duty: float = Field(default=1.0, gt=0, le=1, allow_inf_nan=False)
    catchup: Annotated[Catchup, PlainValidator(kinds.choice(Catchup))] = Catchup.LATEST
    catchup_window: Annotated[timedelta, _duration(_SECOND, 366 * _DAY)] = _HOUR
    start_deadline: Period | None = None
    priority: int = Field(default=0, ge=-1_000_000, le=1_000_000)

    timeout: Period | None = None
    watchdog: Period | None = None
    stop_signal: Annotated[int, PlainValidator(kinds.signal_number)] = 15
    kill_after: Annotated[timedelta, _duration(timedelta(0), _HOUR)] = 10 * _SECOND
    memory_max: Size | None = None
    memory_high: Size | None = None
    cpu_max: Annotated[float | None, PlainValidator(kinds.cores)] = None
    cpu_weight: Weight | None = None
    io_weight: Weight | None = None
    pids_max: int | None = Field(default=None, ge=1, le=4_194_304)
    nice: int | None = Field(default=None, ge=-20, le=19)
    oom_score_adj: int | None = Field(default=None, ge=-1000, le=1000)

    retries: RetriesTable = RetriesTable(max=0)
    success_exit_codes: Annotated[frozenset[int], PlainValidator(kinds.exit_codes)] = frozenset({0})
    failure_pattern: Pattern | None = None
    steps: StepsTable | None = None

    user: Account | None = None
    group: Account | None = None
    cwd: Path | None = None
    umask: Annotated[int | None, PlainValidator(kinds.umask)] = None
    env: dict[Annotated[str, PlainValidator(names.variable_name)], Text] = Field(
        default_factory=dict
    )
    env_file: Path | None = None
    stdin: Path | None = None
    output_max: Annotated[int, _size(1 << 10, 1 << 30)] = 1 << 20

    params: dict[Annotated[str, PlainValidator(names.param_name)], ParamTable] = Field(
        default_factory=dict
    )
    enabled: bool = True
    description: Text = ""
    owner: Text = ""
    runbook: Text = ""
    tags: list[Text] = Field(default_factory=list)

    on_failure: Called = None
    on_recovery: Called = None
    on_success: Called = None
    ping_url: Pinged = None

    scope: Annotated[Scope | None, PlainValidator(kinds.choice(Scope))] = None
    nodes: list[NodeName] = Field(default_factory=list)
    pool: Annotated[str, PlainValidator(names.pool)] = ""
    slots: Slots = 1

    expected_duration: Period | None = None
    expected_memory: Size | None = None
