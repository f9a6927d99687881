"""All jobs, as JSON: by name, or first what needs attention.

Ten thousand of them are half a second's work. They are looked through, and written out as well, in
slices: no claim has to wait for that; see jobd.web.written.
"""

import json
from collections.abc import Sequence
from enum import StrEnum

from aiohttp import web

from jobd.core.view import JobView
from jobd.web.attention import attention_shape, urgency, worries
from jobd.web.keys import node_of
from jobd.web.node import Node
from jobd.web.query import check_names, one_line, one_of, whole_number
from jobd.web.shapes import JsonObject, iso, job_shape
from jobd.web.skips import Skips, skips_of_a_day
from jobd.web.slices import LOOKING, in_slices, views_in_slices
from jobd.web.written import long_reply

MOST_JOBS = 1_000_000


class Order(StrEnum):
    """Which jobs come first."""

    NAME = "name"
    ATTENTION = "attention"


async def get_jobs(request: web.Request) -> web.StreamResponse:
    """Answer with the jobs, all of them unless there is a ``limit``; ``order`` says which are
    the first."""
    check_names(request.query, ("order", "limit"), "query parameter")
    order = Order(one_of(request, "order", [*Order], Order.NAME))
    limit = whole_number(request, "limit", MOST_JOBS, MOST_JOBS)
    node = node_of(request)
    skips = await skips_of_a_day(node) or {}
    async with request.app[LOOKING]:
        names = await _ordered(node, order, skips)
        jobs = await _written(node, names[:limit], skips)
    head: JsonObject = {"now": iso(node.now()), "order": order.value, "total": len(names)}
    return await long_reply(request, head, "jobs", jobs)


async def get_names(request: web.Request) -> web.StreamResponse:
    """Answer with the names of the jobs, those that begin so; at a tenth of what the jobs cost."""
    check_names(request.query, ("begins",), "query parameter")
    node, begun = node_of(request), one_line(request, "begins")
    names = sorted(name for name in node.job_names() if name.startswith(begun))
    found = list[str]()
    async with request.app[LOOKING]:
        async for views in in_slices(node, names):
            found += [json.dumps(_named(view)) for view in views]
    return await long_reply(request, {"now": iso(node.now())}, "jobs", found)


def _named(view: JobView) -> JsonObject:
    schedule = view.job.schedule
    return {"job": view.job.name, "schedule": schedule.text if schedule else None}


def job_shape_with_attention(view: JobView, node: Node, skips: Skips) -> JsonObject:
    """Return a job and where it stands, with what about it somebody should look at."""
    seen = worries(view, skips.get(view.job.name, {}), node.now())
    return {**job_shape(view), "attention": attention_shape(seen)}


async def _ordered(node: Node, order: Order, skips: Skips) -> Sequence[str]:
    if order is Order.NAME:
        return sorted(node.job_names())
    found = []
    async for views in views_in_slices(node):
        now = node.now()
        for view in views:
            name = view.job.name
            found.append((urgency(tuple(worries(view, skips.get(name, {}), now))), name))
    return [name for _, name in sorted(found)]


async def _written(node: Node, names: Sequence[str], skips: Skips) -> Sequence[str]:
    found = []
    async for views in in_slices(node, names):
        found += [json.dumps(job_shape_with_attention(view, node, skips)) for view in views]
    return found
