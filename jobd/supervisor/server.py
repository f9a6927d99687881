"""Server: the socket, the daemon on it, and what it asks of the keeper."""

import os
import socket
import struct
from collections.abc import Callable

from jobd.supervisor.connection import Connection
from jobd.supervisor.instants import steady_s
from jobd.supervisor.journal import say
from jobd.supervisor.keeper import Frame, Keeper
from jobd.supervisor.loop import READABLE, Loop
from jobd.supervisor.protocol import VERSION

_SLICE_S = 0.02  # how long orders may keep deadlines and output waiting
_STAMPEDE = 64  # more orders than this waiting; see Enforcer.make_tree
_UCRED = struct.Struct("3i")
_CAUSES = frozenset({"timeout", "cancel", "replace", "shutdown", "memory", "trust"})


class Server:
    """Serves one daemon at a time; the next may take over once the last one has left.

    ``on_change`` is called when a daemon came or left, ``on_shutdown`` when one asks for
    the end.
    """

    def __init__(
        self,
        listener: socket.socket,
        loop: Loop,
        keeper: Keeper,
        enforcement: dict[str, str],
        on_change: Callable[[], None],
        on_shutdown: Callable[[], None],
    ) -> None:
        self._listener = listener
        self._keeper = keeper
        self._loop = loop
        self._enforcement = enforcement
        self._on_change = on_change
        self._on_shutdown = on_shutdown
        self._connections: list[Connection] = []
        self._daemon: Connection | None = None
        loop.watch(listener.fileno(), READABLE, self._accept)
        self._since_s = steady_s()

    @property
    def has_daemon(self) -> bool:
        """Whether a daemon is connected."""
        return self._daemon is not None

    def report(self, frame: Frame) -> None:
        """Tell the daemon, if there is one; otherwise the next one's hello tells."""
        if self._daemon is not None:
            self._daemon.send(frame)

    def flush(self) -> None:
        """Send what was reported in this turn."""
        for connection in self._connections:
            connection.flush()

    def work(self) -> bool:
        """Obey frames for a slice of time; return whether more are waiting."""
        until = steady_s() + _SLICE_S
        for connection in [c for c in self._connections if c.has_backlog]:
            is_hurried = connection.count_backlog() > _STAMPEDE
            while steady_s() < until and (frame := connection.next_frame()) is not None:
                self._answer(connection, frame, is_hurried)
                self._loop.fire_urgent()
        return any(connection.has_backlog for connection in self._connections)

    def say_bye(self) -> None:
        """Tell the daemon that this supervisor ends, and hang up."""
        self.report({"ev": "bye"})
        for connection in list(self._connections):
            connection.close()
        self._loop.unwatch(self._listener.fileno())

    def _accept(self) -> None:
        try:
            peer, _ = self._listener.accept()
        except OSError:
            return
        uid = _peer_uid(peer)
        if uid not in (0, os.geteuid()):
            say(f"refused a connection of uid {uid}")
            peer.close()
            return
        self._connections.append(Connection(peer, self._loop, self._part))

    def _part(self, connection: Connection) -> None:
        self._connections.remove(connection)
        if connection is self._daemon:
            self._daemon = None
            self._on_change()

    def _answer(self, connection: Connection, frame: Frame, is_hurried: bool) -> None:
        try:
            if frame.get("op") == "hello":
                self._greet(connection, frame)
            elif connection is not self._daemon:
                raise ValueError("say hello first")
            else:
                self._obey(frame, is_hurried)
        except ValueError as error:
            connection.send({"ev": "error", "message": str(error)})

    def _greet(self, connection: Connection, frame: Frame) -> None:
        if frame.get("version") != VERSION:
            raise ValueError(
                f"this supervisor speaks version {VERSION}, the daemon {frame.get('version')!r}; "
                "restart the supervisor when no job runs"
            )
        previous = self._daemon
        if previous is not None and previous is not connection:
            if not previous.has_left:
                raise ValueError("another daemon is connected; stop it first")
            self._obey_the_last_of(previous)
        self._daemon = connection
        for held in self._keeper.held():
            connection.send({"ev": "held", **held})
        words = {"pid": os.getpid(), "since": self._since_s, "enforcement": self._enforcement}
        connection.send({"ev": "welcome", **words, "leases": True, "watchdogs": True})
        wants_said = frame.get("said") is True
        self._keeper.greet((lambda: not connection.is_behind) if wants_said else None)
        self._on_change()

    def _obey_the_last_of(self, previous: Connection) -> None:
        """What the last daemon ordered with its last breath is held before the next is told."""
        previous.read_all()
        while (frame := previous.next_frame()) is not None:
            self._answer(previous, frame, is_hurried=False)
            self._loop.fire_urgent()  # they may be many

    def _obey(self, frame: Frame, is_hurried: bool) -> None:
        op = frame.get("op")
        if op == "start":
            self._keeper.start(_launch(frame), is_hurried)
        elif op == "stop":
            self._keeper.stop(_run_id(frame), _cause(frame))
        elif op == "extend":
            for run_id, until in _untils(frame).items():
                self._keeper.extend(run_id, until)
        elif op == "forget":
            for run_id in _run_ids(frame):
                self._keeper.forget(run_id)
        elif op == "release":
            self._release()
        elif op == "shutdown":
            self._on_shutdown()
        else:
            raise ValueError(f"op {op!r} is not known")

    def _release(self) -> None:
        if self._daemon is not None:
            self._daemon.send({"ev": "bye"})
            self._daemon.close()


def _launch(frame: Frame) -> Frame:
    launch = frame.get("launch")
    if not isinstance(launch, dict):
        raise ValueError("start without a launch")
    return launch


def _cause(frame: Frame) -> str:
    cause = frame.get("cause")
    if not isinstance(cause, str) or cause not in _CAUSES:
        raise ValueError(f"cause {cause!r} is none of {', '.join(sorted(_CAUSES))}")
    return cause


def _run_id(frame: Frame) -> str:
    run_id = frame.get("run")
    if not isinstance(run_id, str):
        raise ValueError(f"{frame.get('op')} without a run")
    return run_id


def _run_ids(frame: Frame) -> list[str]:
    runs = frame.get("runs")
    if not isinstance(runs, list) or not all(isinstance(run_id, str) for run_id in runs):
        raise ValueError("forget without a list of runs")
    return runs


def _untils(frame: Frame) -> dict[str, float | None]:
    if "untils" not in frame:
        return {_run_id(frame): _instant(frame.get("until"))}
    untils = frame["untils"]
    if not isinstance(untils, dict):
        raise ValueError("untils is no object")
    return {run_id: _instant(until) for run_id, until in untils.items()}


def _instant(until: object) -> float | None:
    if until is None:
        return None
    # Not isinstance: true and false are whole numbers to it.
    if not (type(until) is int or type(until) is float) or not 0 <= until < 1e12:
        raise ValueError(f"until {until!r} is no instant on the steady clock")
    return float(until)


def _peer_uid(peer: socket.socket) -> int:
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    return int(_UCRED.unpack(credentials)[1])
