"""Controls: what an operator may do, on the Unix socket only. The kernel says who asks.

Pauses and skip-next are kept by the store, so that they hold on every node.
"""

from aiohttp import web

from jobd.core.events import CancelAsked, DrainAsked, PauseAsked, ResumeAsked, SkipNextAsked
from jobd.core.run import RunRecord
from jobd.errors import StoreUnavailable
from jobd.web.api import job_of
from jobd.web.ask import ask, request_id
from jobd.web.history import RUN_ID, find_run
from jobd.web.keys import node_of
from jobd.web.peer import asker
from jobd.web.problem import Problem, json_response, no_such
from jobd.web.query import check_names, path_name, read_body, whole_number
from jobd.web.shapes import Json, audit_shape, iso, reload_shape


async def cancel_job(request: web.Request) -> web.Response:
    """Stop every active run of a job."""
    job = (await job_of(request)).job.name
    await read_body(request)
    return await ask(request, CancelAsked(request_id(), await asker(request), job=job))


async def cancel_run(request: web.Request) -> web.Response:
    """Stop one run, named by its id or a prefix of it, on whichever node it is."""
    await read_body(request)
    run_id, by = await _run_to_cancel(request), await asker(request)
    return await ask(request, CancelAsked(request_id(), by, run_id=run_id))


async def pause(request: web.Request) -> web.Response:
    """Skip a job's ticks, or every job's: ``{"reason": "…", "until": "…Z"}``."""
    job = await _job_or_all(request)
    body = await read_body(request, "reason", "until")
    reason, until = body.text("reason"), body.instant("until", after=node_of(request).now())
    by = await asker(request)
    return await ask(request, PauseAsked(request_id(), job, by, reason, until))


async def resume(request: web.Request) -> web.Response:
    """End a job's pause, or every job's."""
    job = await _job_or_all(request)
    await read_body(request)
    return await ask(request, ResumeAsked(request_id(), job, await asker(request)))


async def skip_next(request: web.Request) -> web.Response:
    """Skip just the next tick of a job: ``{"reason": "…"}``."""
    job = (await job_of(request)).job.name
    reason = (await read_body(request, "reason")).text("reason")
    return await ask(request, SkipNextAsked(request_id(), job, await asker(request), reason))


async def drain(request: web.Request) -> web.Response:
    """Let a node start nothing new: ``{"reason": "…", "node": "…"}``; this one unless named."""
    body = await read_body(request, "reason", "node")
    by = await asker(request)
    event = DrainAsked(request_id(), by, is_on=True, reason=body.text("reason"))
    return await ask(request, event, at=body.text("node"))


async def undrain(request: web.Request) -> web.Response:
    """Let a node start runs again: ``{"node": "…"}``; this one unless named."""
    body = await read_body(request, "node")
    event = DrainAsked(request_id(), await asker(request), is_on=False)
    return await ask(request, event, at=body.text("node"))


async def reload(request: web.Request) -> web.Response:
    """Read the configuration again, all or nothing; 422 with every error if it is refused."""
    await read_body(request)
    result = await node_of(request).reload(await asker(request))
    document = reload_shape(result)
    if not result.errors:
        return json_response(document)
    message = "the configuration has errors; the one in force stays in force"
    document["error"] = {"code": "bad_configuration", "message": message}
    return json_response(document, status=422)


async def get_audit(request: web.Request) -> web.Response:
    """Answer who did what, newest first."""
    check_names(request.query, ("target", "limit"), "query parameter")
    node, limit = node_of(request), whole_number(request, "limit", 50, 1000)
    entries = await node.store.audit(request.query.get("target"), limit)
    audit: list[Json] = [audit_shape(entry) for entry in entries]
    return json_response({"now": iso(node.now()), "audit": audit})


async def _run_to_cancel(request: web.Request) -> str:
    """Return the id of an active run. While the store is silent the scheduler, which knows
    its own runs, is left to judge the name."""
    name = path_name(request, "run")
    try:
        found = await find_run(request, name)
    except StoreUnavailable:
        if not RUN_ID.fullmatch(name):
            raise no_such("run", name, []) from None
        return name
    if isinstance(found, RunRecord) and found.ended_at is not None:
        words = f"run {found.run_id} has ended already: {found.outcome}, at {iso(found.ended_at)}"
        raise Problem(404, "no_such_run", words)
    return found.run_id


async def _job_or_all(request: web.Request) -> str | None:
    return (await job_of(request)).job.name if "job" in request.match_info else None
