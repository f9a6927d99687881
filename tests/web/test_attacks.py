"""Whoever reaches a listener may send anything, in any shape and at any pace."""

import contextlib
import gzip
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web import raw as raw_bytes
from tests.web.fake_node import PATIENCE_S, Served, served
from tests.web.raw import is_hung_up_on, read

FEW = 6


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("attacks")) as running:
        yield running


@pytest.fixture(autouse=True)
def forget(target: Served) -> None:
    """What earlier tests have asked for says nothing about this one."""
    target.node.asked.clear()


def answers(target: Served, raw: bytes, *, tcp: bool = True) -> list[tuple[int, bytes]]:
    """Return status and body of each answer to raw bytes."""
    return [*raw_bytes.answers(raw_bytes.exchange(target, raw, tcp=tcp))]


def answer(target: Served, raw: bytes, *, tcp: bool = True) -> tuple[int, bytes]:
    """Return status and body of the one answer to a whole request, after which the daemon closes.

    Our end stays open until then: if it closed while the answer is made, that would be lost.
    """
    with target.connect(tcp=tcp) as connection:
        connection.sendall(raw)
        ((status, body),) = raw_bytes.answers(read(connection))
    return status, body


def get(path: bytes, *headers: bytes, method: bytes = b"GET") -> bytes:
    lines = [method + b" " + path + b" HTTP/1.1", b"Host: localhost", b"Connection: close"]
    return b"\r\n".join([*lines, *headers, b"", b""])


def code_of(body: bytes) -> str:
    code: str = json.loads(body)["error"]["code"]
    return code


@pytest.mark.parametrize(
    "path",
    [
        b"/../../etc/passwd",
        b"/api/v1/../../../etc/passwd",
        b"/%2e%2e/%2e%2e/etc/passwd",
        b"/api/v1/runs/..%2f..%2fetc%2fpasswd/output",
        b"/api/v1/runs/%2e%2e/output",
        b"/api/v1/jobs/..%5c..%5cetc",
        b"//etc/passwd",
        b"/api/v1/jobs//",
        b"/api/v1/jobs/backup%00",
        b"/api/v1/jobs/backup%0d%0aX-Evil:%201",
        b"/api/v1/jobs/%ff%fe",
        b"/api/v1/jobs/%f0%9f%92%a3",
        b"/api/v1/jobs/" + b"a" * 5000,
        b"/api/v1/jobs/backup;drop",
        b"/API/V1/STATUS",
    ],
)
def test_a_path_that_leads_elsewhere_leads_nowhere(target: Served, path: bytes) -> None:
    status, body = answer(target, get(path))
    assert status in (400, 404), body
    assert b"root:" not in body
    assert code_of(body) in ("bad_request", "no_such_path", "no_such_job", "no_such_run")


@pytest.mark.parametrize(
    "method", [b"TRACE", b"CONNECT", b"OPTIONS", b"PUT", b"DELETE", b"PATCH", b"PROPFIND", b"get"]
)
@pytest.mark.parametrize("path", [b"/api/v1/status", b"*", b"localhost:443", b"/api/v1/drain"])
def test_other_methods_are_refused(target: Served, method: bytes, path: bytes) -> None:
    """TRACE would repeat what a proxy in front adds; CONNECT would make a proxy of the daemon."""
    status, body = answer(target, get(path, b"X-Secret: swordfish", method=method))
    assert status in (400, 404, 405)
    assert b"swordfish" not in body
    assert target.node.asked == []


