"""Questions about runs: what ran, on which node, and what it wrote. Read-only."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from aiohttp import web

from jobd.core.outcome import Outcome
from jobd.core.run import RunRecord, RunState, record_of
from jobd.core.view import JobView, WaitingView
from jobd.errors import StoreUnavailable
from jobd.ports import RunFilter
from jobd.web.fleet import known_nodes
from jobd.web.gaps import gap_words
from jobd.web.keys import is_control, node_of
from jobd.web.nearest import no_such_job
from jobd.web.node import Node, OutputSlice
from jobd.web.problem import Problem, bad_request, json_response, no_such
from jobd.web.query import check_names, path_name, whole_number
from jobd.web.shapes import JsonObject, iso, run_shape, waiting_run_shape
from jobd.web.slices import busy_views
from jobd.web.written import list_reply

MAX_ROWS = 1000
MAX_WAIT_S = 30
POLL = timedelta(milliseconds=200)  # between two looks at a growing output
POLL_AFAR = timedelta(seconds=1)  # at one that another node keeps: each is a letter
SLICE_BYTES = 1 << 18
RUN_ID = re.compile(r"[0-9A-Za-z_.:-]{1,100}")
ANY_OFFSET = (1 << 63) - 1


async def get_runs(request: web.Request) -> web.StreamResponse:
    """Answer with runs, newest first, active ones included."""
    check_names(request.query, ("job", "outcome", "limit"), "query parameter")
    node, job, outcome = node_of(request), request.query.get("job"), request.query.get("outcome")
    possible = [*(known.value for known in Outcome), "active"]
    if outcome is not None and outcome not in possible:
        raise bad_request(f'outcome: "{outcome[:50]}" is none of {", ".join(possible)}')
    limit = whole_number(request, "limit", 50, MAX_ROWS)
    records = await node.store.runs(RunFilter(job, outcome, limit)) if limit else ()
    if not records and job is not None and node.job_view(job) is None:
        raise await no_such_job(request, job)
    here = node.identity.node
    is_spread = len(known_nodes(node.view())) > 1 or any(r.node != here for r in records)
    gap = gap_words(node, ZoneInfo(node.identity.timezone))
    head: JsonObject = {"now": iso(node.now()), "several_nodes": is_spread, "trouble": gap}
    shown = (as_it_runs(node, record) for record in records)
    runs = (run_shape(record, with_params=is_control(request)) for record in shown)
    return await list_reply(request, head, "runs", runs)


async def get_run(request: web.Request) -> web.Response:
    """Answer with one run; ``wait`` seconds at most for its end."""
    check_names(request.query, ("wait",), "query parameter")
    wait = timedelta(seconds=whole_number(request, "wait", 0, MAX_WAIT_S))
    node = node_of(request)
    found = await find_run(request, path_name(request, "run"))
    run_id = found.run_id
    is_over = isinstance(found, RunRecord) and found.ended_at is not None
    if wait and not is_over:
        found = await node.wait_ended(run_id, wait) or await find_run(request, run_id)
    if isinstance(found, WaitingView):
        return json_response({"now": iso(node.now()), "run": waiting_run_shape(found)})
    shape = run_shape(found, with_params=is_control(request))
    return json_response({"now": iso(node.now()), "run": shape})


async def get_output(request: web.Request) -> web.Response:
    """Answer with a piece of what an attempt wrote, as it is; headers say where it stands.

    ``attempt`` is the last one unless given. ``follow`` seconds at most it waits for
    something to be there from ``offset`` on. ``X-Jobd-Complete`` is true once the
    attempt is over and nothing follows.
    """
    check_names(request.query, ("attempt", "offset", "follow"), "query parameter")
    node = node_of(request)
    record = await _run_with_output(request, path_name(request, "run"))
    attempt = whole_number(request, "attempt", 0, 1 << 31) or record.attempt
    offset = whole_number(request, "offset", 0, ANY_OFFSET)
    follow_s = whole_number(request, "follow", 0, MAX_WAIT_S)
    try:
        async with asyncio.timeout(follow_s or None):
            return await _next_output(node, record, attempt, offset, may_wait=follow_s > 0)
    except TimeoutError:
        return _output_reply(record, attempt, OutputSlice(b"", offset), is_complete=False)


async def _next_output(
    node: Node, record: RunRecord, attempt: int, offset: int, *, may_wait: bool
) -> web.Response:
    """Return the reply once there is something to say, or at once."""
    poll = POLL if record.node == node.identity.node else POLL_AFAR
    while True:
        # Whether it is over is asked before reading: what is written in between is not missed.
        is_over = record.ended_at is not None or attempt < record.attempt
        piece = await _read_output(node, record, attempt, offset)
        has_more = bool(piece.data or piece.skipped_bytes)
        if has_more or is_over or not may_wait:
            return _output_reply(record, attempt, piece, is_over and not has_more)
        record = await _later(node, record, poll)


async def find_run(request: web.Request, name: str) -> RunRecord | WaitingView:
    """Return a run by its id or a prefix of it; one that still waits has no record yet.

    While the store does not answer, active runs are known all the same.
    """
    if not RUN_ID.fullmatch(name):
        raise no_such("run", name, [])
    node = node_of(request)
    try:
        record = await node.store.run(name)
    except StoreUnavailable:
        record = await _active_record(request, name)
        if record is None:
            raise
    found = record or await _not_begun(request, name)
    if found is None:
        raise no_such("run", name, [])
    return found if isinstance(found, WaitingView) else as_it_runs(node, found)


def as_it_runs(node: Node, record: RunRecord) -> RunRecord:
    """Return a run with the start of its present attempt, if it runs on this node: the history has
    that once it has ended."""
    view = None if record.ended_at is not None else node.job_view(record.job)
    for shown in () if view is None else view.runs:
        is_it = shown.run.run_id == record.run_id and shown.run.attempt == record.attempt
        if is_it and shown.state is RunState.RUNNING and shown.started_at is not None:
            return replace(record, started_at=shown.started_at)
    return record


async def _not_begun(request: web.Request, name: str) -> RunRecord | WaitingView | None:
    """Return a run that waits, or its record if it has begun while the line was looked through.
    While the store is being asked for it, nobody knows which: that answer is waited for."""
    while True:
        views = await busy_views(request)
        waiting = _waiting(views, name)
        if waiting is not None:
            return waiting
        if not any(run_id.startswith(name) for view in views for run_id in view.claiming):
            return await node_of(request).store.run(name)
        await asyncio.sleep(POLL.total_seconds())  # the store's answer, or its silence, ends this


def _waiting(views: Sequence[JobView], name: str) -> WaitingView | None:
    """Return the one run that is meant among those that wait."""
    meant = [
        waiting
        for view in views
        for waiting in view.waiting
        if waiting.run_id.startswith(name) and not waiting.is_retry
    ]
    return meant[0] if len(meant) == 1 else None


async def _active_record(request: web.Request, name: str) -> RunRecord | None:
    """Return what is known without the store of a run that is active, here or elsewhere."""
    views = await busy_views(request)
    begun = {shown.run.run_id: shown.started_at for view in views for shown in view.runs}
    active = [shown.run for view in views for shown in view.runs]
    active += [run for view in views for run in view.elsewhere]
    meant = [run for run in active if run.run_id.startswith(name)]
    if len(meant) != 1:
        return None
    (run,) = meant
    return record_of(run, begun.get(run.run_id))


async def _later(node: Node, record: RunRecord, pause: timedelta) -> RunRecord:
    """Return the record a moment later; as it was while the store does not answer."""
    try:
        return await node.wait_ended(record.run_id, pause) or record
    except StoreUnavailable:
        await asyncio.sleep(pause.total_seconds())  # as long as an answer would have taken
        return record


async def _read_output(node: Node, record: RunRecord, attempt: int, offset: int) -> OutputSlice:
    try:
        return await node.read_output(record, attempt, offset, SLICE_BYTES)
    except (OSError, ValueError) as error:
        words = f"the output of run {record.run_id} cannot be read: {error}"
        raise Problem(503, "output_unreadable", words) from error


async def _run_with_output(request: web.Request, name: str) -> RunRecord:
    found = await find_run(request, name)
    if isinstance(found, WaitingView):
        raise no_such("run", name, [])
    return found


def _output_reply(
    record: RunRecord, attempt: int, piece: OutputSlice, is_complete: bool
) -> web.Response:
    headers = {
        "X-Jobd-Run": record.run_id,
        "X-Jobd-Attempt": str(attempt),
        "X-Jobd-Attempts": str(record.attempt),
        "X-Jobd-Next-Offset": str(piece.next_offset),
        "X-Jobd-Skipped-Bytes": str(piece.skipped_bytes),
        "X-Jobd-Complete": "true" if is_complete else "false",
        "X-Jobd-Ended": "true" if record.ended_at is not None else "false",
        "X-Content-Type-Options": "nosniff",
    }
    # Plain bytes: a page that a job writes must not run in a browser.
    return web.Response(
        body=piece.data, headers=headers, content_type="text/plain", charset="utf-8"
    )
