"""A run's page: when, why and how it ran, what it took of its limits, and what it wrote."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web

from jobd.core.run import RunRecord, RunState
from jobd.core.ticks import due_of
from jobd.core.view import JobView, RunView, WaitingView
from jobd.web.history import find_run
from jobd.web.keys import is_control, node_of
from jobd.web.pages.ends import ends_of
from jobd.web.pages.rendering import render
from jobd.web.pages.steps import steps_of
from jobd.web.query import check_names, path_name, whole_number
from jobd.web.why import reason_of

MOST_ATTEMPTS = 1 << 31
ATTEMPTS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Course:
    """A run in time. ``lateness`` counts from when its tick was due, jitter included."""

    due: datetime | None
    begun: datetime
    lateness: timedelta | None
    took: timedelta  # with all attempts; so far


async def show_run(request: web.Request) -> web.Response:
    """Show a run by its id, or by the beginning of it."""
    check_names(request.query, ("attempt",), "query parameter")
    node = node_of(request)
    asked = whole_number(request, "attempt", 0, MOST_ATTEMPTS)
    found = await find_run(request, path_name(request, "run"))
    view = node.job_view(found.job)
    title = f"Run {found.run_id}"
    if isinstance(found, WaitingView):
        return render(request, "waiting.html", title=title, waiting=found, view=view)
    shown = _active(found, view)
    course = _course(found, view, node.now())
    attempt = min(asked or found.attempt, found.attempt)
    ends = await ends_of(node, found, attempt)
    return render(
        request,
        "run.html",
        title=title,
        run=found,
        view=view,
        shown=shown,
        course=course,
        uses=[*_uses(found, view, _took_s(found, shown, node.now()), course.took)],
        steps=steps_of(found.steps),
        why=reason_of(found),
        retried=[(one, reason_of(one)) for one in found.retried],
        attempt=attempt,
        attempts=range(max(found.attempt - ATTEMPTS_SHOWN, 0) + 1, found.attempt + 1),
        ends=ends,
        is_followed=found.ended_at is None and attempt == found.attempt and not ends.trouble,
        is_control=is_control(request),
    )


@dataclass(frozen=True, slots=True)
class Use:
    """What a run took, beside the limit that is in force now; ``share`` of it, if there is one."""

    what: str
    unit: str  # how a template tells it: "took" or "size"
    taken: float | None
    limit: float | None
    key: str

    @property
    def share(self) -> float | None:
        """How much of the limit was taken."""
        return self.taken / self.limit if self.taken is not None and self.limit else None


def _took_s(run: RunRecord, shown: RunView | None, now: datetime) -> float | None:
    """Return what the last attempt took, so far if it goes on, in seconds.

    None: between two attempts nothing runs, and when a further attempt began is known where it
    runs alone. A timeout counts for each attempt anew.
    """
    if run.ended_at is not None:
        return run.duration_s
    if shown is not None and shown.state is RunState.BACKOFF:
        return None
    began = shown.started_at if shown is not None else None
    if began is None and run.attempt > 1:
        return None
    return max((now - (began or run.claimed_at)).total_seconds(), 0.0)


def _uses(  # a timeout counts for each attempt anew; the job is active for all of them
    run: RunRecord, view: JobView | None, took_s: float | None, whole: timedelta
) -> Iterator[Use]:
    job = view.job if view else None
    timeout_s = job.timeout.total_seconds() if job and job.timeout else None
    interval_s = view.interval.total_seconds() if view and view.interval else None
    memory = job.limits.memory_max_bytes if job else None
    yield Use("Duration", "took", took_s, timeout_s, "timeout")
    if interval_s is not None:
        what = "Duration, all attempts" if run.attempt > 1 else "Duration"
        yield Use(what, "took", whole.total_seconds(), interval_s, "interval")
    yield Use("Memory peak", "size", run.memory_peak_bytes, memory, "memory_max")
    cores = job.limits.cpu_max if job else None
    most_s = cores * took_s if cores and took_s else None
    yield Use("CPU time", "took", run.cpu_s, most_s, "cpu_max")


def _active(run: RunRecord, view: JobView | None) -> RunView | None:
    """Return what the scheduler knows of a run that is active here."""
    return next((r for r in view.runs if r.run.run_id == run.run_id), None) if view else None


def _course(run: RunRecord, view: JobView | None, now: datetime) -> Course:
    begun, due = run.began_at, None
    if view is not None and run.fire_time is not None:
        due = due_of(view.job, run.fire_time)
    took = now - begun if run.lasted_s is None else timedelta(seconds=run.lasted_s)
    return Course(due, begun, begun - due if due else None, max(took, timedelta(0)))
