"""What every handler finds in its application."""

from aiohttp import web

from jobd.web.node import Node

NODE = web.AppKey("NODE", Node)
IS_CONTROL = web.AppKey("IS_CONTROL", bool)  # the Unix socket: may change and see argv


def node_of(request: web.Request) -> Node:
    """Return the daemon that the application shows."""
    return request.app[NODE]


def is_control(request: web.Request) -> bool:
    """Return whether the request came through the control socket."""
    return request.app[IS_CONTROL]
