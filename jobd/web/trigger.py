"""Trigger: a run by hand, on the node that is named or that suits best."""

import re
import secrets
from collections.abc import Mapping

from aiohttp import web

from jobd.core.events import TriggerAsked
from jobd.core.job import Job, Scope
from jobd.core.placement import may_run
from jobd.web.api import job_of
from jobd.web.ask import ask, node_named, request_id
from jobd.web.fleet import known_nodes
from jobd.web.keys import node_of
from jobd.web.node import Node
from jobd.web.peer import asker
from jobd.web.problem import Problem, bad_request
from jobd.web.query import check_names, read_body
from jobd.web.shapes import iso

MAX_PARAM = 8192


async def trigger(request: web.Request) -> web.Response:
    """Ask for a run now: ``{"params": {…}, "force": false, "queue": false, "node": "…"}``."""
    job = job_of(request).job
    body = await read_body(request, "params", "force", "queue", "node")
    force, queue = body.flag("force"), body.flag("queue")
    if force and queue:
        raise bad_request("force runs beside the prior run, queue waits for it: choose one")
    params = resolve_params(job, body.texts("params"))
    _check_store(node_of(request), job)
    where = _place(node_of(request), job, body.text("node"))
    run_id, by = secrets.token_hex(8), await asker(request)
    event = TriggerAsked(request_id(), run_id, job.name, by, params, force, queue)
    return await ask(request, event, at=where)


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


def _check_store(node: Node, job: Job) -> None:
    """Refuse at once what nobody can grant. A wish that waited for the store would start a run
    long after whoever asked has gone another way."""
    shared = node.view().shared
    if shared is not None and shared.is_silent and job.scope is Scope.CLUSTER:
        since = f"since {iso(shared.since.replace(microsecond=0))}" if shared.since else "yet"
        words = f"the shared store has not answered {since}; without it no run of {job.name} can"
        raise Problem(503, "store_unavailable", f"{words} be granted, on any node")


def _place(node: Node, job: Job, wanted: str) -> str:
    """Return the node that is to run it; one that may not is refused here, by its labels."""
    if not wanted:
        place = node.place_for(job.name)
        if place is None:
            words = f"no node{_that_may(job)} is up and starts anything new; see jobd ctl nodes"
            raise Problem(409, "no_node", words)
        return place
    name = node_named(node, wanted)
    seen = known_nodes(node.view()).get(name)
    if not may_run(job.nodes, name, seen.word.labels if seen else node.identity.labels):
        raise bad_request(f"{name} is no node{_that_may(job)}")
    return name


def _that_may(job: Job) -> str:
    return f" that may run {job.name} (nodes = [{', '.join(job.nodes)}])" if job.nodes else ""


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
