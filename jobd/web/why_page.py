"""The question why, as HTTP: gathers what a verdict rests on."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from aiohttp import web

from jobd.core.claim import Trigger
from jobd.core.job import Scope
from jobd.core.ledger import TickRecord
from jobd.core.view import JobView
from jobd.errors import StoreUnavailable
from jobd.ports import RunFilter
from jobd.web.api import job_of
from jobd.web.fleet import known_nodes
from jobd.web.gaps import gap_words
from jobd.web.in_the_way import around, in_the_way
from jobd.web.keys import node_of
from jobd.web.node import Node
from jobd.web.problem import json_response
from jobd.web.query import check_names, whole_number
from jobd.web.shapes import Json, iso
from jobd.web.when import When, parse_when
from jobd.web.why import Evidence, Verdict, explain
from jobd.web.why_at import explain_at, neighbours

MAX_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Told:
    """What became of ticks; ``nearest``: those around a time at which there is none.

    ``trouble``: why the ledger says nothing, or not all.
    """

    verdicts: Sequence[Verdict] = ()
    nearest: Sequence[Verdict] = ()
    trouble: str = ""


async def get_why(request: web.Request) -> web.Response:
    """Answer what became of the job's last ticks, or of those ``at`` a time, and why."""
    check_names(request.query, ("at", "limit"), "query parameter")
    node, view = node_of(request), await job_of(request)
    limit = whole_number(request, "limit", 10, MAX_ROWS)
    zone, now = ZoneInfo(view.job.timezone), node.now()
    text = request.query.get("at")
    when = parse_when(text, zone, now) if text is not None else None
    told = await what_became(node, view, when, limit)
    document: dict[str, Json] = {
        "now": iso(now),
        "job": view.job.name,
        "timezone": view.job.timezone,
        "at": iso(when.start) if when else None,
        "verdicts": _shapes(told.verdicts),
        "nearest": _shapes(told.nearest),
        "trouble": told.trouble,
        "in_the_way_now": [*what_hinders(node, view)],
        "next_fire": iso(view.next_fire),
        "next_due": iso(view.next_due),
    }
    return json_response(document)


async def what_became(node: Node, view: JobView, when: When | None, limit: int) -> Told:
    """Return the verdicts on a job's last ticks, or on those of a time; while the store is
    silent, what keeps it from saying anything."""
    zone = ZoneInfo(view.job.timezone)
    try:
        evidence = await _gather(node, view, zone, when, limit)
    except StoreUnavailable as error:
        return Told(trouble=f"the store does not answer: {error}")
    is_own = view.job.scope is Scope.NODE or node.view().shared is None
    gap = gap_words(node, zone) if is_own else ""  # other jobs are in the shared ledger
    if when is None:
        return Told(explain(evidence)[:limit], trouble=gap)
    return Told(explain_at(evidence, when), neighbours(evidence, when), gap)


def what_hinders(node: Node, view: JobView) -> list[str]:
    """Return sentences on what keeps a job from starting right now."""
    zone, here = ZoneInfo(view.job.timezone), node.identity.node
    return [*in_the_way(view, zone, node.now()), *around(view, node.view(), here, zone)]


async def _gather(
    node: Node, view: JobView, zone: ZoneInfo, when: When | None, limit: int
) -> Evidence:
    """Return the ledger's rows, the runs that they name, and the runs by hand near them."""
    job, at = view.job.name, when.start if when else None
    rows = await node.store.ticks(job, at=at, limit=max(limit, 2))
    recent = await node.store.runs(RunFilter(job, limit=max(limit, MAX_ROWS if when else 0)))
    runs = {record.run_id: record for record in recent}
    for run_id in _named(rows) - runs.keys():
        record = await node.store.run(run_id)
        if record is not None:
            runs[run_id] = record
    oldest = min((row.ticks.first for row in rows), default=None)
    manual = [
        run
        for run in recent
        if run.trigger is Trigger.MANUAL and (when or oldest is None or run.claimed_at >= oldest)
    ]
    has_others = len(known_nodes(node.view())) > 1
    return Evidence(view, zone, node.now(), rows, runs, manual, names_nodes=has_others)


def _named(rows: Sequence[TickRecord]) -> set[str]:
    return {run_id for row in rows for run_id in (row.run_id, row.blocker) if run_id}


def _shapes(verdicts: Sequence[Verdict]) -> list[Json]:
    return [verdict.shape() for verdict in verdicts]
