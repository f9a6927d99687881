"""Controls: what an operator may do, on the Unix socket only. The kernel says who asks."""

import asyncio
import re
import secrets
from collections.abc import Mapping

from aiohttp import web

from jobd.core.effects import Accepted
from jobd.core.events import (
    CancelAsked,
    OperatorEvent,
    PauseAsked,
    ResumeAsked,
    SkipNextAsked,
    TriggerAsked,
)
from jobd.core.job import Job
from jobd.core.run import RunRecord
from jobd.web.api import job_of
from jobd.web.history import find_run
from jobd.web.keys import node_of
from jobd.web.peer import asker
from jobd.web.problem import Problem, bad_request, json_response, refusal
from jobd.web.query import check_names, path_name, read_body, whole_number
from jobd.web.shapes import Json, accepted_shape, audit_shape, iso, reload_shape

ANSWER_WITHIN_S = 32.0
MAX_PARAM = 8192


async def trigger(request: web.Request) -> web.Response:
    """Ask for a run now: ``{"params": {…}, "force": false, "queue": false}``."""
    job, body = job_of(request).job, await read_body(request, "params", "force", "queue")
    force, queue = body.flag("force"), body.flag("queue")
    if force and queue:
        raise bad_request("force runs beside the prior run, queue waits for it: choose one")
    params = resolve_params(job, body.texts("params"))
    run_id, by = secrets.token_hex(8), await asker(request)
    return await _ask(
        request, TriggerAsked(_request_id(), run_id, job.name, by, params, force, queue)
    )


async def cancel_job(request: web.Request) -> web.Response:
    """Stop every active run of a job."""
    job = job_of(request).job.name
    await read_body(request)
    return await _ask(request, CancelAsked(_request_id(), await asker(request), job=job))


async def cancel_run(request: web.Request) -> web.Response:
    """Stop one run, named by its id or a prefix of it."""
    await read_body(request)
    found = await find_run(node_of(request), path_name(request, "run"))
    if isinstance(found, RunRecord) and found.ended_at is not None:
        words = f"run {found.run_id} has ended already: {found.outcome}, at {iso(found.ended_at)}"
        raise Problem(404, "no_such_run", words)
    by = await asker(request)
    return await _ask(request, CancelAsked(_request_id(), by, run_id=found.run_id))


async def pause(request: web.Request) -> web.Response:
    """Skip a job's ticks, or every job's: ``{"reason": "…", "until": "…Z"}``."""
    job = _job_or_all(request)
    body = await read_body(request, "reason", "until")
    reason, until = body.text("reason"), body.instant("until", after=node_of(request).now())
    by = await asker(request)
    return await _ask(request, PauseAsked(_request_id(), job, by, reason, until))


async def resume(request: web.Request) -> web.Response:
    """End a job's pause, or every job's."""
    job = _job_or_all(request)
    await read_body(request)
    return await _ask(request, ResumeAsked(_request_id(), job, await asker(request)))


async def skip_next(request: web.Request) -> web.Response:
    """Skip just the next tick of a job: ``{"reason": "…"}``."""
    job = job_of(request).job.name
    reason = (await read_body(request, "reason")).text("reason")
    return await _ask(request, SkipNextAsked(_request_id(), job, await asker(request), reason))


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


def resolve_params(job: Job, given: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the job's parameters with defaults filled in; refuse what does not fit.

    They become environment variables, which hold no NUL. A parameter without a default
    must be given.
    """
    check_names(given, [param.name for param in job.params], f"parameter of {job.name}")
    resolved = []
    for param in job.params:
        value = given.get(param.name, param.default)
        if value is None:
            raise bad_request(f"parameter {param.name} is missing; it has no default")
        if param.name in given:
            _check_param(param.name, value, param.pattern)
        resolved.append((param.name, value))
    return tuple(resolved)


def _check_param(name: str, value: str, pattern: str | None) -> None:
    if len(value) > MAX_PARAM or "\0" in value or not _is_encodable(value):
        raise bad_request(f"parameter {name}: at most {MAX_PARAM} characters, none of them NUL")
    if pattern is not None and not re.fullmatch(pattern, value):
        raise bad_request(f'parameter {name}: "{value[:100]}" does not match {pattern}')


def _is_encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


async def _ask(request: web.Request, event: OperatorEvent) -> web.Response:
    """Hand a wish to the scheduler and answer with what it says."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            reply = await node_of(request).ask(event)
    except TimeoutError:
        words = f"no answer within {ANSWER_WITHIN_S:.0f} s; it may happen yet: ask for the status"
        raise Problem(503, "no_answer", words) from None
    if isinstance(reply, Accepted):
        return json_response(accepted_shape(reply))
    raise refusal(reply)


def _job_or_all(request: web.Request) -> str | None:
    return job_of(request).job.name if "job" in request.match_info else None


def _request_id() -> str:
    return secrets.token_hex(8)
