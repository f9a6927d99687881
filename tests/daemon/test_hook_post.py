"""Post: a real server that fails in every way, and what is made of each."""

import asyncio
import json
import socket
import ssl
import subprocess
import threading
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from jobd.daemon import hook_post as module
from jobd.daemon.hook_order import Answer
from jobd.daemon.hook_post import Poster
from tests.daemon.fakes import NOON, FakeClock

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
PATIENCE_S = 5.0


class Desk:
    """A server, and who posts to it."""

    def __init__(self) -> None:
        self.poster = Poster(FakeClock())
        self.requests: list[tuple[str, str, Any, str]] = []
        self.let_go = anyio.Event()
        self.answer: Handler = self.fine
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        self.server = TestServer(app)

    async def _take(self, request: web.Request) -> web.StreamResponse:
        kind = request.headers.get("Content-Type", "")
        body = json.loads(await request.text() or "null")
        self.requests.append((request.method, request.path_qs, body, kind))
        return await self.answer(request)

    async def fine(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text="OK")

    def status(self, number: int, **headers: str) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return web.Response(status=number, headers=named)

        self.answer = answer

    async def post(self, path: str = "/hunter2?x=1", timeout_s: float = PATIENCE_S) -> Answer:
        url = f"http://127.0.0.1:{self.server.port}{path}"
        answer = await self.poster.post(url, b'{"job": "a"}', timeout_s)
        assert "hunter2" not in answer.trouble
        return answer


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    await desk.server.start_server()
    yield desk
    desk.let_go.set()
    await desk.poster.close()
    await desk.server.close()


async def test_the_run_is_the_body_of_a_post(desk: Desk) -> None:
    assert await desk.post() == Answer()
    assert desk.requests == [("POST", "/hunter2?x=1", {"job": "a"}, "application/json")]


async def test_a_url_is_called_as_it_is_written(desk: Desk) -> None:
    """Whoever is called compares it to the letter; and a login in it is one."""
    seen: list[tuple[str, str | None]] = []

    async def note(request: web.Request) -> web.StreamResponse:
        seen.append((request.raw_path, request.headers.get("Authorization")))
        return web.Response()

    desk.answer = note
    where = f"127.0.0.1:{desk.server.port}"
    written = "/a%2Fb//c;d=1/%C3%A4/x+y?q=%20z&r=a+b&s=%26&t"
    assert await desk.poster.post(f"http://anna:s%40x@{where}{written}", b"{}", 5.0) == Answer()
    assert await desk.poster.post(f"http://{where}?x=1", b"{}", 5.0) == Answer()
    login = "Basic " + b64encode(b"anna:s@x").decode()
    assert seen == [(written, login), ("/?x=1", None)]


@pytest.mark.parametrize("status", [200, 201, 204])
async def test_whatever_begins_with_a_two_is_fine(desk: Desk, status: int) -> None:
    desk.status(status)
    assert await desk.post() == Answer()


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
async def test_what_may_pass_is_worth_another_try(desk: Desk, status: int) -> None:
    desk.status(status)
    assert await desk.post() == Answer(f"HTTP {status}", may_retry=True)


@pytest.mark.parametrize("status", [400, 401, 404, 410])
async def test_what_will_not_pass_is_not(desk: Desk, status: int) -> None:
    desk.status(status)
    assert await desk.post() == Answer(f"HTTP {status}")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(desk: Desk, status: int) -> None:
    """It would carry the run to a host that nobody configured."""
    desk.status(status, Location=f"http://127.0.0.1:{desk.server.port}/elsewhere")
    answer = await desk.post()
    assert answer.trouble.startswith(f"HTTP {status}: it redirects")
    assert not answer.may_retry
    assert [path for _, path, _, _ in desk.requests] == ["/hunter2?x=1"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("86400", module.LONGEST_RETRY_AFTER_S),
        (format_datetime(NOON + timedelta(seconds=9), usegmt=True), 9.0),
        (format_datetime(NOON + timedelta(days=9), usegmt=True), module.LONGEST_RETRY_AFTER_S),
        (format_datetime(NOON - timedelta(days=9), usegmt=True), 0.0),
        ("soon", None),
        ("-1", None),
        ("٣", None),
        ("", None),
    ],
)
async def test_retry_after_is_honoured_and_bounded(
    desk: Desk, text: str, seconds: float | None
) -> None:
    desk.status(429, Retry_After=text)
    assert (await desk.post()).retry_after_s == seconds


