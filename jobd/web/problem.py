"""Problem: an answer that says what is wrong, as JSON; and the middleware that gives it.

Whatever goes wrong behind a request, the client gets ``{"error": {"code", "message"}}``
and never a stack trace.
"""

import logging
from collections.abc import Awaitable, Callable
from difflib import get_close_matches

from aiohttp import web

from jobd.core.effects import Refused
from jobd.errors import JobdError, NodeUnavailable, OutputGone, StoreUnavailable
from jobd.web.shapes import Json, active_run_shape

log = logging.getLogger("jobd.web")
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


class Problem(Exception):
    """A request that gets a 4xx or 5xx. ``extra`` joins code and message in the reply."""

    def __init__(self, status: int, code: str, message: str, **extra: Json) -> None:
        super().__init__(message)
        self.status = status
        self.error: dict[str, Json] = {"code": code, "message": message, **extra}

    def response(self) -> web.Response:
        """Return the problem as a reply."""
        return json_response({"error": self.error}, status=self.status)


def json_response(document: Json, status: int = 200) -> web.Response:
    """Return a JSON reply that ends with a newline, for people with curl."""
    reply = web.json_response(document, status=status)
    reply.text = f"{reply.text}\n"
    return reply


def bad_request(message: str) -> Problem:
    """Return the problem of a malformed question."""
    return Problem(400, "bad_request", message)


def no_such(kind: str, name: str, known: list[str]) -> Problem:
    """Return the problem of an unknown job, run or node, with the nearest known names."""
    nearest = get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"; did you mean {', '.join(nearest)}?" if nearest else ""
    nearest_json: list[Json] = list(nearest)
    return Problem(404, f"no_such_{kind}", f'no {kind} "{name[:100]}"{hint}', nearest=nearest_json)


def refusal(refused: Refused) -> Problem:
    """Return the problem that says why the scheduler refused."""
    status = _STATUS_BY_REFUSAL.get(refused.code, 409)
    if refused.blocker is None:
        return Problem(status, refused.code, refused.message)
    blocker = active_run_shape(refused.blocker)
    return Problem(status, refused.code, refused.message, blocker=blocker)


@web.middleware
async def problems_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every exception of a handler into a JSON reply."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _from_aiohttp(request, error).response()
    except StoreUnavailable as error:
        return Problem(503, "store_unavailable", f"the store does not answer: {error}").response()
    except NodeUnavailable as error:
        return Problem(503, "node_unavailable", str(error)).response()
    except OutputGone as error:
        return Problem(404, "output_gone", str(error)).response()
    except JobdError as error:
        return Problem(503, "unavailable", str(error)).response()
    except Exception:
        log.exception("a request failed")
        return Problem(500, "internal", "a defect of jobd; its log has the details").response()


def _from_aiohttp(request: web.Request, error: web.HTTPException) -> Problem:
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        message = f"{request.method} is not possible here; possible: {allowed}"
        return Problem(405, "method_not_allowed", message)
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return Problem(413, "too_large", "the body is too large; 64 KiB are plenty")
    if error.status == 404:
        message = "there is nothing at this path; GET / lists what there is"
        return Problem(404, "no_such_path", message)
    return Problem(error.status, "bad_request", error.reason or "the request is malformed")
