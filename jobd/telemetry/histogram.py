"""Histograms of durations: how their lines are written.

An exemplar names the run that fell into a bucket last, so that a point on a graph leads to
its log. OpenMetrics 1.0 has them, on buckets and counters only; the text format has not.
"""

from collections.abc import Callable, Iterable
from itertools import accumulate

from jobd.telemetry.row import Row, escape
from jobd.telemetry.series import DURATION_BOUNDS_S, Exemplar


def run_histogram(name: str) -> Callable[[Row], str]:
    """Return what writes the lines of a job's runs, at 0 before the first."""
    template = _histogram(name, 'job_name="\0"')
    at_zero = template.replace("%d", "0").replace("%s", "0.0")

    def lines(row: Row) -> str:
        series = row.series
        if series.durations is None:
            return at_zero.replace("\0", row.label)
        counted = template % _figures(series.durations, series.duration_s)
        return counted.replace("\0", row.label)

    return lines


def run_histogram_with_exemplars(name: str) -> Callable[[Row], str]:
    """Return the same for OpenMetrics, with the run that was counted last beside each bucket."""
    without = run_histogram(name)

    def lines(row: Row) -> str:
        found = row.series.exemplars
        written = without(row)
        if found is None:
            return written
        buckets = written.splitlines()
        for index, exemplar in found.items():
            buckets[index] += _exemplar(exemplar)
        return "\n".join(buckets) + "\n"

    return lines


def step_histogram(name: str) -> Callable[[Row], str]:
    """Return what writes the lines of each step that a job has named."""
    template = _histogram(name, 'job_name="\0",step="\1"')

    def lines(row: Row) -> str:
        steps = row.series.steps or {}
        return "".join(
            (template % _figures(one.durations, one.duration_s))
            .replace("\0", row.label)
            .replace("\1", escape(step))
            for step, one in steps.items()
        )

    return lines


def _histogram(name: str, labels: str) -> str:
    """Return the lines of a histogram, for :func:`_figures` to be put in."""
    bounds = (*(repr(bound) for bound in DURATION_BOUNDS_S), "+Inf")
    buckets = "".join(f'{name}_bucket{{{labels},le="{bound}"}} %d\n' for bound in bounds)
    return f"{buckets}{name}_sum{{{labels}}} %s\n{name}_count{{{labels}}} %d\n"


def _exemplar(run: Exemplar) -> str:
    return f' # {{run_id="{run.run_id}"}} {run.duration_s!r} {run.ended_at.timestamp()!r}'


def _figures(durations: Iterable[int], duration_s: float) -> tuple[int | str, ...]:
    """Return what goes into the lines: how many were up to each bound, their sum, their count."""
    upto = tuple(accumulate(durations))
    return (*upto, repr(duration_s), upto[-1])
