"""Job: one frozen description of what is wanted, with every default filled in.

The parts that many jobs share (limits, retries) are objects of their own, so that ten
thousand jobs with the same defaults hold them once.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from jobd.core.hooks import NO_HOOKS, Hooks
from jobd.core.outcome import Outcome
from jobd.core.schedule import Schedule

MAX_PARAM = 8192  # characters of a parameter's value


class Overlap(StrEnum):
    """What becomes of a tick while the prior run of its job is active."""

    SKIP = "skip"
    QUEUE = "queue"
    REPLACE = "replace"
    ALLOW = "allow"


class Catchup(StrEnum):
    """Which of the ticks that nobody could decide in time still run."""

    NONE = "none"
    LATEST = "latest"
    ALL = "all"


class JitterMode(StrEnum):
    """Whether the delay differs per tick or is constant per job."""

    RANDOM = "random"
    FIXED = "fixed"


class Scope(StrEnum):
    """Who runs a tick: one node of those that share the store, or every node its own."""

    CLUSTER = "cluster"
    NODE = "node"


@dataclass(frozen=True, slots=True)
class Pool:
    """A bottleneck that several jobs share: ``size`` slots, of the cluster or of each node."""

    name: str
    size: int
    scope: Scope = Scope.CLUSTER


@dataclass(frozen=True, slots=True)
class Limits:
    """Ceilings of a run's whole process tree; None is no ceiling."""

    memory_max_bytes: int | None = None
    memory_high_bytes: int | None = None
    cpu_max: float | None = None  # in cores: 0.5 is half of one
    cpu_weight: int | None = None  # 1 to 10000, as in cgroup v2
    io_weight: int | None = None  # 1 to 10000, as in cgroup v2
    pids_max: int | None = None
    nice: int | None = None
    oom_score_adj: int | None = None


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and after which outcomes a run gets another attempt."""

    max: int = 0
    delay: timedelta = timedelta(seconds=30)
    factor: float = 2.0
    max_delay: timedelta = timedelta(minutes=10)
    jitter: float = 0.2  # share of the delay
    on: frozenset[Outcome] = frozenset(
        {Outcome.FAILURE, Outcome.TIMEOUT, Outcome.OOM, Outcome.LOST}
    )


@dataclass(frozen=True, slots=True)
class Command:
    """What is executed and as whom. Never logged, never in a metric: argv may hold secrets."""

    argv: tuple[str, ...]
    user: str | None = None
    group: str | None = None
    cwd: str | None = None
    umask: int | None = None
    env: tuple[tuple[str, str], ...] = ()
    env_file: str | None = None
    stdin: str | None = None  # a file's path; None is /dev/null


@dataclass(frozen=True, slots=True)
class Param:
    """What a manual trigger may pass as ``JOBD_PARAM_<NAME>``."""

    name: str
    pattern: str | None = None  # full match
    default: str | None = None

    def is_matched_by(self, value: str) -> bool:
        """Whether the whole value matches the pattern, if there is one."""
        return self.pattern is None or re.fullmatch(self.pattern, value) is not None


def is_passable(value: str) -> bool:
    """Whether a parameter of this value can become an environment variable, and a short one."""
    return len(value) <= MAX_PARAM and "\0" not in value and _is_encodable(value)


def _is_encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class StepPatterns:
    """By what a line of output begins a step, and by what it ends one.

    ``start`` has a group ``step``, its name. ``end`` may have one called ``seconds``: what the
    job itself says that the step took.
    """

    start: str
    end: str | None = None  # None: only the next step ends one, or the end of the run


@dataclass(frozen=True, slots=True)
class About:
    """Words for people; nothing here changes what runs."""

    description: str = ""
    owner: str = ""
    runbook: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the definition was read, and which keys the job and the defaults set.

    A key in neither set has its built-in default; ``ctl show`` says so.
    """

    file: str = ""
    line: int = 0
    own: frozenset[str] = frozenset()
    inherited: frozenset[str] = frozenset()


# However often a run asks for more time, its timeout comes at this multiple. The supervisor,
# which keeps it, has the same number: it imports nothing of the daemon's.
MOST_TIMEOUTS = 10


@dataclass(frozen=True, slots=True)
class Job:
    """One configured job. Keys and defaults are those of the contract, section 2."""

    name: str
    command: Command
    schedule: Schedule | None = None  # None: manual only
    timezone: str = "UTC"
    jitter: timedelta = timedelta(0)
    jitter_mode: JitterMode = JitterMode.RANDOM
    overlap: Overlap = Overlap.SKIP
    max_instances: int = 1
    max_duty: float = 1.0
    timeout: timedelta | None = None
    watchdog: timedelta | None = None  # how long it may be silent; None: for ever
    stop_signal: int = 15
    kill_after: timedelta = timedelta(seconds=10)
    limits: Limits = field(default_factory=Limits)
    expected_duration: timedelta | None = None  # until there is history
    expected_memory_bytes: int | None = None  # likewise
    catchup: Catchup = Catchup.LATEST
    catchup_window: timedelta = timedelta(hours=1)
    start_deadline: timedelta | None = None  # None: min(interval, 5 minutes)
    retries: Retries = field(default_factory=Retries)
    success_exit_codes: frozenset[int] = frozenset({0})
    failure_pattern: str | None = None
    priority: int = 0
    pool: Pool | None = None
    slots: int = 1  # what a run takes of its pool
    scope: Scope = Scope.NODE
    nodes: tuple[str, ...] = ()  # names or labels of the nodes that may run it; none: all
    output_max_bytes: int = 1 << 20
    steps: StepPatterns | None = None
    params: tuple[Param, ...] = ()
    hooks: Hooks = NO_HOOKS
    enabled: bool = True
    about: About = field(default_factory=About)
    provenance: Provenance = field(default_factory=Provenance)

    @property
    def schedule_identity(self) -> str:
        """What must not change if the job's past ticks are to count.

        "" while it is disabled: no schedule is in force, and what passes is not owed later.
        """
        return self.schedule.identity if self.schedule is not None and self.enabled else ""


Jobs = Mapping[str, Job]
