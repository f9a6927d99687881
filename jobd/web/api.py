"""Questions about the node and its jobs. Read-only, on both listeners."""

from collections.abc import Iterator
from heapq import nsmallest
from operator import attrgetter

from aiohttp import web

from jobd.core.claim import JobMemory
from jobd.core.job import Scope
from jobd.core.outcome import Outcome
from jobd.core.view import JobView
from jobd.errors import StoreUnavailable
from jobd.web import shapes
from jobd.web.drift import drift_of_job, drift_seen
from jobd.web.fleet import is_up
from jobd.web.fleet_shapes import drain_shape, room_shape, shared_shape
from jobd.web.jobs import job_shape_with_attention
from jobd.web.keys import is_control, node_of
from jobd.web.nearest import no_such_job
from jobd.web.node import Node
from jobd.web.problem import json_response
from jobd.web.query import check_names, path_name
from jobd.web.settings import settings_shape
from jobd.web.shapes import Json, JsonObject, iso
from jobd.web.skips import skips_of_a_day
from jobd.web.slices import LOOKING, views_in_slices
from jobd.web.written import table_reply

UPCOMING = 5
SHOWN = 20  # a screenful
AUDIT_SHOWN = 5
LOCAL_STORE = "sqlite"  # every node has one, whatever nodes share
_FINE = (None, Outcome.SUCCESS.value)


async def healthz(request: web.Request) -> web.Response:
    """Answer that the daemon's loop is alive."""
    return json_response({"alive": True})


async def readyz(request: web.Request) -> web.Response:
    """Answer whether schedules are loaded and the store was reachable lately; 503 if not."""
    is_ready, reason = node_of(request).is_ready()
    return json_response({"ready": is_ready, "reason": reason}, status=200 if is_ready else 503)


async def get_status(request: web.Request) -> web.StreamResponse:
    """Answer how the node is: what runs, waits, failed, was skipped and comes next."""
    check_names(request.query, (), "query parameter")
    node = node_of(request)
    skips = await skips_of_a_day(node)
    async with request.app[LOOKING]:
        jobs = await _jobs_at_large(node)
    status = {**_node_shape(node), **jobs}
    if skips is None:
        return json_response({**status, "skipped_24h": None})
    skipped: Iterator[tuple[str, Json]] = ((name, {**of}) for name, of in skips.items())
    return await table_reply(request, status, "skipped_24h", skipped)


async def get_job(request: web.Request) -> web.Response:
    """Answer with all that is known of a job, every effective setting included.

    The command and who did what are for those who may control the daemon.
    """
    check_names(request.query, (), "query parameter")
    node, view = node_of(request), await job_of(request)
    skips = await skips_of_a_day(node)
    document: JsonObject = {
        "now": iso(node.now()),
        **job_shape_with_attention(view, node, skips or {}),
        "settings": settings_shape(view, node.view(), node.enforcement, node.hook_limits),
        "enforcement_detail": node.enforcement.detail,
        "defined_in": defined_in(view),
        "command": [*view.job.command.argv] if is_control(request) else None,
        "audit": await _audit(node, view.job.name) if is_control(request) else None,
        "differs_on": await differs_on(node, view, may_ask=is_control(request)),
        "skipped_24h": None if skips is None else {**skips.get(view.job.name, {})},
    }
    return json_response(document)


async def job_of(request: web.Request) -> JobView:
    """Return the job that the path names; an unknown one is a 404 with the nearest names."""
    name = path_name(request, "job")
    view = node_of(request).job_view(name)
    if view is None:
        raise await no_such_job(request, name)
    return view


def _node_shape(node: Node) -> JsonObject:
    is_ready, reason = node.is_ready()
    reload_ok, reloaded_at = node.config_state()
    view = node.view()
    return {
        "now": iso(node.now()),
        **shapes.identity_shape(node.identity),
        "ready": is_ready,
        "ready_reason": reason,
        "stopping": view.is_stopping,
        **drain_shape(view),
        "config": {"last_reload_ok": reload_ok, "last_reload_at": iso(reloaded_at)},
        "store": shapes.store_shape(LOCAL_STORE, node.store_health()),
        "shared": shared_shape(node.identity.store, view, node.shared_health()),
        "enforcement": shapes.enforcement_shape(node.enforcement),
        "jobs": view.jobs,
        "paused": view.paused,
        "running": view.running,
        "max_running": view.max_running,
        "waiting": view.waiting,
        "max_waiting": view.max_waiting,
        **room_shape(view),
    }


async def _jobs_at_large(node: Node) -> JsonObject:
    """Return what a glance at all jobs shows: what is busy, what failed, what comes next."""
    active, elsewhere, waiting, failing, paused = [], [], [], [], []
    upcoming: list[JobView] = []
    async for views in views_in_slices(node):
        active += [shapes.active_run_shape(r.run, r) for view in views for r in view.runs]
        elsewhere += [shapes.active_run_shape(r) for view in views for r in view.elsewhere]
        waiting += [shapes.waiting_shape(w) for view in views for w in view.waiting]
        failing += [view.memory for view in views if view.memory.last_outcome not in _FINE]
        paused += [view for view in views if view.pause is not None]
        scheduled = [view for view in (*upcoming, *views) if view.next_due is not None]
        upcoming = nsmallest(UPCOMING, scheduled, key=attrgetter("next_due"))
    return {
        "active_runs": [*active],
        "active_elsewhere": [*elsewhere],
        "waiting_ticks": [*waiting],
        "failing": [_failing_shape(memory) for memory in failing[:SHOWN]],
        "paused_jobs": [_paused_shape(view) for view in paused[:SHOWN]],
        "upcoming": [_upcoming_shape(view) for view in upcoming],
    }


def _failing_shape(memory: JobMemory) -> JsonObject:
    return {
        "job": memory.job,
        "last_outcome": memory.last_outcome,
        "last_ended": iso(memory.last_ended),
        "last_success": iso(memory.last_success),
    }


def _paused_shape(view: JobView) -> JsonObject:
    return {"job": view.job.name, "pause": shapes.pause_shape(view.pause)}


def _upcoming_shape(view: JobView) -> JsonObject:
    return {
        "job": view.job.name,
        "next_fire": iso(view.next_fire),
        "next_due": iso(view.next_due),
    }


async def _audit(node: Node, job: str) -> Json:
    try:
        entries = await node.store.audit(job, AUDIT_SHOWN)
    except StoreUnavailable:
        return None
    return [shapes.audit_shape(entry) for entry in entries]


async def differs_on(node: Node, view: JobView, *, may_ask: bool) -> list[Json]:
    """Return on which of the nodes that are up the job is defined otherwise."""
    shared = node.view().shared
    if view.job.scope is Scope.NODE or shared is None or shared.at is None:
        return []
    up = {seen.word.node for seen in node.nodes() if is_up(seen, shared.at)}
    drift = await drift_seen(node, may_ask=may_ask)
    return drift_of_job({name: drift[name] for name in drift.keys() & up}, view.job.name)


def defined_in(view: JobView) -> str:
    """Return the file, and where it is known the line, that the definition was read from."""
    origin = view.job.provenance
    return f"{origin.file}:{origin.line}" if origin.line else origin.file
