"""The cluster's page: the nodes that share a store, what runs where, and the pools they share."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from jobd.core.claim import ActiveRun
from jobd.core.cluster import NodeSeen, NodeWord
from jobd.core.view import NodeView
from jobd.web.fleet import NodeState, differing, state_of
from jobd.web.keys import node_of
from jobd.web.node import Node
from jobd.web.pages.activity import MOST, Activity, activity_of
from jobd.web.pages.rendering import render_apart
from jobd.web.query import check_names
from jobd.web.words import distance


@dataclass(frozen=True, slots=True)
class Member:
    """A node as the shared store has it."""

    word: NodeWord
    seen: NodeSeen
    state: NodeState
    seen_ago: str
    is_here: bool
    differs: bool  # in the configuration of what nodes share
    use: float  # of its places


async def show_cluster(request: web.Request) -> web.Response:
    """Show the cluster as this node knows it."""
    check_names(request.query, (), "query parameter")
    node = node_of(request)
    found, view = await activity_of(request), node.view()
    return await render_apart(
        request,
        "cluster.html",
        title="Cluster",
        shared=view.shared,
        health=node.shared_health(),
        members=_members(node, view),
        active=_active(found),
        most=MOST,
        pools=found.pools(view),
    )


def _members(node: Node, view: NodeView) -> list[Member]:
    shared, here = view.shared, node.identity.node
    if shared is None or shared.at is None:
        return []
    at, seen = shared.at, sorted(node.nodes(), key=lambda one: one.word.node)
    # A silent store has seen nobody since: "now" would be a lie that grows.
    told_at = node.now() if shared.is_silent else at
    others = differing(seen, here)
    return [
        Member(
            one.word,
            one,
            state_of(one, at),
            distance(min(one.seen_at - told_at, timedelta(0))),
            one.word.node == here,
            one.word.node in others,
            one.word.running / max(one.word.max_running, 1),
        )
        for one in seen
    ]


def _active(found: Activity) -> Sequence[ActiveRun]:
    """Return all runs that have not ended, the longest first."""
    runs = [*(shown.run for shown in found.here), *found.elsewhere]
    return sorted(runs, key=lambda run: run.claimed_at)
