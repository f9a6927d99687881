"""Early warning: jobs by how much of their interval and of their ceilings they use, the trend,
and when it will be too much. Read-only; from the history that the stores keep."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from operator import itemgetter

from aiohttp import web

from jobd.core.ceilings import (
    Ceiling,
    CeilingKind,
    GrownStep,
    JobUsage,
    urgency,
    usage_of,
)
from jobd.core.forecast import HORIZON, course_of
from jobd.core.ledger import SkipReason
from jobd.core.usage import Measured
from jobd.web.keys import node_of
from jobd.web.nearest import no_such_job
from jobd.web.node import Node
from jobd.web.query import check_names
from jobd.web.shapes import Json, JsonObject, iso, seconds
from jobd.web.written import list_reply

SAMPLE = 240  # runs of a job: five for each slice of time that the trend is told from
AT_ONCE = 20  # jobs in one question: other questions wait for no more
SKIPS_OF = timedelta(days=7)


async def get_report(request: web.Request) -> web.StreamResponse:
    """Answer with every job, or the one asked for, the most urgent first."""
    check_names(request.query, ("job",), "query parameter")
    node, job = node_of(request), request.query.get("job")
    if job is not None and node.job_view(job) is None:
        raise await no_such_job(request, job)
    names = node.job_names() if job is None else [job]
    skips = await node.store.skip_counts(node.now() - SKIPS_OF)
    found = [(urgency(usage, node.now()), usage) async for usage in _usages(node, names)]
    jobs = (
        usage_shape(usage, skips.get(usage.job, {}).get(SkipReason.OVERLAP, 0))
        for _, usage in sorted(found, key=itemgetter(0))
    )
    return await list_reply(request, {"now": iso(node.now())}, "jobs", jobs)


async def _usages(node: Node, names: Sequence[str]) -> AsyncIterator[JobUsage]:
    now = node.now()
    for start in range(0, len(names), AT_ONCE):
        some = names[start : start + AT_ONCE]
        taken = await node.store.usage(some, SAMPLE)
        for view in filter(None, map(node.job_view, some)):
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
