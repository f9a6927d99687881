"""Starts both listeners: TCP for questions, the Unix socket for controls too."""

import asyncio
import ipaddress
import logging
import socket as sockets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from jobd.web.app import Metrics, make_app
from jobd.web.listeners import open_tcp, unix_listener
from jobd.web.node import Node
from jobd.web.problem import Problem

STOP_WITHIN_S = 1.0  # what a stop grants to replies that are under way
SILENT_FOR_S = 75  # at most, before a request is whole
MAX_CONNECTIONS = 256  # of one listener: the daemon needs descriptors for its work
log = logging.getLogger("jobd.web")


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the daemon can be asked: ``http`` is None when it is turned off."""

    socket: Path
    http: tuple[str, int] | None


@asynccontextmanager
async def serve(
    node: Node, metrics: Metrics, *, socket: Path, http: str
) -> AsyncIterator[Listening]:
    """Listen while the context lasts; ``http`` "" leaves TCP out, port 0 takes a free one.

    ``ConfigError`` names the key whose address cannot be used, ``StateError`` says that
    another daemon listens on the socket.
    """
    async with AsyncExitStack() as stack:
        unix = stack.enter_context(unix_listener(socket))
        await stack.enter_async_context(_answering(make_app(node, metrics, control=True), unix))
        address = None
        if http:
            tcp = stack.enter_context(open_tcp(http))
            host, port = tcp.getsockname()[:2]
            is_loopback = ipaddress.ip_address(host).is_loopback
            app = make_app(node, metrics, control=False, is_loopback=is_loopback)
            await stack.enter_async_context(_answering(app, tcp))
            address = (host, port)
        yield Listening(socket, address)


@asynccontextmanager
async def _answering(app: web.Application, listener: sockets.socket) -> AsyncIterator[None]:
    """Answer what comes in at the listener while the context lasts."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_WITHIN_S)
    await runner.setup()
    server = await _start(_protocols(runner), listener)
    try:
        yield
    finally:
        server.close()
        await runner.cleanup()


def _protocols(runner: web.AppRunner) -> Callable[[], web.RequestHandler]:
    manager, loop = runner.server, asyncio.get_running_loop()
    assert manager is not None, "the runner is set up"
    # No decompression: no reply of ours needs it, and a small body could become a huge one.
    return lambda: _JsonProtocol(
        manager,
        loop=loop,
        access_log=None,  # type: ignore[arg-type] # how aiohttp itself turns it off
        keepalive_timeout=SILENT_FOR_S,
        auto_decompress=False,
    )


async def _start(
    protocols: Callable[[], web.RequestHandler], listener: sockets.socket
) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    if listener.family == sockets.AF_UNIX:
        return await loop.create_unix_server(protocols, sock=listener)
    return await loop.create_server(protocols, sock=listener)


class _JsonProtocol(web.RequestHandler):
    """Answers in JSON to what is no HTTP at all, and keeps its noise out of the log."""

    __slots__ = ()

    @property
    def is_silent(self) -> bool:
        """Whether no request of this connection waits for an answer."""
        return self._current_request is None and not self._messages

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection. Of too many, one goes that has asked for nothing the longest:
        whoever opens hundreds and says nothing must not keep others from asking."""
        super().connection_made(transport)
        assert self._manager is not None, "it is there until the connection is lost"
        if len(self._manager.connections) > MAX_CONNECTIONS:
            others = (one for one in _open(self._manager) if one is not self)
            next((one for one in others if one.is_silent), self).force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the reply to a request that no handler has seen."""
        if request.writer is not None and request.writer.output_size > 0:
            raise ConnectionError("the reply is under way already; the connection is given up")
        reply = _malformed(exc) if status < 500 else _defect(exc)
        reply.force_close()
        return reply


def _open(server: web.Server) -> Iterator[_JsonProtocol]:
    """Yield the connections that are not being closed, the oldest first."""
    for one in server.connections:
        if isinstance(one, _JsonProtocol) and one.transport is not None:
            yield one


def _malformed(exc: BaseException | None) -> web.Response:
    detail = exc.message if isinstance(exc, HttpProcessingError) else "malformed"
    words = f"this is no HTTP request that jobd understands: {detail.splitlines()[0][:200]}"
    return Problem(400, "bad_request", words).response()


def _defect(exc: BaseException | None) -> web.Response:
    log.error("a request failed outside its handler", exc_info=exc)
    return Problem(500, "internal", "a defect of jobd; its log has the details").response()