def test_head_is_get_without_its_body(target: Served) -> None:
    with target.connect(tcp=True) as connection:
        connection.sendall(get(b"/api/v1/status", method=b"HEAD"))
        head, _, body = read(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert body == b""


@pytest.mark.parametrize(
    "request_line", [b"GET http://evil.example/api/v1/status HTTP/1.1", b"GET  / HTTP/1.1"]
)
def test_the_name_in_an_absolute_address_makes_a_proxy_of_nobody(
    target: Served, request_line: bytes
) -> None:
    head = b"\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    _, body = answer(target, request_line + head)
    assert b"evil" not in body


@pytest.mark.parametrize(
    "headers",
    [
        [b"Content-Length: 5", b"Transfer-Encoding: chunked"],
        [b"Content-Length: 5", b"Content-Length: 6"],
        [b"Content-Length: +5"],
        [b"Content-Length: -1"],
        [b"Content-Length: 5, 5"],
        [b"Transfer-Encoding: xchunked"],
        [b"Transfer-Encoding: chunked, identity"],
        [b"Transfer-Encoding : chunked"],
        [b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"],
        [b"X-A: b\r\n folded: c"],
        [b"X-A: b\x00c"],
        [b"X-A: b\rc"],
        [b": nameless"],
    ],
)
@pytest.mark.parametrize("tcp", [True, False])
def test_a_request_of_two_readings_is_not_read_in_either(
    target: Served, headers: list[bytes], tcp: bool
) -> None:
    """A proxy in front and the daemon must not differ in where a request ends: what one takes
    for a body would be a request to the other, and nobody would have judged it."""
    smuggled = b"POST /api/v1/drain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
    raw = get(b"/healthz", *headers).replace(b"Connection: close\r\n", b"")
    answers(target, raw + b"0\r\n\r\n" + smuggled, tcp=tcp)
    assert target.node.asked == []


@pytest.mark.parametrize(
    "raw",
    [
        get(b"/healthz", b"X-A: " + b"a" * 100_000),
        get(b"/healthz", *(b"X-%d: a" % number for number in range(10_000))),
        get(b"/healthz?" + b"a" * 100_000),
        get(b"/" + b"a" * 100_000),
    ],
    ids=["long header", "many headers", "long query", "long path"],
)
def test_what_is_too_large_is_refused(target: Served, raw: bytes) -> None:
    assert [status for status, _ in answers(target, raw)] in ([400], [])
    assert target.get("/healthz", tcp=True).status == 200


def test_a_query_of_thousands_of_names_is_refused(target: Served) -> None:
    query = b"&".join(b"n%d=1" % number for number in range(700))
    status, body = answer(target, get(b"/api/v1/runs?" + query))
    assert (status, code_of(body)) == (400, "bad_request")
    assert len(body) < 1000


@pytest.mark.parametrize(
    "chunks",
    [
        b"fffffffffffffffff\r\n",
        b"-1\r\n",
        b"0x2\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}X\r\n0\r\n\r\n",
        b"1\r\n \r\n" * 70_000 + b"0\r\n\r\n",
    ],
    ids=["huge", "negative", "prefix", "no line end", "too much in all"],
)
def test_chunks_that_are_none_reach_no_control(target: Served, chunks: bytes) -> None:
    head = b"POST /api/v1/drain HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    for status, _ in answers(target, head + chunks, tcp=False):
        assert 400 <= status < 500
    assert target.node.asked == []
    assert target.get("/healthz").status == 200


@pytest.mark.parametrize(
    "host",
    [
        b"evil.example",
        b"localhost.evil.example",
        b"127.0.0.1.evil.example",
        b"evil.example:9746",
        b"localhost@evil.example",
        b"[::1].evil.example",
        b"app1.evil.example",
    ],
)
def test_a_page_that_rebinds_its_name_learns_nothing(target: Served, host: bytes) -> None:
    raw = b"GET /api/v1/status HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n"
    status, body = answer(target, raw)
    assert (status, code_of(body)) == (421, "wrong_host")


def test_who_says_nothing_keeps_nobody_from_asking(
    target: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slowloris: hundreds of connections, each of which never ends its request."""
    monkeypatch.setattr("jobd.web.serve.MAX_CONNECTIONS", FEW)
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(target.connect(tcp=True)) for _ in range(3 * FEW)]
        for one in slow:
            with contextlib.suppress(ConnectionError):
                one.sendall(b"GET /healthz HTTP/1.1\r\nX-Slow:")
        assert target.get("/healthz", tcp=True).status == 200
        assert is_hung_up_on(slow[0]), "the first of them"


def test_of_who_is_being_answered_nobody_is_hung_up_on(
    target: Served, node_waits: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobd.web.serve.MAX_CONNECTIONS", FEW)
    with contextlib.ExitStack() as stack:
        busy = [stack.enter_context(target.connect(tcp=True)) for _ in range(FEW)]
        for one in busy:
            one.sendall(get(f"/api/v1/runs/{node_waits}?wait=1".encode()))
        _until_answered(target, FEW)
        with target.connect(tcp=True) as beyond:
            assert is_hung_up_on(beyond)
        assert [read(one)[:12] for one in busy] == [b"HTTP/1.1 200"] * FEW


@pytest.fixture
def node_waits(target: Served) -> str:
    """Return a run that does not end."""
    target.call(target.node.start_run("aaaa1111"))
    return "aaaa1111"


def _until_answered(target: Served, count: int) -> None:
    """Wait until so many requests are being answered."""
    until = time.monotonic() + PATIENCE_S
    while target.node.waited_for < count:
        assert time.monotonic() < until
        time.sleep(0.01)  # between two looks


def test_a_body_that_does_not_come_is_not_waited_for(
    target: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobd.web.query.BODY_WITHIN_S", 0.05)
    with target.connect() as connection:
        connection.sendall(b"POST /api/v1/drain HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 408 ")


def test_a_packed_body_is_not_unpacked(target: Served) -> None:
    """A small one could become a huge one."""
    body = gzip.compress(b"{}")
    length = b"Content-Length: %d" % len(body)
    head = get(b"/api/v1/drain", b"Content-Encoding: gzip", length, method=b"POST")
    status, _ = answer(target, head + body, tcp=False)
    assert (status, target.node.asked) == (400, [])


def test_a_silent_connection_is_closed_some_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slowly bytes arrive: only a whole request counts."""
    monkeypatch.setattr("jobd.web.serve.SILENT_FOR_S", 0.1)
    with served(tmp_path) as target, target.connect(tcp=True) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX-Slow:")
        assert is_hung_up_on(connection)
