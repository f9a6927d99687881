"""Early warning: jobs by how much of their interval and of their ceilings they use, the trend,
and when it will be too much. Read-only; from the history that the stores keep."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

from aiohttp import web

from jobd.core.ceilings import (
    Ceiling,
    CeilingKind,
    GrownStep,
    JobUsage,
    most_urgent_first,
    usage_of,
)
from jobd.core.forecast import HORIZON, course_of
from jobd.core.ledger import SkipReason
from jobd.core.usage import Measured
from jobd.core.view import JobView
from jobd.web.keys import node_of
from jobd.web.node import Node
from jobd.web.problem import json_response, no_such
from jobd.web.query import check_names
from jobd.web.shapes import Json, JsonObject, iso, seconds

SAMPLE = 240  # runs of a job: five for each slice of time that the trend is told from
AT_ONCE = 20  # jobs in one question: other questions wait for no more
SKIPS_OF = timedelta(days=7)


async def get_report(request: web.Request) -> web.Response:
    """Answer with every job, or the one asked for, the most urgent first."""
    check_names(request.query, ("job",), "query parameter")
    node, job = node_of(request), request.query.get("job")
    views = [view for view in node.job_views() if job in (None, view.job.name)]
    if job is not None and not views:
        raise no_such("job", job, [view.job.name for view in node.job_views()])
    skips = await node.store.skip_counts(node.now() - SKIPS_OF)
    found = [usage async for usage in _usages(node, views)]
    jobs: list[Json] = [
        usage_shape(usage, skips.get(usage.job, {}).get(SkipReason.OVERLAP, 0))
        for usage in most_urgent_first(found, node.now())
    ]
    return json_response({"now": iso(node.now()), "jobs": jobs})


async def _usages(node: Node, views: Sequence[JobView]) -> AsyncIterator[JobUsage]:
    now = node.now()
    for start in range(0, len(views), AT_ONCE):
        some = views[start : start + AT_ONCE]
        taken = await node.store.usage([view.job.name for view in some], SAMPLE)
        for view in some:
            yield usage_of(view.job, view.interval, taken.get(view.job.name, ()), now)
            await asyncio.sleep(0)  # a trend takes a millisecond: a claim waits for one, not all


def usage_shape(usage: JobUsage, skipped_overlap: int) -> JsonObject:
    """Return a job's use, its limits by name; null where it has none."""
    ceilings = {ceiling.kind: _ceiling_shape(ceiling) for ceiling in usage.ceilings}
    return {
        "job": usage.job,
        "runs": usage.runs,
        "duration": _measured_shape(usage.duration, "_s"),
        "memory_peak": _measured_shape(usage.memory, "_bytes"),
        **{kind.value: ceilings.get(kind) for kind in CeilingKind},
        "grown_step": _grown_shape(usage.grown),
        "skipped_overlap_7d": skipped_overlap,
    }


def _grown_shape(grown: GrownStep | None) -> Json:
    if grown is None:
        return None
    return {"step": grown.step, "by_s": grown.by_s, "share": grown.share}


def _measured_shape(measured: Measured | None, unit: str) -> Json:
    if measured is None:
        return None
    return {
        **_amount("lately", measured.lately, unit),
        **_amount("high", measured.high, unit),
        "runs": measured.runs,
        "oldest": iso(measured.first),
        "newest": iso(measured.last),
        "course": course_of(measured).value,
        "foresight_s": seconds(HORIZON * measured.span),
    }


def _ceiling_shape(ceiling: Ceiling) -> JsonObject:
    ahead = ceiling.forecast
    unit = "_bytes" if ceiling.kind is CeilingKind.MEMORY else "_s"
    return {
        **_amount("limit", ceiling.limit, unit),
        "use_lately": ceiling.lately,
        "use_high": ceiling.high,
        "hits": ceiling.hits,
        "recent_runs": ceiling.recent,
        "needs_a_look": ceiling.needs_a_look,
        "prospect": ahead.prospect.value,
        "confidence": ahead.confidence.value if ahead.confidence else None,
        "reached_at": iso(ahead.at),
        "reached_earliest": iso(ahead.earliest),
        "reached_latest": iso(ahead.latest),
    }


def _amount(name: str, value: float, unit: str) -> JsonObject:
    """Return a value under its name and unit; there are no parts of a byte."""
    return {f"{name}{unit}": round(value) if unit == "_bytes" else value}
