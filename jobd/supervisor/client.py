"""SupervisorClient: the daemon's side of the supervisor; implements jobd.ports.Supervisor."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from pathlib import Path

from jobd.core.events import HeldRun, RunNotStarted
from jobd.errors import SupervisorError
from jobd.ports import Enforcement, Launch, Report
from jobd.supervisor.launcher import Launcher
from jobd.supervisor.protocol import MAX_FRAME, VERSION, encode
from jobd.supervisor.session import Session, SupervisorGone
from jobd.supervisor.wire import launch_frame

_PATIENCE_S = 15.0  # to be answered; leftovers may have to be killed first
_SHUTDOWN_PATIENCE_S = 30.0
_PAUSE_S = 0.05
_LAUNCHES_AT_ONCE = 128


class SupervisorClient:
    """Reaches the supervisor at ``socket``; ``owned``: starts one if none answers.

    ``options`` are more words for the supervisor's command line, e.g. ``("--tree", "none")``.
    """

    def __init__(
        self, state_dir: Path, *, socket: Path, owned: bool, options: Sequence[str] = ()
    ) -> None:
        self._socket = Path(os.path.abspath(socket))
        self._is_owned = owned
        state_dir = Path(os.path.abspath(state_dir))
        words = ["--socket", str(self._socket), "--owned", *options]
        self._launcher = Launcher(state_dir, words)
        self._session: Session | None = None
        self._last_word = ""

    @property
    def enforcement(self) -> Enforcement:
        """By what limits are held; known once connected."""
        assert self._session is not None, "connect first"
        return self._session.enforcement

    @property
    def since_steady_s(self) -> float:
        """Since when the supervisor has been there; known once connected."""
        assert self._session is not None, "connect first"
        return self._session.since_steady_s

    async def connect(self) -> Sequence[HeldRun]:
        """Reach the supervisor (start one if this daemon owns it); return what it holds.

        :class:`SupervisorError` if it cannot be reached within bounded time.
        """
        if self._session is not None:
            self._session.close()
        self._last_word = "nothing answered"
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await self._reach()
        except TimeoutError:
            raise SupervisorError(
                f"no supervisor answers at {self._socket} within {_PATIENCE_S:.0f} s: "
                f"{self._last_word}"
            ) from None

    async def start(self, launches: Sequence[Launch]) -> None:
        """Hand over attempts; each is answered by a report. What must be dead by an instant that
        has passed is not executed: it is reported as ended, for the cause ``trust``.

        They go out a few at a time, so that the first starts while the last is encoded.
        """
        session = self._connected()
        for first in range(0, len(launches), _LAUNCHES_AT_ONCE):
            batch = launches[first : first + _LAUNCHES_AT_ONCE]
            await session.send(b"".join(_order(launch, session) for launch in batch))

    async def stop(self, run_id: str, cause: str) -> None:
        """Stop a run's whole tree; unknown runs are ignored, a repeated stop is harmless."""
        await self._connected().send(encode({"op": "stop", "run": run_id, "cause": str(cause)}))

    async def extend(self, untils: Mapping[str, float | None]) -> None:
        """Set the steady instants by which these runs must be dead, in one frame; None: only
        its timeout. A run that is being stopped goes on being stopped."""
        session = self._connected()
        if not untils:
            return
        if session.knows_leases:
            await session.send(encode({"op": "extend", "untils": dict(untils)}))
            return
        ones = [encode({"op": "extend", "run": run, "until": at}) for run, at in untils.items()]
        await session.send(b"".join(ones))

    async def forget(self, run_ids: Iterable[str]) -> None:
        """The ends of these runs are recorded; they need not be handed over again."""
        runs = list(run_ids)
        if runs:
            await self._connected().send(encode({"op": "forget", "runs": runs}))

    async def reports(self) -> AsyncIterator[Report]:
        """Yield reports in order; ends when the connection to the supervisor has ended."""
        session = self._connected()
        while (report := await session.next_report()) is not None:
            yield report

    async def release(self) -> None:
        """Disconnect and leave the supervisor to hold its runs for the next daemon."""
        await self._part("release", _PATIENCE_S)

    async def shutdown(self) -> None:
        """End the supervisor; whatever it still holds is killed first.

        :class:`SupervisorError` if it does not end in time.
        """
        await self._part("shutdown", _SHUTDOWN_PATIENCE_S)
        await self._launcher.reap()

    def _connected(self) -> Session:
        if self._session is None:
            raise SupervisorError("not connected to the supervisor")
        return self._session

    async def _part(self, op: str, patience_s: float) -> None:
        session = self._session
        if session is None or session.is_closed:
            return
        await session.send(encode({"op": op}))
        try:
            async with asyncio.timeout(patience_s):
                await session.wait_closed()
        except TimeoutError:
            raise SupervisorError(
                f"the supervisor did not act on {op} within {patience_s:.0f} s"
            ) from None
        finally:
            session.close()

    async def _reach(self) -> Sequence[HeldRun]:
        """Be welcomed, by a supervisor of our own if none is there. Who dies or leaves just
        as we knock is asked again: it is not there then."""
        while True:
            if await self._try_connect():
                try:
                    return await self._greet()
                except SupervisorGone as gone:
                    self._last_word = str(gone)
            else:
                self._last_word = await self._launcher.start(_PATIENCE_S)
            if self._last_word != "ready":
                await asyncio.sleep(_PAUSE_S)  # between two tries; connect() bounds them

    async def _try_connect(self) -> bool:
        """Return whether somebody listens at the socket."""
        loop = asyncio.get_running_loop()
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            # Through its directory: a socket's path may have 107 bytes, a directory's 4095.
            directory = os.open(self._socket.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                await loop.sock_connect(peer, f"/proc/self/fd/{directory}/{self._socket.name}")
            finally:
                os.close(directory)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            peer.close()
            if not self._is_owned:
                raise SupervisorError(
                    f"no supervisor answers at {self._socket}: {error.strerror}; "
                    "start it first (systemctl start jobd-supervisor)"
                ) from error
            return False
        except OSError as error:
            peer.close()
            raise SupervisorError(f"{self._socket}: {error.strerror}") from error
        _, self._session = await loop.create_unix_connection(Session, sock=peer)
        return True

    async def _greet(self) -> Sequence[HeldRun]:
        session = self._connected()
        await session.send(encode({"op": "hello", "version": VERSION, "said": True}))
        return await session.welcome()


_TOO_OLD = (
    "the supervisor is older than this daemon and would not end it {}; "
    "restart the supervisor when no job runs"
)


def _order(launch: Launch, session: Session) -> bytes:
    frame = encode(launch_frame(launch))
    if len(frame) > MAX_FRAME:
        reason = "its arguments and environment are more than any system takes"
    elif launch.until_steady_s is not None and not session.knows_leases:
        reason = _TOO_OLD.format("with its lease")
    elif launch.watchdog_s is not None and not session.knows_watchdogs:
        reason = _TOO_OLD.format("by its watchdog")
    else:
        return frame
    session.add_report(RunNotStarted(launch.run.run_id, reason))
    return b""
