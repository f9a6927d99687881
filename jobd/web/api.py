"""Questions about the node and its jobs. Read-only, on both listeners."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from heapq import nsmallest
from operator import attrgetter

from aiohttp import web

from jobd.core.claim import JobMemory
from jobd.core.outcome import Outcome
from jobd.core.view import JobView
from jobd.errors import StoreUnavailable
from jobd.web import shapes
from jobd.web.fleet_shapes import drain_shape, room_shape, shared_shape
from jobd.web.keys import is_control, node_of
from jobd.web.node import Node
from jobd.web.problem import json_response, no_such
from jobd.web.query import check_names, path_name
from jobd.web.settings import settings_shape
from jobd.web.shapes import Json, JsonObject, iso

SKIPS_OF = timedelta(hours=24)
UPCOMING = 5
FAILING = 20
AUDIT_SHOWN = 5
LOCAL_STORE = "sqlite"  # every node has one, whatever nodes share


async def healthz(request: web.Request) -> web.Response:
    """Answer that the daemon's loop is alive."""
    return json_response({"alive": True})


async def readyz(request: web.Request) -> web.Response:
    """Answer whether schedules are loaded and the store was reachable lately; 503 if not."""
    is_ready, reason = node_of(request).is_ready()
    return json_response({"ready": is_ready, "reason": reason}, status=200 if is_ready else 503)


async def get_status(request: web.Request) -> web.Response:
    """Answer how the node is: what runs, waits, failed, was skipped and comes next."""
    check_names(request.query, (), "query parameter")
    node = node_of(request)
    skips = await _skips(node)
    return json_response({**_node_shape(node), **_jobs_at_large(node.job_views()), **skips})


async def get_jobs(request: web.Request) -> web.Response:
    """Answer with every job, by name."""
    check_names(request.query, (), "query parameter")
    node = node_of(request)
    views = sorted(node.job_views(), key=lambda view: view.job.name)
    jobs: list[Json] = [shapes.job_shape(view) for view in views]
    return json_response({"now": iso(node.now()), "jobs": jobs})


async def get_job(request: web.Request) -> web.Response:
    """Answer with all that is known of a job, every effective setting included.

    The command and who did what are for those who may control the daemon.
    """
    check_names(request.query, (), "query parameter")
    node, view = node_of(request), job_of(request)
    document: JsonObject = {
        "now": iso(node.now()),
        **shapes.job_shape(view),
        "settings": settings_shape(view, node.view(), node.enforcement, node.hook_limits),
        "enforcement_detail": node.enforcement.detail,
        "defined_in": _defined_in(view),
        "command": [*view.job.command.argv] if is_control(request) else None,
        "audit": await _audit(node, view.job.name) if is_control(request) else None,
        **await _skips(node, view.job.name),
    }
    return json_response(document)


def job_of(request: web.Request) -> JobView:
    """Return the job that the path names; an unknown one is a 404 with the nearest names."""
    node, name = node_of(request), path_name(request, "job")
    view = node.job_view(name)
    if view is None:
        raise no_such("job", name, [known.job.name for known in node.job_views()])
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


def _jobs_at_large(views: Sequence[JobView]) -> JsonObject:
    scheduled = [view for view in views if view.next_due is not None]
    upcoming = nsmallest(UPCOMING, scheduled, key=attrgetter("next_due"))
    return {
        "active_runs": [shapes.active_run_shape(r.run, r) for view in views for r in view.runs],
        "active_elsewhere": [shapes.active_run_shape(r) for view in views for r in view.elsewhere],
        "waiting_ticks": [shapes.waiting_shape(w) for view in views for w in view.waiting],
        "failing": _failing(view.memory for view in views),
        "upcoming": [
            {
                "job": view.job.name,
                "next_fire": iso(view.next_fire),
                "next_due": iso(view.next_due),
            }
            for view in upcoming
        ],
    }


def _failing(memories: Iterable[JobMemory]) -> list[Json]:
    """Return the jobs whose last run did not succeed, at most a screenful."""
    fine = (None, Outcome.SUCCESS.value)
    failed = [memory for memory in memories if memory.last_outcome not in fine]
    return [
        {
            "job": memory.job,
            "last_outcome": memory.last_outcome,
            "last_ended": iso(memory.last_ended),
            "last_success": iso(memory.last_success),
        }
        for memory in failed[:FAILING]
    ]


async def _skips(node: Node, job: str | None = None) -> JsonObject:
    """Return how many ticks were skipped lately, by job and reason; null if nobody can say."""
    try:
        counts = await node.store.skip_counts(node.now() - SKIPS_OF)
    except StoreUnavailable:
        return {"skipped_24h": None}
    if job is not None:
        return {"skipped_24h": _reasons(counts.get(job, {}))}
    return {"skipped_24h": {name: _reasons(reasons) for name, reasons in counts.items()}}


def _reasons(counts: Mapping[str, int]) -> JsonObject:
    return dict(counts)


async def _audit(node: Node, job: str) -> Json:
    try:
        entries = await node.store.audit(job, AUDIT_SHOWN)
    except StoreUnavailable:
        return None
    return [shapes.audit_shape(entry) for entry in entries]


def _defined_in(view: JobView) -> str:
    origin = view.job.provenance
    return f"{origin.file}:{origin.line}" if origin.line else origin.file
