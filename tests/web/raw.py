"""Raw bytes to a listener, and whatever comes back: for requests that no client would send."""

import contextlib
import re
import socket
from collections.abc import Iterator

from tests.web.fake_node import PATIENCE_S, Served

QUIET_S = 0.05


def exchange(target: Served, raw: bytes, *, tcp: bool) -> bytes:
    """Return all that comes back until the daemon closes.

    What looks unfinished to it is waited for; when nothing has come for a moment our end is
    closed, and then it closes as well. Closed at once, a reply could be lost.
    """
    with target.connect(tcp=tcp) as connection:
        with contextlib.suppress(ConnectionError):  # refused before all of it was taken
            connection.sendall(raw)
        answer = b""
        with contextlib.suppress(ConnectionError):
            for is_last in (False, True):
                answer += read(connection, PATIENCE_S if is_last else QUIET_S)
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_WR)
        return answer


def read(connection: socket.socket, timeout_s: float = PATIENCE_S) -> bytes:
    """Return what comes until the end, or until nothing has come for so long."""
    connection.settimeout(timeout_s)
    answer = b""
    with contextlib.suppress(TimeoutError, ConnectionResetError):
        while piece := connection.recv(1 << 16):
            answer += piece
    return answer


def is_hung_up_on(connection: socket.socket) -> bool:
    """Return whether the daemon closes without a word. Patience that ends is no hanging up."""
    connection.settimeout(PATIENCE_S)
    try:
        return connection.recv(1 << 16) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def answers(answer: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield status and body of answers, which all say how long they are."""
    while answer:
        head, _, rest = answer.partition(b"\r\n\r\n")
        status = re.match(rb"HTTP/1\.[01] (\d{3}) ", head)
        assert status is not None, answer[:200]
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        size = int(length[1]) if length else 0
        yield int(status[1]), rest[:size]
        answer = rest[size:]
