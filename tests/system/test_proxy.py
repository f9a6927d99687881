"""The proxy itself: each fault is the one that its name says, and ends when it is healed."""

import contextlib
import socket
import time
from collections.abc import Iterator
from threading import Thread

import pytest

from deploy.cluster.proxy import DOWN, UP, Proxy
from tests.system.processes import WITHIN_S, eventually


class Echo:
    """A server that says again what it hears, and keeps it."""

    def __init__(self) -> None:
        self.heard = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Listen no more; it may be said twice."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(1000):
                    self.heard += data
                    connection.sendall(data)
            except OSError:
                return


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    made = Proxy(echo.port)
    yield made
    made.close()


@pytest.fixture
def client(proxy: Proxy) -> Iterator[socket.socket]:
    """A connection through the proxy that has been used."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=WITHIN_S) as connection:
        ask(connection, b"hello")
        yield connection


def ask(connection: socket.socket, words: bytes) -> None:
    """Send words and wait for them."""
    connection.sendall(words)
    assert connection.recv(1000) == words


def knock(proxy: Proxy) -> None:
    """Connect, and wait for the end of it. The reset may come before or after it is made."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=WITHIN_S) as connection:
        connection.recv(1)


def is_silent(connection: socket.socket) -> bool:
    connection.settimeout(0.2)
    try:
        return not connection.recv(1000)
    except TimeoutError:
        return True
    finally:
        connection.settimeout(WITHIN_S)


def test_latency_counts_each_way(proxy: Proxy, client: socket.socket) -> None:
    proxy.latency_s = 1.0
    began_s = time.monotonic()
    ask(client, b"late")
    assert time.monotonic() - began_s >= 2
    proxy.heal()
    began_s = time.monotonic()
    ask(client, b"soon")
    assert time.monotonic() - began_s < 2


def test_jitter_keeps_the_order(proxy: Proxy, client: socket.socket) -> None:
    proxy.jitter_s = 0.02
    words = b"".join(b"%03d" % number for number in range(30))
    for start in range(0, len(words), 3):
        client.sendall(words[start : start + 3])
        time.sleep(0.003)  # so that each piece arrives alone: less than the jitter apart
    answer = b""
    while len(answer) < len(words):
        answer += client.recv(1000)
    assert answer == words


def test_a_cut_breaks_what_is_there_and_nothing_later(proxy: Proxy, client: socket.socket) -> None:
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=WITHIN_S) as again:
        ask(again, b"again")


def test_refused_connections_break_until_healed(proxy: Proxy, client: socket.socket) -> None:
    before_s = time.monotonic()
    proxy.refuse()
    with pytest.raises(ConnectionResetError):
        knock(proxy)
    assert proxy.attempts_since(before_s) == 1
    proxy.heal()
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=WITHIN_S) as again:
        ask(again, b"again")


def test_a_blackhole_holds_back_and_loses_nothing(
    echo: Echo, proxy: Proxy, client: socket.socket
) -> None:
    proxy.blackhole()
    client.sendall(b"held")
    assert is_silent(client)
    assert echo.heard == b"hello"
    proxy.heal()
    assert client.recv(1000) == b"held"


def test_a_blackhole_may_be_one_way(echo: Echo, proxy: Proxy, client: socket.socket) -> None:
    proxy.blackhole(DOWN)
    client.sendall(b"there")
    eventually(lambda: echo.heard == b"hellothere", "this way is open")
    assert is_silent(client)
    proxy.heal()
    assert client.recv(1000) == b"there"
    proxy.blackhole(UP)
    client.sendall(b"not there")
    assert is_silent(client)
    assert echo.heard == b"hellothere"


def test_a_swallowed_answer_never_comes(echo: Echo, proxy: Proxy, client: socket.socket) -> None:
    proxy.swallow_answers()
    client.sendall(b"commit")
    eventually(lambda: echo.heard == b"hellocommit", "the server hears it")
    eventually(lambda: proxy.lacking == 1, "the answer is swallowed")
    assert is_silent(client)
    proxy.heal()
    with pytest.raises(ConnectionResetError):
        client.recv(1)


def test_the_end_of_one_side_reaches_the_other(proxy: Proxy, client: socket.socket) -> None:
    client.shutdown(socket.SHUT_WR)
    assert client.recv(1) == b""
    eventually(lambda: proxy.connections == 0, "the connection is gone")


def test_a_server_that_is_not_there_breaks_the_connection(echo: Echo, proxy: Proxy) -> None:
    echo.close()
    with pytest.raises(ConnectionResetError):
        knock(proxy)
