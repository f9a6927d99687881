"""The node's page: what room there is, what takes it, what waits, and what the node stands on."""

from collections.abc import Iterator
from dataclasses import dataclass

from aiohttp import web

from jobd.core.amounts import size_words
from jobd.core.view import NodeView
from jobd.ports import Enforcement
from jobd.web.keys import node_of
from jobd.web.pages.activity import MOST, activity_of
from jobd.web.pages.rendering import render_apart
from jobd.web.query import check_names


@dataclass(frozen=True, slots=True)
class Room:
    """One thing of which there is only so much. ``share`` None: there is no bound."""

    what: str
    key: str  # of the configuration, that bounds it
    words: str
    share: float | None


async def show_node(request: web.Request) -> web.Response:
    """Show this node."""
    check_names(request.query, (), "query parameter")
    node = node_of(request)
    found, view = await activity_of(request), node.view()
    is_good, read_at = node.config_state()
    return await render_apart(
        request,
        "node.html",
        title=f"Node {node.identity.node}",
        view=view,
        rooms=[*_rooms(view)],
        found=found,
        most=MOST,
        pools=found.pools(view),
        store=node.store_health(),
        shared=node.shared_health(),
        enforced=[*_enforced(node.enforcement)],
        enforcement=node.enforcement,
        offset=node.clock_offset(),
        is_good=is_good,
        read_at=read_at,
    )


def _rooms(view: NodeView) -> Iterator[Room]:
    room, running, waiting = view.room, view.running, view.waiting
    words = f"{running:,} of {view.max_running:,}"
    yield Room("Running", "limits.max_running", words, running / max(view.max_running, 1))
    words = f"{waiting:,} of {view.max_waiting:,}"
    yield Room("Waiting", "limits.max_waiting", words, waiting / max(view.max_waiting, 1))
    reserved, budget = room.memory_reserved_bytes, room.memory_budget_bytes
    taken = size_words(reserved) if reserved else "none"
    key = "limits.memory_budget"
    if budget is None:
        yield Room("Memory reserved", key, f"{taken}, no budget", None)
    else:
        words = f"{taken} of {size_words(budget)}"
        yield Room("Memory reserved", key, words, reserved / max(budget, 1))


def _enforced(by: Enforcement) -> Iterator[tuple[str, str]]:
    yield "Whole process tree", by.tree
    yield "Memory", by.memory
    yield "CPU", by.cpu
    yield "Processes", by.pids
    yield "I/O weight", by.io