async def test_a_server_that_hangs_is_left_after_the_timeout(desk: Desk) -> None:
    async def hang(request: web.Request) -> web.StreamResponse:
        await desk.let_go.wait()
        return web.Response()

    desk.answer = hang
    with anyio.fail_after(PATIENCE_S):
        answer = await desk.post(timeout_s=0.1)
    assert answer == Answer("no answer within 0.1 s", may_retry=True)


async def test_one_that_answers_and_never_comes_to_an_end_has_answered(desk: Desk) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"x" * 10_000)
        await desk.let_go.wait()
        return response

    desk.answer = drip
    with anyio.fail_after(PATIENCE_S):
        assert await desk.post() == Answer()


async def test_one_that_hangs_up_is_worth_another_try(desk: Desk) -> None:
    async def hang_up(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    desk.answer = hang_up
    answer = await desk.post()
    assert (answer.trouble, answer.may_retry) == ("it broke off (ServerDisconnectedError)", True)


async def test_a_refused_connection_is_worth_another_try(desk: Desk) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/hunter2"
        answer = await desk.poster.post(url, b"", PATIENCE_S)
    assert answer == Answer("connection refused", may_retry=True)


async def test_what_speaks_no_http_is_told_without_its_words(desk: Desk) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hunter2 is not HTTP\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        answer = await desk.poster.post(f"http://127.0.0.1:{port}/hunter2", b"", PATIENCE_S)
    assert answer.may_retry
    assert "hunter2" not in answer.trouble


async def test_a_host_that_is_not_found_is_worth_another_try(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(module.socket, "getaddrinfo", fail)
    answer = await desk.poster.post("https://h.example/hunter2", b"", PATIENCE_S)
    words = "its host is not found: Temporary failure in name resolution"
    assert answer == Answer(words, may_retry=True)


async def test_a_name_is_looked_up(desk: Desk) -> None:
    answer = await desk.poster.post(f"http://localhost:{desk.server.port}/x", b"", PATIENCE_S)
    assert answer == Answer()


async def test_a_name_server_that_is_silent_holds_up_neither_the_call_nor_a_stop(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    silence = threading.Event()

    def hang(*_: Any) -> list[Any]:
        silence.wait(60)
        return []

    monkeypatch.setattr(module.socket, "getaddrinfo", hang)
    with anyio.fail_after(PATIENCE_S):
        answer = await desk.poster.post("https://h.example/x", b"", 0.05)
    assert answer == Answer("no answer within 0.05 s", may_retry=True)
    others = [thread for thread in threading.enumerate() if "_look_up" in thread.name]
    assert [thread.daemon for thread in others] == [True], "the interpreter does not wait for it"
    silence.set()


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    desk: Desk, tmp_path: Path, needs_tool: Callable[[str, str], str]
) -> None:
    openssl = needs_tool("openssl", "openssl")
    key, certificate = tmp_path / "key", tmp_path / "cert"
    made = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    made += ["-keyout", str(key), "-out", str(certificate)]
    # Nothing else is on the loop yet.
    subprocess.run(made, check=True, capture_output=True, timeout=30)  # noqa: ASYNC221 - likewise
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    secure = TestServer(web.Application())
    await secure.start_server(ssl=context)
    try:
        answer = await desk.poster.post(f"https://localhost:{secure.port}/x", b"", PATIENCE_S)
    finally:
        await secure.close()
    assert answer.trouble.startswith("its certificate is refused: self")
    assert answer.may_retry


async def test_a_call_after_the_end_of_a_session_makes_a_new_one(desk: Desk) -> None:
    assert await desk.post() == Answer()
    await desk.poster.close()
    assert await desk.post() == Answer()
