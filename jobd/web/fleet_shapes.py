"""The JSON of a cluster: nodes, pools, and how the shared store is. Keys as in shapes.py."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from jobd.core.cluster import NodeSeen
from jobd.core.view import JobView, NodeView, SharedView
from jobd.web.fleet import NodeState, known_nodes, state_of
from jobd.web.node import Identity, StoreHealth
from jobd.web.shapes import Json, JsonObject, iso, pause_shape


def node_shape(seen: NodeSeen, at: datetime, drift: Mapping[str, Sequence[str]]) -> JsonObject:
    """Return a node as the shared store has it."""
    word, differs = seen.word, drift.get(seen.word.node)
    return {
        "node": word.node,
        "state": state_of(seen, at).value,
        "started_at": iso(seen.started_at),
        "seen_at": iso(seen.seen_at),
        "seen_ago_s": max((at - seen.seen_at).total_seconds(), 0.0),
        "labels": [*word.labels],
        "running": word.running,
        "max_running": word.max_running,
        "load": word.load,
        "version": word.version,
        "same_config": differs is None,
        "differing_jobs": [*(differs or ())],
    }


def lone_node_shape(identity: Identity, view: NodeView, now: datetime) -> JsonObject:
    """Return this node, a cluster of one, under the keys of :func:`node_shape`."""
    state = NodeState.DRAINING if view.is_draining else NodeState.UP
    return {
        "node": identity.node,
        "state": (NodeState.LEAVING if view.is_stopping else state).value,
        "started_at": iso(identity.started_at),
        "seen_at": iso(now),
        "seen_ago_s": 0.0,
        "labels": [*identity.labels],
        "running": view.running,
        "max_running": view.max_running,
        "load": view.load,
        "version": identity.version,
        "same_config": True,
        "differing_jobs": [],
    }


def room_shape(view: NodeView) -> JsonObject:
    """Return what is taken of a node, and what keeps anything new from starting on it."""
    room = view.room
    return {
        "load": view.load,
        "memory_reserved_bytes": room.memory_reserved_bytes,
        "memory_budget_bytes": room.memory_budget_bytes,
        "pressure": room.pressure,
        "pressure_measured": room.measured,
        "holding": [*sorted(room.holding)],
    }


def shared_shape(kind: str, view: NodeView, health: StoreHealth | None) -> Json:
    """Return how the shared store is, and who is there by its word; null for a lone node."""
    shared = view.shared
    if shared is None:
        return None
    trouble = health.trouble if health else ""
    return {
        "kind": kind,
        "up": not shared.is_silent,
        "since": iso(shared.since),
        "trouble": trouble,
        "latency_s": health.latency_s if health else None,
        "as_of": iso(shared.at),
        "nodes": _names_by_state(view, shared),
    }


def drain_shape(view: NodeView) -> JsonObject:
    """Return whether this node is draining, and by whose wish."""
    return {"draining": view.is_draining, "drain": pause_shape(view.drain)}


def pools_shape(view: NodeView, jobs: Sequence[JobView]) -> list[Json]:
    """Return every pool; who waits for one is counted on this node alone."""
    waits = Counter(
        job.job.pool.name
        for job in jobs
        for waiting in job.waiting
        if job.job.pool is not None and waiting.held_by == "pool"
    )
    return [
        {
            "pool": pool.name,
            "scope": pool.scope.value,
            "size": pool.size,
            "taken": pool.running,
            "waiting_here": waits[pool.name],
        }
        for pool in sorted(view.pools, key=lambda pool: pool.name)
    ]


def _names_by_state(view: NodeView, shared: SharedView) -> JsonObject:
    at, known = shared.at, known_nodes(view)
    if at is None:
        return {state.value: [] for state in NodeState}
    return {
        state.value: [name for name, seen in known.items() if state_of(seen, at) is state]
        for state in NodeState
    }
