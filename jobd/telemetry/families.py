"""The families of metrics that every job has.

A sample's line is the same in the Prometheus text format and in OpenMetrics; only the
heads of the families differ, and the exemplars, which OpenMetrics alone has. Where a value
does not exist (no ceiling, no schedule, never ran) it is 0, so that every series is there
from the start. docs/metrics.md explains each.
"""

from datetime import datetime, timedelta

from jobd.core.outcome import Outcome
from jobd.core.run import RunState
from jobd.telemetry import series as kept
from jobd.telemetry.family import Family, counter, hook_lines, info_lines, metric
from jobd.telemetry.histogram import run_histogram, run_histogram_with_exemplars, step_histogram
from jobd.telemetry.row import Row

_NO_FAILURE = (None, Outcome.SUCCESS, Outcome.CANCELED)


def _timestamp(instant: datetime | None) -> float:
    return instant.timestamp() if instant is not None else 0


def _seconds(duration: timedelta | None) -> float:
    return duration.total_seconds() if duration is not None else 0


def _active_since(row: Row) -> float:
    running = (run for run in row.view.runs if run.state is RunState.RUNNING)
    return _timestamp(min((run.started_at for run in running if run.started_at), default=None))


def _ticks_since_success(row: Row) -> int:
    """Counted by the schedule, not here: it is right after a restart, and with other nodes.

    Without a next tick the job is disabled, or other nodes' alone: it need not succeed here.
    """
    success, schedule = row.view.memory.last_success, row.view.job.schedule
    if success is None or schedule is None or row.view.next_fire is None:
        return 0
    return schedule.count(success, row.now)


_COUNTED = (
    metric(
        "jobd_ticks_total",
        "counter",
        kept.TICKS,
        lambda row: row.series.ticks,
        "Ticks decided: started or skipped.",
    ),
    counter(
        "jobd_ticks_skipped_total",
        kept.SKIPS,
        "reason",
        kept.REASON_INDEX,
        lambda series: series.skipped,
        "Ticks settled without a run, by reason.",
    ),
    counter(
        "jobd_runs_started_total",
        kept.STARTS,
        "trigger",
        kept.TRIGGER_INDEX,
        lambda series: series.started,
        "Runs that were granted their start, by what asked for them.",
    ),
    metric(
        "jobd_job_overlaps_in_a_row",
        "gauge",
        kept.SKIPS,
        lambda row: row.series.overlaps,
        "Latest ticks that were all skipped because the prior run was still active.",
    ),
    metric(
        "jobd_job_skips_in_a_row",
        "gauge",
        kept.SKIPS,
        lambda row: row.series.unwanted,
        "Latest ticks that were all skipped for reasons that nobody asked for.",
    ),
    counter(
        "jobd_runs_total",
        kept.ENDS,
        "outcome",
        kept.OUTCOME_INDEX,
        lambda series: series.ended,
        "Runs that ended, retries over, by outcome.",
    ),
    metric(
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
        run_histogram_with_exemplars("jobd_run_duration_seconds"),
    ),
    Family(
        "jobd_step_duration_seconds",
        "histogram",
        "How long an attempt was in a step of its, all in all; of attempts that ended.",
        kept.ENDS,
        step_histogram("jobd_step_duration_seconds"),
    ),
    metric(
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
        hook_lines("jobd_hooks_total"),
    ),
)

_SEEN = (
    metric(
        "jobd_runs_active",
        "gauge",
        kept.STATE,
        lambda row: len(row.view.runs),
        "This node's runs that hold the job's lease, those between two attempts included.",
    ),
    metric(
        "jobd_run_active_since_timestamp_seconds",
        "gauge",
        kept.STATE,
        _active_since,
        "When the oldest attempt that runs on this node was started; 0 for none.",
    ),
    metric(
        "jobd_run_usual_duration_seconds",
        "gauge",
        kept.STATE,
        lambda row: row.view.memory.smoothed_lasted_s or 0,
        "Smoothed duration of successful runs with all their attempts; 0 before the first.",
    ),
    metric(
        "jobd_attempt_usual_duration_seconds",
        "gauge",
        kept.STATE,
        lambda row: row.view.memory.smoothed_duration_s or 0,
        "Smoothed duration of the last attempts of successful runs; 0 before the first.",
    ),
    metric(
        "jobd_run_memory_peak_bytes",
        "gauge",
        kept.STATE,
        lambda row: row.view.memory.memory_peak_bytes or 0,
        "Peak memory of the last run's process tree; 0 if none was measured.",
    ),
    metric(
        "jobd_job_memory_max_bytes",
        "gauge",
        kept.DEFINITION,
        lambda row: row.view.job.limits.memory_max_bytes or 0,
        "Memory ceiling of the process tree; 0 for none.",
    ),
    metric(
        "jobd_job_timeout_seconds",
        "gauge",
        kept.DEFINITION,
        lambda row: _seconds(row.view.job.timeout),
        "Longest time that an attempt may take; 0 for no limit.",
    ),
    metric(
        "jobd_job_kill_after_seconds",
        "gauge",
        kept.DEFINITION,
        lambda row: _seconds(row.view.job.kill_after),
        "Time that an attempt has after its timeout, or a stop, before it is killed.",
    ),
    metric(
        "jobd_job_interval_seconds",
        "gauge",
        kept.STATE,
        lambda row: _seconds(row.view.interval),
        "Time between two ticks of the schedule, around now; 0 without a schedule.",
    ),
    metric(
        "jobd_job_interval_utilization_ratio",
        "gauge",
        kept.STATE,
        lambda row: row.view.utilization or 0,
        "Smoothed duration over interval; 0 before the first run.",
    ),
    metric(
        "jobd_last_success_timestamp_seconds",
        "gauge",
        kept.STATE,
        lambda row: _timestamp(row.view.memory.last_success),
        "When the last successful run ended; 0 for never.",
    ),
    metric(
        "jobd_last_run_timestamp_seconds",
        "gauge",
        kept.STATE,
        lambda row: _timestamp(row.view.memory.last_ended),
        "When the last run ended, however it did; 0 for never.",
    ),
    metric(
        "jobd_last_run_failed",
        "gauge",
        kept.STATE,
        lambda row: int(row.view.memory.last_outcome not in _NO_FAILURE),
        "1 if the last run ended neither as success nor as canceled.",
    ),
    metric(
        "jobd_job_ticks_since_success",
        "gauge",
        kept.STATE,
        _ticks_since_success,
        "Ticks of the schedule since the last successful run ended; 0 before the first one.",
    ),
    metric(
        "jobd_next_tick_timestamp_seconds",
        "gauge",
        kept.STATE,
        lambda row: _timestamp(row.view.next_fire),
        "The next tick, before jitter; 0 if there is none.",
    ),
    metric(
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
        info_lines("jobd_job_info"),
    ),
)

JOB_FAMILIES: tuple[Family, ...] = _COUNTED + _SEEN
