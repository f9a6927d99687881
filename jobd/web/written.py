"""Written: a long list as JSON, made and sent some rows at a time.

``json.dumps`` does not let go of the interpreter before it is done, on whichever thread, and what
is sent in one go is copied in one go: ten thousand rows would hold the loop for half a second.
"""

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from aiohttp import web

from jobd.web.shapes import Json, JsonObject
from jobd.web.slices import LOOKING, SLICE

LIST, TABLE = "[]", "{}"
AT_ONCE_BYTES = 1 << 18  # a shorter reply is sent as a whole


async def list_reply(
    request: web.Request, head: JsonObject, key: str, shapes: Iterable[Json]
) -> web.StreamResponse:
    """Return a reply of ``head`` and, under ``key``, a list; its shapes are made meanwhile."""
    return await long_reply(request, head, key, await _rows(request, shapes))


async def table_reply(
    request: web.Request, head: JsonObject, key: str, entries: Iterable[tuple[str, Json]]
) -> web.StreamResponse:
    """Return a reply of ``head`` and, under ``key``, an object of these entries."""
    rows = await _rows(request, ({name: value} for name, value in entries))
    return await long_reply(request, head, key, [row[1:-1] for row in rows], TABLE)


async def long_reply(
    request: web.Request, head: JsonObject, key: str, rows: Sequence[str], ends: str = LIST
) -> web.StreamResponse:
    """Return a reply of ``head`` and, under ``key``, of rows that are JSON already."""
    parts = [json.dumps(head)[:-1], f', "{key}": {ends[0]}', *_joined(rows), f"{ends[1]}}}\n"]
    length = sum(map(len, parts))  # all of it is ASCII
    if length <= AT_ONCE_BYTES:
        return web.Response(text="".join(parts), content_type="application/json")
    reply = web.StreamResponse(headers={"Content-Type": "application/json; charset=utf-8"})
    reply.content_length = length
    await reply.prepare(request)
    if request.method != "HEAD":
        await _send(reply, parts)
    return reply


async def _send(reply: web.StreamResponse, parts: Iterable[str]) -> None:
    with suppress(ConnectionError):  # whoever asked has gone
        for part in parts:
            await reply.write(part.encode("ascii"))
            await asyncio.sleep(0)
        await reply.write_eof()


async def _rows(request: web.Request, shapes: Iterable[Json]) -> Sequence[str]:
    rows = []
    async with request.app[LOOKING]:
        for number, shape in enumerate(shapes, 1):
            rows.append(json.dumps(shape))
            if number % SLICE == 0:
                await asyncio.sleep(0)  # a claim waits for one slice, not for all
    return rows


def _joined(rows: Sequence[str]) -> Iterator[str]:
    for at in range(0, len(rows), SLICE):
        yield f"{', ' if at else ''}{', '.join(rows[at : at + SLICE])}"
