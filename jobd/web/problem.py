"""Problem: an answer that says what is wrong, as JSON; and the middleware that gives it.

Whatever goes wrong behind a request, the client gets ``{"error": {"code", "message"}}``
and never a stack trace.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from difflib import get_close_matches

from aiohttp import web

from jobd.core.effects import Refused
from jobd.errors import JobdError, NodeUnavailable, OutputGone, StoreUnavailable
from jobd.web.shapes import Json, active_run_shape, iso

log = logging.getLogger("jobd.web")
NEAREST = 3  # names
NEAR_ENOUGH = 0.5  # see difflib

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_STATUS_BY_REFUSAL = {
    "no_such_job": 404,
    "no_such_run": 404,
    "busy": 409,
    "bad_request": 400,
    "shutting_down": 503,
    "store_down": 503,
    "node_unavailable": 503,
}
_CODE_BY_ERROR: dict[type[JobdError], tuple[int, str]] = {
    NodeUnavailable: (503, "node_unavailable"),
    OutputGone: (404, "output_gone"),
}


class Problem(Exception):
    """A request that gets a 4xx or 5xx. ``extra`` joins code and message in the reply.

    ``headers`` go with it, whatever its body is: a 405 has to say what is allowed (RFC 9110).
    """

    def __init__(self, status: int, code: str, message: str, **extra: Json) -> None:
        super().__init__(message)
        self.status = status
        self.error: dict[str, Json] = {"code": code, "message": message, **extra}
        self.headers: dict[str, str] = {}

    def response(self) -> web.Response:
        """Return the problem as a reply."""
        reply = json_response({"error": self.error}, status=self.status)
        reply.headers.update(self.headers)
        return reply


def json_response(document: Json, status: int = 200) -> web.Response:
    """Return a JSON reply that ends with a newline, for people with curl."""
    text = f"{json.dumps(document)}\n"
    return web.Response(text=text, status=status, content_type="application/json")


def bad_request(message: str) -> Problem:
    """Return the problem of a malformed question."""
    return Problem(400, "bad_request", message)


def no_such(kind: str, name: str, known: Sequence[str]) -> Problem:
    """Return the problem of an unknown job, run or node, with the nearest known names."""
    nearest = get_close_matches(name, known, n=NEAREST, cutoff=NEAR_ENOUGH)
    hint = f"; did you mean {', '.join(nearest)}?" if nearest else ""
    nearest_json: list[Json] = list(nearest)
    return Problem(404, f"no_such_{kind}", f'no {kind} "{name[:100]}"{hint}', nearest=nearest_json)


def not_allowed(code: str, message: str, allowed: Iterable[str]) -> Problem:
    """Return the problem of a method that is not possible here."""
    problem = Problem(405, code, message)
    problem.headers["Allow"] = ", ".join(sorted(allowed))
    return problem


def refusal(refused: Refused, now: datetime) -> Problem:
    """Return the problem that says why the scheduler refused, and by its clock when."""
    status = _STATUS_BY_REFUSAL.get(refused.code, 409)
    if refused.blocker is None:
        return Problem(status, refused.code, refused.message)
    blocker = active_run_shape(refused.blocker)
    return Problem(status, refused.code, refused.message, blocker=blocker, now=iso(now))


@web.middleware
async def problems_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every exception of a handler into a JSON reply."""
    try:
        return await handler(request)
    except Exception as error:
        return problem_of(request, error).response()


def problem_of(request: web.Request, error: Exception) -> Problem:
    """Return what to tell of an exception; a redirect is none and raised again. A defect is
    logged, and the client learns no more than that there is one."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, web.HTTPException):
        if error.status < 400:
            raise error
        return _from_aiohttp(request, error)
    if isinstance(error, StoreUnavailable):
        return Problem(503, "store_unavailable", f"the store does not answer: {error}")
    if isinstance(error, JobdError):
        status, code = _CODE_BY_ERROR.get(type(error), (503, "unavailable"))
        return Problem(status, code, str(error))
    log.error("a request failed", exc_info=error)
    return Problem(500, "internal", "a defect of jobd; its log has the details")


def _from_aiohttp(request: web.Request, error: web.HTTPException) -> Problem:
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        message = f"{request.method} is not possible here; possible: {allowed}"
        return not_allowed("method_not_allowed", message, error.allowed_methods)
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return Problem(413, "too_large", "the body is too large; 64 KiB are plenty")
    if error.status == 404:
        message = "there is nothing at this path; GET / lists what there is"
        return Problem(404, "no_such_path", message)
    return Problem(error.status, "bad_request", error.reason or "the request is malformed")
