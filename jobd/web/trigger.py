"""Trigger: a run by hand, on the node that is named or that suits best."""

import secrets
from collections.abc import Mapping

from aiohttp import web

from jobd.core.events import TriggerAsked
from jobd.core.job import MAX_PARAM, Job, Param, Scope, is_passable
from jobd.core.placement import may_run
from jobd.web.api import job_of
from jobd.web.ask import ask, node_named, request_id
from jobd.web.fleet import known_nodes
from jobd.web.keys import node_of
from jobd.web.matching import TookTooLong, is_admitted
from jobd.web.node import Node
from jobd.web.peer import asker
from jobd.web.problem import Problem, bad_request
from jobd.web.query import check_names, read_body
from jobd.web.shapes import iso


async def trigger(request: web.Request) -> web.Response:
    """Ask for a run now: ``{"params": {…}, "force": false, "queue": false, "node": "…"}``."""
    job = (await job_of(request)).job
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
            _check_param(param, value)
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


def _check_param(param: Param, value: str) -> None:
    if not is_passable(value):
        words = f"at most {MAX_PARAM} characters, none of them NUL"
        raise bad_request(f"parameter {param.name}: {words}")
    try:
        is_fit = is_admitted(param, value)
    except TookTooLong:
        words = "takes too long to be judged by its pattern; repeat nothing that repeats itself"
        raise bad_request(f"parameter {param.name}: {words}") from None
    if not is_fit:
        raise bad_request(f'parameter {param.name}: "{value[:100]}" does not match {param.pattern}')
