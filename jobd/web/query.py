"""Reads what a request says, strictly: an unknown name or a wrong type is a 400 that says so."""

import asyncio
import json
from collections.abc import Collection
from datetime import UTC, datetime
from difflib import get_close_matches

from aiohttp import web

from jobd.web.problem import Problem, bad_request, no_such

MAX_NAME = 200
MAX_TEXT = 500
MAX_PAGE = 1_000_000
WRITE_INSTANT = 'write an instant with its zone, as "2026-11-23T10:15:00Z"'
MAX_BODY_BYTES = 1 << 16
BODY_WITHIN_S = 10.0


def check_names(given: Collection[str], known: Collection[str], kind: str) -> None:
    """Refuse names that are not known, each with the nearest one that is."""
    for name in given:
        if name in known:
            continue
        near = get_close_matches(name, known, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"known: {', '.join(known) or 'none'}"
        raise bad_request(f'unknown {kind} "{name[:100]}"; {hint}')


def whole_number(request: web.Request, name: str, default: int, top: int) -> int:
    """Return a query parameter from 0 to ``top``."""
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= top):
        raise bad_request(f'{name}: "{text[:50]}" is no whole number from 0 to {top}')
    return int(text)


def page_number(request: web.Request) -> int:
    """Return the query parameter ``page``, from 1 on."""
    return max(whole_number(request, "page", 1, MAX_PAGE), 1)


def one_of(request: web.Request, name: str, known: Collection[str], default: str = "") -> str:
    """Return a query parameter that is one of the words that are known."""
    value = request.query.get(name, "").strip() or default
    if value not in known:
        words = ", ".join(filter(None, known))
        raise bad_request(f'{name}: "{value[:50]}" is none of {words}')
    return value


def one_line(request: web.Request, name: str) -> str:
    """Return a query parameter that is one printable line, without space around it; "" when it
    is not given."""
    text = request.query.get(name, "").strip()
    if len(text) > MAX_TEXT or not text.isprintable():
        raise bad_request(f"{name}: write one line of at most {MAX_TEXT} printable characters")
    return text


def path_name(request: web.Request, kind: str) -> str:
    """Return the job's or run's name in the path; one that cannot exist is a 404."""
    name = request.match_info[kind]
    if not name.isprintable() or len(name) > MAX_NAME:
        raise no_such(kind, ascii(name), [])
    return name


class Body:
    """A JSON object of known keys. Every getter checks the type of what it returns."""

    def __init__(self, content: dict[str, object]) -> None:
        self._content = content

    def flag(self, key: str) -> bool:
        """Return a boolean; False when it is not given."""
        value = self._content.get(key, False)
        if not isinstance(value, bool):
            raise bad_request(f"{key}: write true or false")
        return value

    def text(self, key: str) -> str:
        """Return one printable line; "" when it is not given."""
        value = self._content.get(key, "")
        if not isinstance(value, str) or len(value) > MAX_TEXT or not value.isprintable():
            raise bad_request(f"{key}: write one line of at most {MAX_TEXT} printable characters")
        return value

    def instant(self, key: str, after: datetime) -> datetime | None:
        """Return an instant later than ``after``, or None when it is not given."""
        value = self._content.get(key)
        if value is None:
            return None
        instant = instant_of(value)
        if instant is None:
            raise bad_request(f"{key}: {WRITE_INSTANT}")
        if instant <= after:
            raise bad_request(f"{key}: {value} has passed already")
        return instant

    def texts(self, key: str) -> dict[str, str]:
        """Return an object of strings; empty when it is not given."""
        value = self._content.get(key, {})
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            raise bad_request(f'{key}: write an object of strings, as {{"name": "value"}}')
        return value


async def read_body(request: web.Request, *known: str) -> Body:
    """Return the request's JSON object; an empty body is an empty object."""
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            raw = await request.read()
    except TimeoutError:
        words = f"the body did not come within {BODY_WITHIN_S:.0f} s"
        raise Problem(408, "too_slow", words) from None
    try:
        content = json.loads(raw) if raw.strip() else {}
    except (ValueError, RecursionError):
        raise bad_request("the body is no JSON") from None
    if not isinstance(content, dict):
        raise Problem(400, "bad_request", 'the body is no JSON object; write {"key": "value"}')
    check_names(content.keys(), known, "key in the body")
    return Body(content)


def instant_of(value: object) -> datetime | None:
    """Return the instant of UTC that a text names; None if it names none, or not its zone."""
    if not isinstance(value, str):
        return None
    try:
        instant = datetime.fromisoformat(value)
        return instant.astimezone(UTC) if instant.utcoffset() is not None else None
    except (ValueError, OverflowError):
        return None
