"""Slices: all jobs, some at a time, with a turn of the loop between two of them.

A claim waits for one slice, not for ten thousand jobs. However many people look at once, one of
them is served at a time: else a claim would wait for a slice of each.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence

from aiohttp import web

from jobd.core.view import JobView
from jobd.web.keys import node_of
from jobd.web.node import Node

LOOKING = web.AppKey("LOOKING", asyncio.Lock)  # held by whoever goes through all jobs
SLICE = 100  # jobs: one to three milliseconds


def views_in_slices(node: Node) -> AsyncIterator[Sequence[JobView]]:
    """Yield the views of all jobs, for whoever holds ``LOOKING``."""
    return in_slices(node, node.job_names())


async def in_slices(node: Node, names: Iterable[str]) -> AsyncIterator[Sequence[JobView]]:
    """Yield the views of some jobs, for whoever holds ``LOOKING``.

    One that a reload removes meanwhile is left out.
    """
    listed = list(names)
    for at in range(0, len(listed), SLICE):
        if at:
            await asyncio.sleep(0)  # a claim waits for one slice, not for all
        some = listed[at : at + SLICE]
        yield [view for name in some if (view := node.job_view(name)) is not None]


async def busy_views(request: web.Request) -> Sequence[JobView]:
    """Return the views of the jobs that have a run which is active, here or elsewhere, or which
    waits or is being claimed."""
    async with request.app[LOOKING]:
        return [
            view
            async for views in views_in_slices(node_of(request))
            for view in views
            if view.runs or view.elsewhere or view.waiting or view.claiming
        ]
