"""One application for two listeners: questions on both, controls on the Unix socket alone."""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable

from aiohttp import web

from jobd.web import api, control, history, jobs, nodes, report, why_page
from jobd.web.keys import IS_CONTROL, NODE, node_of
from jobd.web.node import Node
from jobd.web.openapi.document import make_document
from jobd.web.pages.problems import problems_as_pages
from jobd.web.pages.routes import add_pages
from jobd.web.problem import Handler, Problem, json_response, not_allowed, problems_as_json
from jobd.web.query import MAX_BODY_BYTES, check_names
from jobd.web.shapes import Json
from jobd.web.slices import LOOKING
from jobd.web.trigger import trigger

Metrics = Callable[[web.Request], Awaitable[web.StreamResponse]]
_READING = ("GET", "HEAD")
METRICS: web.AppKey[Metrics] = web.AppKey("METRICS")


async def get_openapi(request: web.Request) -> web.Response:
    """Answer with this description of the API."""
    check_names(request.query, (), "query parameter")
    return json_response(describe(node_of(request).identity.version))


QUESTIONS = {
    "/healthz": api.healthz,
    "/readyz": api.readyz,
    "/api/v1/openapi.json": get_openapi,
    "/api/v1/status": api.get_status,
    "/api/v1/jobs": jobs.get_jobs,
    "/api/v1/jobs/{job}": api.get_job,
    "/api/v1/jobs/{job}/why": why_page.get_why,
    "/api/v1/names": jobs.get_names,
    "/api/v1/nodes": nodes.get_nodes,
    "/api/v1/pools": nodes.get_pools,
    "/api/v1/report": report.get_report,
    "/api/v1/runs": history.get_runs,
    "/api/v1/runs/{run}": history.get_run,
    "/api/v1/runs/{run}/output": history.get_output,
}
CONTROLS = {
    "/api/v1/jobs/{job}/trigger": trigger,
    "/api/v1/jobs/{job}/cancel": control.cancel_job,
    "/api/v1/jobs/{job}/pause": control.pause,
    "/api/v1/jobs/{job}/resume": control.resume,
    "/api/v1/jobs/{job}/skip-next": control.skip_next,
    "/api/v1/runs/{run}/cancel": control.cancel_run,
    "/api/v1/pause": control.pause,
    "/api/v1/resume": control.resume,
    "/api/v1/drain": control.drain,
    "/api/v1/undrain": control.undrain,
    "/api/v1/reload": control.reload,
}
AUDIT = {"/api/v1/audit": control.get_audit}  # a question for those who may control


def make_app(
    node: Node, metrics: Metrics, *, control: bool, is_loopback: bool = False
) -> web.Application:
    """Return the application for one listener.

    ``control`` adds the controls; whoever reaches that listener may use them all.
    ``is_loopback`` says that it listens on a loopback address: then a ``Host`` that is
    neither an address, nor localhost, nor this node is a web page's trick.
    """
    gates = [problems_as_json]
    if not control:
        gates.append(_read_only)
    if is_loopback:
        gates.append(_known_hosts_only)
    gates.append(problems_as_pages)  # the last: a page tells nothing to whom a gate refuses
    app = web.Application(middlewares=gates, client_max_size=MAX_BODY_BYTES)
    app[NODE], app[IS_CONTROL], app[METRICS] = node, control, metrics
    app[LOOKING] = asyncio.Lock()
    add_pages(app, get_index)
    app.router.add_get("/metrics", get_metrics)
    for path, question in QUESTIONS.items():
        app.router.add_get(path, question)
    if control:
        _add_controls(app)
    return app


async def get_index(request: web.Request) -> web.Response:
    """Answer what there is to ask."""
    identity = node_of(request).identity
    questions: list[Json] = ["/metrics", *QUESTIONS]
    document: dict[str, Json] = {
        "jobd": identity.version,
        "node": identity.node,
        "questions": questions,
        "controls": "on the Unix socket, as jobd ctl",
    }
    return json_response(document)


def describe(version: str) -> dict[str, Json]:
    """Return the API as an OpenAPI document: what is asked by GET, what is wished by POST."""
    asked = {"/": get_index, "/metrics": get_metrics, **QUESTIONS, **AUDIT}
    return make_document(version, asked, CONTROLS)


async def get_metrics(request: web.Request) -> web.StreamResponse:
    """Answer with the metrics, for Prometheus."""
    return await request.app[METRICS](request)


def _add_controls(app: web.Application) -> None:
    for path, wish in CONTROLS.items():
        app.router.add_post(path, wish)
    for path, question in AUDIT.items():
        app.router.add_get(path, question)


@web.middleware
async def _read_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.method not in _READING:
        socket = node_of(request).identity.socket
        words = f"this listener only answers questions; controls are on {socket}: use jobd ctl"
        raise not_allowed("read_only", words, _READING)
    return await handler(request)


@web.middleware
async def _known_hosts_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse DNS rebinding: a page whose host name was made to point at 127.0.0.1."""
    if not _is_own_name(request.headers.get("Host", ""), node_of(request).identity.node):
        words = "this address answers to localhost, to IP addresses and to the node's name only"
        raise Problem(421, "wrong_host", words)
    return await handler(request)


def _is_own_name(host: str, node: str) -> bool:
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    if name.lower() in ("", "localhost", node.lower()):
        return True
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
