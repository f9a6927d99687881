"""Proxy: the network between a client and its PostgreSQL, for who wants to break it.

It listens on 127.0.0.1 in a thread of the process that made it, and passes on what arrives:
late (``latency_s``, ``jitter_s``), not for now (``blackhole``: nothing is lost, as TCP would
send it again, and it arrives after ``heal``), not at all (``swallow_answers``: the server
hears everything, the daemon nothing; ``heal`` ends such connections, which lack bytes), or
the connections end (``cut``) and new ones do too (``refuse``).
"""

import asyncio
import contextlib
import random
import socket
import struct
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")
CALL_WITHIN_S = 10.0
CHUNK_BYTES = 1 << 16
# close(2) with this sends RST: the other end sees a broken connection, not an end of file.
RESET = struct.pack("ii", 1, 0)

UP, DOWN = "up", "down"  # to the server, to the daemon
Queue = asyncio.Queue[tuple[float, bytes]]


@dataclass(eq=False, slots=True)
class _Link:
    """One connection: both of its sockets, and whether one of them lacks bytes."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    lacks_bytes: bool = False

    def reset(self) -> None:
        for writer in (self.client, self.server):
            _reset(writer)


class Proxy:
    """Passes connections on to a port of 127.0.0.1; may be called from any thread."""

    def __init__(self, target_port: int) -> None:
        self.latency_s = 0.0  # each way
        self.jitter_s = 0.0  # up to so much more, at random, in order all the same
        self.attempts_s: list[float] = []  # when somebody connected or tried to: monotonic
        self._target_port = target_port
        self._refuses = False
        self._swallows = False
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._flows = {UP: asyncio.Event(), DOWN: asyncio.Event()}
        self._server = self._call(self._listen())
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.heal()

    # Faults

    def cut(self) -> None:
        """Break every connection now, at both ends; new ones are fine."""
        self._call(self._reset_all())

    def refuse(self) -> None:
        """Break every connection, and each new one as soon as it is there."""
        self._refuses = True
        self.cut()

    def blackhole(self, *ways: str) -> None:
        """Hold back what is sent ``UP``, ``DOWN`` or, by default, either way; close nothing."""
        self._call(self._stop_flows(ways or (UP, DOWN)))

    def swallow_answers(self) -> None:
        """Lose what the server says from now on; what it is told still arrives."""
        self._swallows = True

    def heal(self) -> None:
        """End all faults. What was held back arrives; connections that lack bytes break."""
        self._refuses = self._swallows = False
        self.latency_s = self.jitter_s = 0.0
        self._call(self._open_flows())

    # Asking

    @property
    def connections(self) -> int:
        """How many connections there are now."""
        return len(self._links)

    @property
    def lacking(self) -> int:
        """How many of them lack bytes, because these were swallowed."""
        return sum(link.lacks_bytes for link in [*self._links])

    def attempts_since(self, instant_s: float) -> int:
        """Return how often somebody has connected, or tried to, since a monotonic instant."""
        return sum(attempt_s >= instant_s for attempt_s in self.attempts_s)

    def close(self) -> None:
        """Break everything and leave."""
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CALL_WITHIN_S)
        self._loop.close()

    # In the thread

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(CALL_WITHIN_S)

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def _reset_all(self) -> None:
        for link in [*self._links]:
            link.reset()

    async def _stop_flows(self, ways: tuple[str, ...]) -> None:
        for way in ways:
            self._flows[way].clear()

    async def _open_flows(self) -> None:
        for link in [*self._links]:
            if link.lacks_bytes:
                link.reset()
        for flow in self._flows.values():
            flow.set()

    async def _end(self) -> None:
        self._server.close()
        await self._reset_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.attempts_s.append(time.monotonic())
        task = self._loop.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            return _reset(writer)
        try:
            answers, server = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            return _reset(writer)
        link = _Link(writer, server)
        self._links.add(link)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_on(reader, server, UP, link))
                both.create_task(self._pass_on(answers, writer, DOWN, link))
        finally:
            self._links.discard(link)
            link.reset()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: str, link: _Link
    ) -> None:
        queue = Queue()
        async with asyncio.TaskGroup() as both:
            both.create_task(self._send(queue, writer, way, link))
            with contextlib.suppress(OSError):
                while data := await reader.read(CHUNK_BYTES):
                    queue.put_nowait((self._arrival_s(), data))
            queue.put_nowait((self._arrival_s(), b""))

    def _arrival_s(self) -> float:
        chance = random.random()
        return self._loop.time() + self.latency_s + self.jitter_s * chance

    async def _send(
        self, queue: Queue, writer: asyncio.StreamWriter, way: str, link: _Link
    ) -> None:
        data = b"more"
        while data:
            at_s, data = await queue.get()
            await asyncio.sleep(at_s - self._loop.time())  # this is the latency
            await self._flows[way].wait()
            if self._swallows and way == DOWN:
                link.lacks_bytes = True
            else:
                await _write(writer, data)


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    with contextlib.suppress(OSError, RuntimeError):  # it has gone
        if data:
            writer.write(data)
            await writer.drain()
        elif writer.can_write_eof():
            writer.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    if connection is not None and not writer.transport.is_closing():
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()
