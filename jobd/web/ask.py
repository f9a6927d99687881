"""Ask: hands an operator's wish to the scheduler, here or on another node, and answers."""

import asyncio
import secrets

from aiohttp import web

from jobd.core.effects import Accepted, Reply
from jobd.core.events import DrainAsked, OperatorEvent, TriggerAsked
from jobd.web.fleet import known_nodes
from jobd.web.keys import node_of
from jobd.web.node import Node
from jobd.web.problem import Problem, json_response, no_such, refusal
from jobd.web.shapes import accepted_shape

ANSWER_WITHIN_S = 32.0


def request_id() -> str:
    """Return an id that an answer is recognised by."""
    return secrets.token_hex(8)


async def ask(request: web.Request, event: OperatorEvent, at: str = "") -> web.Response:
    """Hand a wish to the scheduler of a node, "" being this one; answer with what it says."""
    node = node_of(request)
    name = node_named(node, at)
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            reply = await _reply(node, name, event)
    except TimeoutError:
        words = f"no answer within {ANSWER_WITHIN_S:.0f} s; it may happen yet: ask for the status"
        raise Problem(503, "no_answer", words) from None
    if isinstance(reply, Accepted):
        return json_response(accepted_shape(reply, name))
    raise refusal(reply, node.now())


def node_named(node: Node, name: str) -> str:
    """Return the name of a node, "" being this one; an unknown one is a 404."""
    known = {node.identity.node, *known_nodes(node.view())}
    if name and name not in known:
        raise no_such("node", name, sorted(known))
    return name or node.identity.node


async def _reply(node: Node, name: str, event: OperatorEvent) -> Reply:
    if name == node.identity.node:
        return await node.ask(event)
    assert isinstance(event, TriggerAsked | DrainAsked), "nothing else is asked of other nodes"
    return await node.ask_at(name, event)
