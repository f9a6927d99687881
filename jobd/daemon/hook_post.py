"""Post: one try of calling a URL, bounded in time, followed nowhere, and told without secrets.

A redirect is not followed: it would carry the run to a host that nobody configured.
"""

import asyncio
import os
import socket
import ssl
import threading
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import anyio
from aiohttp.abc import AbstractResolver, ResolveResult

from jobd import __version__
from jobd.daemon.hook_order import Answer
from jobd.ports import Clock

LONGEST_RETRY_AFTER_S = 60.0
_HEADERS = {"Content-Type": "application/json", "User-Agent": f"jobd/{__version__}"}
_WAIT_AND_SEE = frozenset({408, 425, 429})  # of those below 500: the same call may do later


class Poster:
    """Posts to URLs. Must be closed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes, timeout_s: float) -> Answer:
        """Post once; whatever goes wrong is an answer, too."""
        try:
            with anyio.fail_after(timeout_s):
                async with self._connected().post(
                    url, data=body, headers=_HEADERS, allow_redirects=False
                ) as response:
                    return self._judged(response)
        except TimeoutError:
            return Answer(f"no answer within {timeout_s:g} s", may_retry=True)
        except aiohttp.InvalidURL:
            return Answer("its URL cannot be called")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(words_of(error), may_retry=True)

    async def close(self) -> None:
        """Hang up."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, resolver=ThreadResolver()),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),  # ours is around all of it
            )
        return self._session

    def _judged(self, response: aiohttp.ClientResponse) -> Answer:
        status = response.status
        if 200 <= status < 300:
            return Answer()
        if 300 <= status < 400:
            return Answer(f"HTTP {status}: it redirects; configure the URL that it leads to")
        may_retry = status >= 500 or status in _WAIT_AND_SEE
        after_s = self._retry_after_s(response.headers.get("Retry-After", ""))
        return Answer(f"HTTP {status}", may_retry, after_s if may_retry else None)

    def _retry_after_s(self, text: str) -> float | None:
        """Return for how long the server wants to be left alone (RFC 9110, 10.2.3)."""
        if text.isascii() and text.isdecimal():
            return min(float(text[:9]), LONGEST_RETRY_AFTER_S)
        try:
            ahead_s = (parsedate_to_datetime(text) - self._clock.now()).total_seconds()
        except (TypeError, ValueError):  # nothing, no date, or one without a zone
            return None
        return min(max(ahead_s, 0.0), LONGEST_RETRY_AFTER_S)


def words_of(error: Exception) -> str:
    """Return what went wrong, in words that repeat nothing of the URL."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is refused: {_why_refused(error.certificate_error)}"
    if isinstance(error, aiohttp.ClientSSLError):
        return "no TLS connection could be made"
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, socket.gaierror):
        return f"its host is not found: {cause.strerror}"
    if isinstance(cause, OSError) and cause.errno:
        return os.strerror(cause.errno).lower()
    return f"it broke off ({type(cause).__name__})"


def _why_refused(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return "it is not valid"


class ThreadResolver(AbstractResolver):
    """Looks names up in threads that nobody waits for at the end.

    asyncio's own wait in a pool, which a stop joins: a name server that is silent would
    hold up the end of the daemon, and a few of them everybody who needs that pool.
    """

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a host; OSError if there are none."""
        loop = asyncio.get_running_loop()
        found: asyncio.Future[list[Any]] = loop.create_future()
        look = threading.Thread(target=_look_up, args=(loop, found, host, port, family))
        look.daemon = True
        look.start()
        return [_result(host, info) for info in await found]

    async def close(self) -> None:
        """Nothing is held."""


def _look_up(
    loop: asyncio.AbstractEventLoop,
    found: "asyncio.Future[list[Any]]",
    host: str,
    port: int,
    family: socket.AddressFamily,
) -> None:
    answer: list[Any] | Exception
    try:
        answer = list(socket.getaddrinfo(host, port, family, socket.SOCK_STREAM))
    except (OSError, UnicodeError) as error:
        answer = error
    with suppress(RuntimeError):  # the daemon has ended meanwhile
        loop.call_soon_threadsafe(_settle, found, answer)


def _settle(found: "asyncio.Future[list[Any]]", answer: list[Any] | Exception) -> None:
    if found.done():
        return  # nobody waits any more
    if isinstance(answer, Exception):
        found.set_exception(answer)
    else:
        found.set_result(answer)


def _result(host: str, info: Any) -> ResolveResult:
    family, _, proto, _, address = info
    return ResolveResult(
        hostname=host,
        host=address[0],
        port=address[1],
        family=family,
        proto=proto,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
