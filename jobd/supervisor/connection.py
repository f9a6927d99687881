"""Connection: one peer on the socket. Bytes in, frames out, and the other way round."""

import select
import socket
from collections.abc import Callable

from jobd.supervisor.loop import READABLE, WRITABLE, Loop
from jobd.supervisor.protocol import BadFrame, FrameSplitter, FrameTooLong, decode, encode

_READ = 1 << 18
_BEHIND = 1 << 16


class Connection:
    """Reads no more while frames that it has read wait to be taken: the peer's writes wait.

    ``gone`` is called once, when the peer has left and its last frame has been taken.
    """

    def __init__(
        self, peer: socket.socket, loop: Loop, gone: Callable[["Connection"], None]
    ) -> None:
        peer.setblocking(False)
        self._socket = peer
        self._loop = loop
        self._gone = gone
        self._incoming = FrameSplitter()
        self._outgoing = bytearray()
        self._has_backlog = False
        self._is_at_end = False
        self.is_closed = False
        self._watch()

    @property
    def has_left(self) -> bool:
        """Whether the peer has closed its side, read or not."""
        poll = select.poll()
        poll.register(self._socket, select.POLLRDHUP)
        return self.is_closed or self._is_at_end or bool(poll.poll(0))

    @property
    def is_behind(self) -> bool:
        """Whether the peer has left much unread that it was sent."""
        return len(self._outgoing) > _BEHIND and not self.is_closed

    @property
    def has_backlog(self) -> bool:
        """Whether frames may wait to be taken."""
        return self._has_backlog and not self.is_closed

    def count_backlog(self) -> int:
        """Return how many frames wait, having read what more the peer has ready."""
        if not self._is_at_end and not self.is_closed:
            self._read()
        return self._incoming.count()

    def next_frame(self) -> dict[str, object] | None:
        """Return the next frame, None when there is none yet.

        What is not a frame is answered with an error and skipped; a stream without line
        ends is cut off.
        """
        while not self.is_closed:
            try:
                line = self._incoming.next_line()
                if line is None:
                    self._ran_dry()
                    return None
                return decode(line)
            except BadFrame as error:
                self.send({"ev": "error", "message": str(error)})
            except FrameTooLong:
                self.send({"ev": "error", "message": "the frame is too long"})
                self.close()
        return None

    def read_all(self) -> None:
        """Read everything that a peer who has left has sent."""
        while not self._is_at_end and not self.is_closed:
            self._read()

    def send(self, frame: dict[str, object]) -> None:
        """Queue a frame; :meth:`flush` sends it."""
        if not self.is_closed:
            self._outgoing += encode(frame)

    def flush(self) -> None:
        """Send what is queued as far as the peer takes it; the rest follows when it does."""
        if not self._outgoing or self.is_closed:
            return
        try:
            sent = self._socket.send(self._outgoing)
        except BlockingIOError:
            sent = 0
        except OSError:  # the peer is gone; reading will say so
            sent = len(self._outgoing)
        del self._outgoing[:sent]
        self._watch()

    def close(self) -> None:
        """Hang up, once what is queued has been offered."""
        if self.is_closed:
            return
        self.flush()
        self._loop.unwatch(self._socket.fileno())
        self.is_closed = True
        self._socket.close()
        self._gone(self)

    def _watch(self) -> None:
        wants_more = not self._has_backlog and not self._is_at_end
        events = (READABLE if wants_more else 0) | (WRITABLE if self._outgoing else 0)
        if events:
            self._loop.watch(self._socket.fileno(), events, self._on_ready)
        else:
            self._loop.unwatch(self._socket.fileno())

    def _on_ready(self) -> None:
        self.flush()
        if not self.is_closed and not self._has_backlog:
            self._read()

    def _read(self) -> None:
        try:
            data = self._socket.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._is_at_end = not data
        self._incoming.feed(data)
        self._has_backlog = True
        self._watch()

    def _ran_dry(self) -> None:
        if not self._has_backlog:
            return
        self._has_backlog = False
        if self._is_at_end:
            self.close()
        else:
            self._watch()
