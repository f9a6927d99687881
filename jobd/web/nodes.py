"""Questions about the cluster: its nodes and its pools. Read-only, on both listeners."""

from aiohttp import web

from jobd.web.drift import drift_seen
from jobd.web.fleet_shapes import lone_node_shape, node_shape, pools_shape
from jobd.web.keys import is_control, node_of
from jobd.web.node import Node
from jobd.web.problem import json_response
from jobd.web.query import check_names
from jobd.web.shapes import Json, JsonObject, iso
from jobd.web.slices import busy_views


async def get_nodes(request: web.Request) -> web.Response:
    """Answer with every node, by name, and where its configuration differs from this one's."""
    check_names(request.query, (), "query parameter")
    node = node_of(request)
    shared = node.view().shared
    document: JsonObject = {
        "now": iso(node.now()),
        "node": node.identity.node,
        "store": node.identity.store,
        "clustered": shared is not None,
        "silent_since": iso(shared.since) if shared and shared.is_silent else None,
        "as_of": iso(shared.at) if shared else None,
        "nodes": await _nodes(node, may_ask=is_control(request)),
    }
    return json_response(document)


async def get_pools(request: web.Request) -> web.Response:
    """Answer with every pool, by name."""
    check_names(request.query, (), "query parameter")
    node = node_of(request)
    jobs, view = await busy_views(request), node.view()
    document: JsonObject = {
        "now": iso(node.now()),
        "node": node.identity.node,
        "clustered": view.shared is not None,
        "silent": view.shared is not None and view.shared.is_silent,
        "pools": pools_shape(view, jobs),
    }
    return json_response(document)


async def _nodes(node: Node, *, may_ask: bool) -> list[Json]:
    view = node.view()
    if view.shared is None or view.shared.at is None:
        return [lone_node_shape(node.identity, view, node.now())]
    drift = await drift_seen(node, may_ask=may_ask)
    at, nodes = view.shared.at, sorted(node.nodes(), key=lambda seen: seen.word.node)
    return [node_shape(seen, at, drift) for seen in nodes]
