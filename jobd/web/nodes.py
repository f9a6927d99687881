"""Questions about the cluster: its nodes and its pools. Read-only, on both listeners."""

from collections.abc import Sequence

from aiohttp import web

from jobd.web.fleet_shapes import lone_node_shape, node_shape, pools_shape
from jobd.web.keys import is_control, node_of
from jobd.web.node import Node
from jobd.web.problem import json_response
from jobd.web.query import check_names
from jobd.web.shapes import Json, JsonObject, iso


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
    view = node.view()
    document: JsonObject = {
        "now": iso(node.now()),
        "node": node.identity.node,
        "clustered": view.shared is not None,
        "silent": view.shared is not None and view.shared.is_silent,
        "pools": pools_shape(view, node.job_views()),
    }
    return json_response(document)


async def _nodes(node: Node, *, may_ask: bool) -> list[Json]:
    """Return the nodes' shapes. What differs is found by asking other nodes: that is for
    those who may control the daemon, lest anybody's page keeps the cluster busy."""
    view = node.view()
    if view.shared is None or view.shared.at is None:
        return [lone_node_shape(node.identity, view, node.now())]
    at, nodes = view.shared.at, sorted(node.nodes(), key=lambda seen: seen.word.node)
    mine = {seen.word.digest for seen in nodes if seen.word.node == node.identity.node}
    drift: dict[str, Sequence[str]] = {
        seen.word.node: () for seen in nodes if mine and seen.word.digest not in mine
    }
    if drift and may_ask:
        drift.update(await node.config_drift())
    return [node_shape(seen, at, drift) for seen in nodes]
