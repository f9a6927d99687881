"""Session: one connection to the supervisor, from hello to its end."""

import asyncio
from collections.abc import Sequence

from jobd.core.events import HeldRun
from jobd.errors import SupervisorError
from jobd.ports import Enforcement, Report
from jobd.supervisor.protocol import BadFrame, FrameSplitter, FrameTooLong, decode
from jobd.supervisor.wire import Frame, decode_enforcement, decode_held, decode_report


class SupervisorGone(SupervisorError):
    """The connection has ended: the supervisor died, or was about to leave."""


class Session(asyncio.Protocol):
    """Turns frames into reports as they arrive; writes wait while the supervisor is busy."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.enforcement = Enforcement("", "", "", "", "")
        self.knows_leases = self.knows_watchdogs = False  # an older supervisor does not
        self._transport: asyncio.Transport | None = None
        self._frames = FrameSplitter()
        self._held: list[HeldRun] = []
        self._welcomed: asyncio.Future[None] = loop.create_future()
        self._closed: asyncio.Future[None] = loop.create_future()
        self._reports: asyncio.Queue[Report | None] = asyncio.Queue()
        self._may_write = asyncio.Event()
        self._may_write.set()

    @property
    def is_closed(self) -> bool:
        """Whether the connection has ended."""
        return self._closed.done()

    async def welcome(self) -> Sequence[HeldRun]:
        """Wait for the answer to hello; :class:`SupervisorError` if it is a refusal,
        :class:`SupervisorGone` if there is none."""
        await self._welcomed
        held, self._held = self._held, []
        return held

    async def send(self, data: bytes) -> None:
        """Write frames; :class:`SupervisorGone` when nobody takes them."""
        if self._transport is None or self.is_closed:
            raise SupervisorGone("the supervisor is gone")
        self._transport.write(data)
        await self._may_write.wait()

    async def next_report(self) -> Report | None:
        """Return the next report; None once the connection has ended."""
        report = await self._reports.get()
        if report is None:
            self._reports.put_nowait(None)  # whoever asks again is told again
        return report

    def add_report(self, report: Report) -> None:
        """Report what needed no supervisor to find out."""
        self._reports.put_nowait(report)

    async def wait_closed(self) -> None:
        """Return when the connection has ended."""
        await asyncio.shield(self._closed)

    def close(self) -> None:
        """Hang up; what is on its way out is still sent."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._frames.feed(data)
        try:
            while (line := self._frames.next_line()) is not None:
                self._take(decode(line))
        except (BadFrame, FrameTooLong, LookupError, TypeError, ValueError) as error:
            self._fail(SupervisorError(f"the supervisor's words cannot be understood: {error}"))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._may_write.set()
        self._fail(SupervisorGone("the supervisor is gone"))
        self._reports.put_nowait(None)
        if not self._closed.done():
            self._closed.set_result(None)

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    def _take(self, frame: Frame) -> None:
        kind = frame.get("ev")
        if kind == "held":
            self._held.append(decode_held(frame))
        elif kind == "welcome":
            self.enforcement = decode_enforcement(frame["enforcement"])
            self.since_steady_s = float(frame["since"])
            self.knows_leases = frame.get("leases") is True
            self.knows_watchdogs = frame.get("watchdogs") is True
            if not self._welcomed.done():
                self._welcomed.set_result(None)
        elif kind == "error":
            self._fail(SupervisorError(f"the supervisor refuses: {frame['message']}"))
            self.close()  # what it made of our words is told at the next hello
        elif kind != "bye":
            self._reports.put_nowait(decode_report(frame))

    def _fail(self, error: SupervisorError) -> None:
        """Whoever waits for a welcome learns that there will be none."""
        if not self._welcomed.done():
            self._welcomed.set_exception(error)
            self._welcomed.exception()  # nobody has to be waiting
