"""Questions about runs: what ran, on which node, and what it wrote. Read-only."""

import asyncio
import re
from datetime import timedelta

from aiohttp import web

from jobd.core.outcome import Outcome
from jobd.core.run import RunRecord, record_of
from jobd.core.view import WaitingView
from jobd.errors import StoreUnavailable
from jobd.ports import RunFilter
from jobd.web.fleet import known_nodes
from jobd.web.keys import is_control, node_of
from jobd.web.node import Node, OutputSlice
from jobd.web.problem import Problem, bad_request, json_response, no_such
from jobd.web.query import check_names, path_name, whole_number
from jobd.web.shapes import Json, iso, run_shape, waiting_run_shape

MAX_ROWS = 1000
MAX_WAIT_S = 30
POLL = timedelta(milliseconds=200)  # between two looks at a growing output
POLL_AFAR = timedelta(seconds=1)  # at one that another node keeps: each is a letter
SLICE_BYTES = 1 << 18
RUN_ID = re.compile(r"[0-9A-Za-z_.:-]{1,100}")
ANY_OFFSET = (1 << 63) - 1


async def get_runs(request: web.Request) -> web.Response:
    """Answer with runs, newest first, active ones included."""
    check_names(request.query, ("job", "outcome", "limit"), "query parameter")
    node, job, outcome = node_of(request), request.query.get("job"), request.query.get("outcome")
    possible = [*(known.value for known in Outcome), "active"]
    if outcome is not None and outcome not in possible:
        raise bad_request(f'outcome: "{outcome[:50]}" is none of {", ".join(possible)}')
    limit = whole_number(request, "limit", 50, MAX_ROWS)
    records = await node.store.runs(RunFilter(job, outcome, limit)) if limit else ()
    if not records and job is not None and node.job_view(job) is None:
        raise no_such("job", job, [view.job.name for view in node.job_views()])
    runs: list[Json] = [run_shape(r, with_params=is_control(request)) for r in records]
    here = node.identity.node
    is_spread = len(known_nodes(node.view())) > 1 or any(r.node != here for r in records)
    return json_response({"now": iso(node.now()), "several_nodes": is_spread, "runs": runs})


async def get_run(request: web.Request) -> web.Response:
    """Answer with one run; ``wait`` seconds at most for its end."""
    check_names(request.query, ("wait",), "query parameter")
    wait = timedelta(seconds=whole_number(request, "wait", 0, MAX_WAIT_S))
    node = node_of(request)
    found = await find_run(node, path_name(request, "run"))
    run_id = found.run_id
    is_over = isinstance(found, RunRecord) and found.ended_at is not None
    if wait and not is_over:
        found = await node.wait_ended(run_id, wait) or await find_run(node, run_id)
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
    record = await _run_with_output(node, path_name(request, "run"))
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


async def find_run(node: Node, name: str) -> RunRecord | WaitingView:
    """Return a run by its id or a prefix of it; one that still waits has no record yet.

    While the store does not answer, active runs are known all the same.
    """
    if not RUN_ID.fullmatch(name):
        raise no_such("run", name, [])
    try:
        record = await node.store.run(name)
    except StoreUnavailable:
        record = _active_record(node, name)
        if record is None:
            raise
    if record is not None:
        return record
    waiting = [w for view in node.job_views() for w in view.waiting if w.run_id.startswith(name)]
    if len(waiting) != 1:
        raise no_such("run", name, [])
    return waiting[0]


def _active_record(node: Node, name: str) -> RunRecord | None:
    """Return what is known without the store of a run that is active, here or elsewhere."""
    views = node.job_views()
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
        await asyncio.sleep(pause.total_seconds())
        return record


async def _read_output(node: Node, record: RunRecord, attempt: int, offset: int) -> OutputSlice:
    try:
        return await node.read_output(record, attempt, offset, SLICE_BYTES)
    except (OSError, ValueError) as error:
        words = f"the output of run {record.run_id} cannot be read: {error}"
        raise Problem(503, "output_unreadable", words) from error


async def _run_with_output(node: Node, name: str) -> RunRecord:
    found = await find_run(node, name)
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
