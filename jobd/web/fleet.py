"""Fleet: what is to be said of the nodes that share a store. Pure: nodes in, words out.

Who is up is judged by the store's clock, and as of the instant of its last answer: while
the store is silent nobody grows older, for nobody can know.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from jobd.core.cluster import NodeSeen
from jobd.core.neighbours import LIVE_FOR
from jobd.core.view import NodeView
from jobd.web.words import in_words


class NodeState(StrEnum):
    """A node in one word."""

    UP = "up"
    DRAINING = "draining"  # up, and starts nothing new
    LEAVING = "leaving"  # a clean stop is under way
    GONE = "gone"  # it has left, or is not heard of


def state_of(seen: NodeSeen, at: datetime) -> NodeState:
    """Return how a node is at an instant of the store's clock."""
    if at - seen.seen_at > LIVE_FOR:
        return NodeState.GONE
    if seen.word.is_leaving:
        return NodeState.LEAVING
    return NodeState.DRAINING if seen.word.is_draining else NodeState.UP


def is_up(seen: NodeSeen, at: datetime) -> bool:
    """Return whether the node would answer."""
    return state_of(seen, at) is not NodeState.GONE


def may_start(seen: NodeSeen, at: datetime) -> bool:
    """Return whether the node starts anything new."""
    return state_of(seen, at) is NodeState.UP


def known_nodes(view: NodeView) -> dict[str, NodeSeen]:
    """Return the nodes of the cluster by name; empty for a cluster of one."""
    seen = view.shared.nodes if view.shared else ()
    return {one.word.node: one for one in sorted(seen, key=lambda one: one.word.node)}


def differing(nodes: Sequence[NodeSeen], here: str) -> set[str]:
    """Return the nodes whose configuration of what nodes share is not that of ``here``."""
    mine = {seen.word.digest for seen in nodes if seen.word.node == here}
    return {seen.word.node for seen in nodes if mine and seen.word.digest not in mine}


def whereabouts(node: str, view: NodeView) -> str:
    """Return what is known of a node: ``app2, which was last seen 3 min ago``."""
    seen = known_nodes(view).get(node)
    if seen is None or view.shared is None or view.shared.at is None:
        return f"{node}, of which nothing is known here"
    ago = in_words(max(view.shared.at - seen.seen_at, timedelta(0)))
    if seen.word.is_leaving:
        return f"{node}, which left {ago} ago"
    return f"{node}, which was last seen {ago} ago"
