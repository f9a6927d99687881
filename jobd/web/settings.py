"""No hidden ceilings: every effective setting of a job, where it comes from, by what it is held."""

import signal
from collections.abc import Iterator
from dataclasses import dataclass

from jobd.core.hooks import HookKind
from jobd.core.job import MOST_TIMEOUTS, Job, Retries
from jobd.core.view import JobView, NodeView
from jobd.ports import Enforcement
from jobd.web.node import HookLimits
from jobd.web.shapes import Json, JsonObject, seconds

BUILT_IN = "built in"


@dataclass(frozen=True, slots=True)
class Setting:
    """One effective value. ``key`` is the configuration's, ``name`` says the unit too."""

    name: str
    key: str
    value: Json
    enforced_by: str


def settings_shape(
    view: JobView, node: NodeView, enforcement: Enforcement, hooks: HookLimits
) -> JsonObject:
    """Return name → value, source and enforced_by, in the order of the contract."""
    job = view.job
    shape: JsonObject = {
        setting.name: {
            "value": setting.value,
            "source": source_of(job, setting.key),
            "enforced_by": None if setting.value is None else setting.enforced_by,
        }
        for setting in (*_when(view), *_limits(job, enforcement), *_rest(job), *_hooks(job))
    }
    shape["max_running"] = _of_node(node.max_running)
    shape["max_waiting"] = _of_node(node.max_waiting)
    if job.hooks.kinds:
        shape |= _limits_of_calls(job, hooks, enforcement)
    return shape


def source_of(job: Job, key: str) -> str:
    """Return ``job``, ``defaults``, ``daemon`` or ``built in``: who set the key."""
    if key in job.provenance.own:
        return "job"
    if key in job.provenance.inherited:
        return "defaults"
    return "daemon" if key == "timezone" and job.timezone != "UTC" else BUILT_IN


def _when(view: JobView) -> Iterator[Setting]:
    job, by = view.job, "scheduler"
    written = job.provenance.own | job.provenance.inherited
    key = next((key for key in ("every", "after") if key in written), "schedule")
    yield Setting("schedule", key, job.schedule.text if job.schedule else None, by)
    yield Setting("timezone", "timezone", job.timezone, by)
    yield Setting("jitter_s", "jitter", seconds(job.jitter), by)
    yield Setting("jitter_mode", "jitter_mode", job.jitter_mode.value, by)
    yield Setting("overlap", "overlap", job.overlap.value, "store")
    yield Setting("max_instances", "max_instances", job.max_instances, "store")
    yield Setting("max_duty", "max_duty", job.max_duty, "store")
    yield Setting("catchup", "catchup", job.catchup.value, by)
    yield Setting("catchup_window_s", "catchup_window", seconds(job.catchup_window), by)
    yield Setting("start_deadline_s", "start_deadline", seconds(view.start_deadline), by)
    yield Setting("priority", "priority", job.priority, by)
    yield Setting("enabled", "enabled", job.enabled, by)


def _limits(job: Job, enforcement: Enforcement) -> Iterator[Setting]:
    limits = job.limits
    soft = enforcement.memory if enforcement.memory.startswith("cgroup") else "none"
    yield Setting("timeout_s", "timeout", seconds(job.timeout), "supervisor")
    most = None if job.timeout is None else job.timeout * MOST_TIMEOUTS
    yield Setting("timeout_when_extended_s", "timeout", seconds(most), "supervisor")
    yield Setting("watchdog_s", "watchdog", seconds(job.watchdog), "supervisor")
    yield Setting("stop_signal", "stop_signal", _signal_name(job.stop_signal), "supervisor")
    yield Setting("kill_after_s", "kill_after", seconds(job.kill_after), "supervisor")
    yield Setting("memory_max_bytes", "memory_max", limits.memory_max_bytes, enforcement.memory)
    yield Setting("memory_high_bytes", "memory_high", limits.memory_high_bytes, soft)
    yield Setting("cpu_max", "cpu_max", limits.cpu_max, enforcement.cpu)
    yield Setting("cpu_weight", "cpu_weight", limits.cpu_weight, enforcement.cpu)
    yield Setting("io_weight", "io_weight", limits.io_weight, enforcement.io)
    yield Setting("pids_max", "pids_max", limits.pids_max, enforcement.pids)
    yield Setting("nice", "nice", limits.nice, "kernel")
    yield Setting("oom_score_adj", "oom_score_adj", limits.oom_score_adj, "kernel")
    yield Setting("output_max_bytes", "output_max", job.output_max_bytes, "supervisor")


def _rest(job: Job) -> Iterator[Setting]:
    command = job.command
    codes: list[Json] = [*sorted(job.success_exit_codes)]
    umask = None if command.umask is None else f"{command.umask:04o}"
    yield Setting("retries", "retries", _retries_shape(job.retries), "scheduler")
    yield Setting("success_exit_codes", "success_exit_codes", codes, "scheduler")
    yield Setting("failure_pattern", "failure_pattern", job.failure_pattern, "daemon")
    yield Setting("steps", "steps", _steps_shape(job), "supervisor")
    yield Setting("params", "params", _params_shape(job), "daemon")
    yield Setting("user", "user", command.user, "supervisor")
    yield Setting("group", "group", command.group, "supervisor")
    yield Setting("cwd", "cwd", command.cwd, "supervisor")
    yield Setting("umask", "umask", umask, "supervisor")
    yield Setting("stdin", "stdin", command.stdin, "supervisor")


def _hooks(job: Job) -> Iterator[Setting]:
    """Yield what is called about runs: no more of it than the program, or the host."""
    for kind in HookKind:
        hook = job.hooks.of(kind)
        by = "daemon" if hook is None or hook.url else "supervisor"
        yield Setting(kind.value, kind.value, None if hook is None else hook.shown, by)


def _limits_of_calls(job: Job, hooks: HookLimits, enforcement: Enforcement) -> JsonObject:
    called = [job.hooks.of(kind) for kind in job.hooks.kinds]
    shape: JsonObject = {
        "max_hooks": _of_node(hooks.max_hooks, "daemon"),
        "hook_timeout_s": _of_node(seconds(hooks.timeout), "daemon"),
    }
    if any(hook is not None and hook.argv for hook in called):
        memory, pids = hooks.memory_max_bytes, hooks.pids_max
        shape["hook_memory_max_bytes"] = _of_node(memory, enforcement.memory, BUILT_IN)
        shape["hook_pids_max"] = _of_node(pids, enforcement.pids, BUILT_IN)
    return shape


def _retries_shape(retries: Retries) -> JsonObject:
    return {
        "max": retries.max,
        "delay_s": seconds(retries.delay),
        "factor": retries.factor,
        "max_delay_s": seconds(retries.max_delay),
        "jitter": retries.jitter,
        "on": [*sorted(outcome.value for outcome in retries.on)],
    }


def _steps_shape(job: Job) -> Json:
    return None if job.steps is None else {"start": job.steps.start, "end": job.steps.end}


def _params_shape(job: Job) -> Json:
    return {param.name: {"pattern": param.pattern} for param in job.params}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name.removeprefix("SIG")
    except ValueError:
        return str(number)


def _of_node(value: Json, enforced_by: str = "scheduler", source: str = "limits") -> JsonObject:
    return {"value": value, "source": source, "enforced_by": enforced_by}
