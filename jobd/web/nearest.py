"""Nearest: what somebody may have meant who asked for a job that there is not."""

import asyncio
from collections.abc import Sequence
from difflib import get_close_matches

from aiohttp import web

from jobd.web.keys import node_of
from jobd.web.problem import NEAR_ENOUGH, NEAREST, Problem, no_such
from jobd.web.slices import LOOKING, SLICE


async def no_such_job(request: web.Request, name: str) -> Problem:
    """Return the problem of an unknown job, with the nearest names.

    To compare a name with ten thousand takes a tenth of a second: it is done in slices, and the
    nearest of all are among the nearest of each.
    """
    known, near = node_of(request).job_names(), list[str]()
    async with request.app[LOOKING]:
        for at in range(0, len(known), SLICE):
            near += _nearest(name, known[at : at + SLICE])
            await asyncio.sleep(0)  # a claim waits for one slice, not for all
    return no_such("job", name, _nearest(name, near))


def _nearest(name: str, known: Sequence[str]) -> list[str]:
    return get_close_matches(name, known, n=NEAREST, cutoff=NEAR_ENOUGH)
