"""Family: a metric that every job has, and the ways in which its lines are written."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from jobd.core.hooks import HookResult
from jobd.core.job import Job
from jobd.telemetry.row import Row, escape
from jobd.telemetry.series import HOOK_INDEX, JobSeries


@dataclass(frozen=True, slots=True)
class Family:
    """One family of metrics with a series, or a few, for each job."""

    name: str  # as its samples are called; a histogram's without _bucket, _sum, _count
    kind: str  # "counter", "gauge", "histogram", "info"
    help: str
    depends: int  # which changes make its lines stale, of those in jobd.telemetry.series
    lines: Callable[[Row], str]
    with_exemplars: Callable[[Row], str] | None = None  # for OpenMetrics; None: the same lines


def metric(name: str, kind: str, depends: int, value: Callable[[Row], float], help_: str) -> Family:
    """Return a family with one series for each job."""
    return Family(name, kind, help_, depends, _single(name, value))


def counter(
    name: str,
    depends: int,
    label: str,
    values: Collection[str],
    counts: "Callable[[JobSeries], Sequence[int] | None]",
    help_: str,
) -> Family:
    """Return a family that counts by a label; ``counts`` in the order of its ``values``."""
    return Family(name, "counter", help_, depends, _by_label(name, label, values, counts))


def hook_lines(name: str) -> Callable[[Row], str]:
    """Return what writes the calls of those hooks and pings that a job has, by their result."""

    def lines(row: Row) -> str:
        counts = row.series.hooks
        return "".join(
            f'{name}{{job_name="{row.label}",hook="{kind}",result="{result}"}} '
            f"{0 if counts is None else counts[HOOK_INDEX[kind, result]]}\n"
            for kind in row.view.job.hooks.kinds
            for result in HookResult
        )

    return lines


def info_lines(name: str) -> Callable[[Row], str]:
    """Return what writes what a job is, as labels."""

    def lines(row: Row) -> str:
        job = row.view.job
        labels = {
            "owner": job.about.owner,
            "runbook": job.about.runbook,
            "schedule": _schedule_text(job),
            "scope": job.scope,
            "overlap": job.overlap,
            "enabled": "true" if job.enabled else "false",
        }
        pairs = ",".join(f'{label}="{escape(value)}"' for label, value in labels.items())
        return f'{name}{{job_name="{row.label}",{pairs}}} 1\n'

    return lines


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


def _schedule_text(job: Job) -> str:
    return job.schedule.text if job.schedule is not None else "manual"
