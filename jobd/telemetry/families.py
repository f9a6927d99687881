"""The families of metrics that every job has, and how a job's lines of each are written.

A sample's line is the same in the Prometheus text format and in OpenMetrics; only the
heads of the families differ. Where a value does not exist (no ceiling, no schedule, never
ran) it is 0, so that every series is there from the start. docs/metrics.md explains each.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobd.core.hooks import HookResult
from jobd.core.job import Job
from jobd.telemetry import series as kept
from jobd.telemetry.histogram import run_histogram, step_histogram
from jobd.telemetry.row import Row, escape
from jobd.telemetry.series import JobSeries


@dataclass(frozen=True, slots=True)
class Family:
    """One family of metrics with a series, or a few, for each job."""

    name: str  # as its samples are called; a histogram's without _bucket, _sum, _count
    kind: str  # "counter", "gauge", "histogram", "info"
    help: str
    depends: int  # which changes make its lines stale, of those in jobd.telemetry.series
    lines: Callable[[Row], str]


def _single(name: str, value: Callable[[Row], float]) -> Callable[[Row], str]:
    opening = name + '{job_name="'

    def lines(row: Row) -> str:
        return f'{opening}{row.label}"}} {value(row)}\n'

    return lines


def _by_label(
    name: str,
    label: str,
    values: Collection[str],
    counts: "Callable[[JobSeries], Sequence[int] | None]",
) -> Callable[[Row], str]:
    template = "".join(f'{name}{{job_name="\0",{label}="{value}"}} %d\n' for value in values)
    at_zero = template.replace("%d", "0")

    def lines(row: Row) -> str:
        # Formatted before the name is put in: a name may hold a percent sign.
        numbers = counts(row.series)
        counted = at_zero if numbers is None else template % tuple(numbers)
        return counted.replace("\0", row.label)

    return lines


def _hooks(name: str) -> Callable[[Row], str]:
    def lines(row: Row) -> str:
        counts = row.series.hooks
        return "".join(
            f'{name}{{job_name="{row.label}",hook="{kind}",result="{result}"}} '
            f"{0 if counts is None else counts[kept.HOOK_INDEX[kind, result]]}\n"
            for kind in row.view.job.hooks.kinds
            for result in HookResult
        )

    return lines


def _info(name: str) -> Callable[[Row], str]:
    def lines(row: Row) -> str:
        job = row.view.job
        owner, schedule = escape(job.about.owner), escape(_schedule_text(job))
        return (
            f'{name}{{job_name="{row.label}",owner="{owner}",schedule="{schedule}",'
            f'scope="{job.scope}"}} 1\n'
        )

    return lines


def _schedule_text(job: Job) -> str:
    return job.schedule.text if job.schedule is not None else "manual"


def _timestamp(instant: datetime | None) -> float:
    return instant.timestamp() if instant is not None else 0


def _seconds(duration: timedelta | None) -> float:
    return duration.total_seconds() if duration is not None else 0


def _metric(
    name: str, kind: str, depends: int, value: Callable[[Row], float], help_: str
) -> Family:
    return Family(name, kind, help_, depends, _single(name, value))


def _counter(
    name: str,
    depends: int,
    label: str,
    values: Collection[str],
    counts: "Callable[[JobSeries], Sequence[int] | None]",
    help_: str,
) -> Family:
    return Family(name, "counter", help_, depends, _by_label(name, label, values, counts))


_COUNTED = (
    _metric(
        "jobd_ticks_total",
        "counter",
        kept.TICKS,
        lambda row: row.series.ticks,
        "Ticks decided: started or skipped.",
    ),
    _counter(
        "jobd_ticks_skipped_total",
        kept.SKIPS,
        "reason",
        kept.REASON_INDEX,
        lambda series: series.skipped,
        "Ticks settled without a run, by reason.",
    ),
    _counter(
        "jobd_runs_started_total",
        kept.STARTS,
        "trigger",
        kept.TRIGGER_INDEX,
        lambda series: series.started,
        "Runs that were granted their start, by what asked for them.",
    ),
    _metric(
        "jobd_job_overlaps_in_a_row",
        "gauge",
        kept.SKIPS,
        lambda row: row.series.overlaps,
        "Latest ticks that were all skipped because the prior run was still active.",
    ),
    _counter(
        "jobd_runs_total",
        kept.ENDS,
        "outcome",
        kept.OUTCOME_INDEX,
        lambda series: series.ended,
        "Runs that ended, retries over, by outcome.",
    ),
    _metric(
        "jobd_run_retries_total",
        "counter",
        kept.ENDS,
        lambda row: row.series.retries,
        "Attempts that ended and are to be retried.",
    ),
    Family(
        "jobd_run_duration_seconds",
        "histogram",
        "Duration of the last attempt of each run that ended.",
        kept.ENDS,
        run_histogram("jobd_run_duration_seconds"),
    ),
    Family(
        "jobd_step_duration_seconds",
        "histogram",
        "How long an attempt was in a step of its, all in all; of attempts that ended.",
        kept.ENDS,
        step_histogram("jobd_step_duration_seconds"),
    ),
    _metric(
        "jobd_run_cpu_seconds_total",
        "counter",
        kept.ENDS,
        lambda row: row.series.cpu_s,
        "CPU time used by the process trees of all attempts that ended.",
    ),
    Family(
        "jobd_hooks_total",
        "counter",
        "Calls of the hooks and pings that the job has, by what became of them.",
        kept.HOOKS | kept.DEFINITION,
        _hooks("jobd_hooks_total"),
    ),
)

_SEEN = (
    _metric(
        "jobd_runs_active",
        "gauge",
        kept.STATE,
        lambda row: len(row.view.runs),
        "Runs that hold the job's lease, those between two attempts included.",
    ),
    _metric(
        "jobd_run_memory_peak_bytes",
        "gauge",
        kept.STATE,
        lambda row: row.view.memory.memory_peak_bytes or 0,
        "Peak memory of the last run's process tree; 0 if none was measured.",
    ),
    _metric(
        "jobd_job_memory_max_bytes",
        "gauge",
        kept.DEFINITION,
        lambda row: row.view.job.limits.memory_max_bytes or 0,
        "Memory ceiling of the process tree; 0 for none.",
    ),
    _metric(
        "jobd_job_timeout_seconds",
        "gauge",
        kept.DEFINITION,
        lambda row: _seconds(row.view.job.timeout),
        "Longest time that an attempt may take; 0 for no limit.",
    ),
    _metric(
        "jobd_job_interval_seconds",
        "gauge",
        kept.STATE,
        lambda row: _seconds(row.view.interval),
        "Time between two ticks of the schedule, around now; 0 without a schedule.",
    ),
    _metric(
        "jobd_job_interval_utilization_ratio",
        "gauge",
        kept.STATE,
        lambda row: row.view.utilization or 0,
        "Smoothed duration over interval; 0 before the first run.",
    ),
    _metric(
        "jobd_last_success_timestamp_seconds",
        "gauge",
        kept.STATE,
        lambda row: _timestamp(row.view.memory.last_success),
        "When the last successful run ended; 0 for never.",
    ),
    _metric(
        "jobd_last_run_timestamp_seconds",
        "gauge",
        kept.STATE,
        lambda row: _timestamp(row.view.memory.last_ended),
        "When the last run ended, however it did; 0 for never.",
    ),
    _metric(
        "jobd_next_tick_timestamp_seconds",
        "gauge",
        kept.STATE,
        lambda row: _timestamp(row.view.next_fire),
        "The next tick, before jitter; 0 if there is none.",
    ),
    _metric(
        "jobd_job_paused",
        "gauge",
        kept.STATE,
        lambda row: int(row.view.pause is not None),
        "1 while the job's ticks are skipped because an operator paused it.",
    ),
    Family(
        "jobd_job_info",
        "info",
        "What the job is.",
        kept.DEFINITION,
        _info("jobd_job_info"),
    ),
)

JOB_FAMILIES: tuple[Family, ...] = _COUNTED + _SEEN
