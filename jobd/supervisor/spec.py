"""Spec: one attempt as the daemon ordered it, checked before anything is done about it."""

from math import isfinite

Launch = dict[str, object]  # jobd.ports.Launch as JSON, see jobd.supervisor.wire

# Below this not even the loader fits, and who starts the process would share its fate.
MEMORY_MIN_BYTES = 1 << 20
# A smaller share of a period could freeze whoever is inside the group: the supervisor too.
CPU_SHARE_SAFE = 0.1

_HUGE = 1 << 62
_ID_MAX = (1 << 32) - 2


class Spec:
    """What to execute, as whom, under which ceilings. ValueError when the order is malformed."""

    def __init__(self, launch: Launch) -> None:
        take = launch.get
        run = take("run")
        if not isinstance(run, dict):
            raise ValueError("run is missing")
        self.run: dict[str, object] = run
        self.run_id = _text(run.get("run_id"), "run_id")
        self.attempt = _whole(run.get("attempt"), "attempt", 1)
        self.argv = _argv(take("argv"))
        self.env = _env(take("env"))
        self.cwd = _text(take("cwd"), "cwd")
        self.output = _text(take("output"), "output")
        self.output_max = _whole(take("output_max_bytes"), "output_max_bytes", 0)
        self.stop_signal = _whole(take("stop_signal"), "stop_signal", 1, 64)
        self.kill_after_s = _seconds(take("kill_after_s"), "kill_after_s")
        self.umask = _whole(take("umask"), "umask", 0, 0o777)
        self.stdin = _text(launch["stdin"], "stdin") if "stdin" in launch else None
        self.timeout_s = _optional_seconds(launch, "timeout_s")
        self.until_s = _optional_seconds(launch, "until_steady_s")
        self.watchdog_s = _optional_seconds(launch, "watchdog_s")
        self.secrets = _secrets(launch["secrets"]) if "secrets" in launch else []
        self.steps = _patterns(launch["steps"]) if "steps" in launch else None
        self._take_identity(launch)
        self._take_ceilings(launch)

    @property
    def must_fork(self) -> bool:
        """Whether only the child itself can bring about what was ordered.

        The rest starts four times faster by posix_spawn, with the supervisor inside the
        run's group for that moment. It cannot be there when it would count against a
        ceiling on processes, or be stopped by a tiny share of CPU.
        """
        return self._must_fork

    def _take_identity(self, launch: Launch) -> None:
        self.uid = _optional(launch, "uid", 0, _ID_MAX)
        self.gid = _optional(launch, "gid", 0, _ID_MAX)
        groups = _list(launch.get("groups", []))
        self.groups = [_whole(group, "groups", 0, _ID_MAX) for group in groups]
        self.nice = _optional(launch, "nice", -20, 19)
        self.oom_score_adj = _optional(launch, "oom_score_adj", -1000, 1000)
        self._must_fork = not launch.keys().isdisjoint(("uid", "gid", "nice", "oom_score_adj"))

    def _take_ceilings(self, launch: Launch) -> None:
        self.memory_max = _optional(launch, "memory_max_bytes", MEMORY_MIN_BYTES)
        self.memory_high = _optional(launch, "memory_high_bytes", MEMORY_MIN_BYTES)
        self.cpu_max = _optional_seconds(launch, "cpu_max")
        self.cpu_weight = _optional(launch, "cpu_weight", 1, 10_000)
        self.io_weight = _optional(launch, "io_weight", 1, 10_000)
        self.pids_max = _optional(launch, "pids_max", 1)
        if self.pids_max is not None or (self.cpu_max or CPU_SHARE_SAFE) < CPU_SHARE_SAFE:
            self._must_fork = True


def _optional(launch: Launch, key: str, least: int, most: int = _HUGE) -> int | None:
    return _whole(launch[key], key, least, most) if key in launch else None


def _optional_seconds(launch: Launch, key: str) -> float | None:
    return _seconds(launch[key], key) if key in launch else None


def _whole(value: object, key: str, least: int, most: int = _HUGE) -> int:
    if type(value) is not int or not least <= value <= most:
        upper = "" if most == _HUGE else f" and at most {most}"
        raise ValueError(f"{key} is {value!r}; it must be a whole number, at least {least}{upper}")
    return value


def _seconds(value: object, key: str) -> float:
    number = value if type(value) is float or type(value) is int else -1.0
    if not isfinite(number) or number < 0:
        raise ValueError(f"{key} is {value!r}; it must be a number, not negative")
    return float(number)


def _text(value: object, key: str) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError(f"{key} is {value!r}; it must be text without NUL, not empty")
    return value


def _patterns(value: object) -> tuple[str, str | None]:
    """Return by what a line of output begins a step, and by what it ends one."""
    start, end = value if isinstance(value, list) and len(value) == 2 else (None, None)
    if not isinstance(start, str) or not (end is None or isinstance(end, str)):
        raise ValueError(f"steps is {value!r}; it must be a list of two patterns")
    return start, end


def _secrets(value: object) -> list[bytes]:
    secrets = _list(value)
    if not all(isinstance(secret, str) and secret for secret in secrets):
        raise ValueError("secrets must be a list of text, none of it empty")
    return [str(secret).encode(errors="surrogateescape") for secret in secrets]


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise ValueError(f"{value!r} is no list")
    return value


def _argv(value: object) -> list[str]:
    argv = _list(value)
    if not argv or not argv[0] or set(map(type, argv)) != {str}:
        raise ValueError("command is empty or not a list of words")
    return argv  # type: ignore[return-value] # all are words, as was just looked


def _env(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not set(map(type, value.values())) <= {str}:
        raise ValueError("env must map names to text")
    if "" in value or "=" in "".join(value):
        raise ValueError("env has a name that is empty or contains '='")
    return value
