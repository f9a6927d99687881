"""Letters: what one node asks of another through the shared store, as JSON, and the answers.

A reader trusts nothing: whatever is not what this version writes is ``BadLetter``.
"""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from jobd.core.claim import ActiveRun, Trigger
from jobd.core.effects import Accepted, Refused, Reply
from jobd.core.events import DrainAsked, TriggerAsked
from jobd.errors import JobdError
from jobd.web.node import OutputSlice
from jobd.web.shapes import JsonObject, iso

T = TypeVar("T")

_RUN_ID = re.compile(r"[0-9A-Za-z_-]{1,100}")
_UNREADABLE = (
    ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError
)  # fmt: skip


class Kind(StrEnum):
    """What a letter asks for."""

    TRIGGER = "trigger"
    DRAIN = "drain"
    OUTPUT = "output"
    DIGESTS = "digests"


class BadLetter(JobdError):
    """A letter or an answer that cannot be read; another version's, most likely."""


class Declined(JobdError):
    """The other node says why it does not answer the question."""


def write(content: Mapping[str, Any]) -> str:
    """Return a letter's body."""
    return json.dumps(content)


def read(body: str, convert: Callable[[dict[str, Any]], T]) -> T:
    """Return what ``convert`` makes of a body; ``Declined`` if it says that it is an error."""
    with _as_bad_letter():
        content = json.loads(body)
        if "error" not in content:
            return convert(content)
    raise Declined(str(content["error"])[:500])


def trigger_content(event: TriggerAsked, until: datetime) -> JsonObject:
    """Return a wish for a run, which lapses at ``until``."""
    return {
        "request_id": event.request_id,
        "run_id": event.run_id,
        "job": event.job,
        "by": event.by,
        "params": dict(event.params),
        "force": event.force,
        "queue": event.queue,
        "until": iso(until),
    }


def trigger_of(content: dict[str, Any], sender: str) -> TriggerAsked:
    """Return the wish that a letter holds, its asker named together with the node."""
    texts = [_text(content[key]) for key in ("request_id", "run_id", "job", "by")]
    params = tuple((_text(name), _text(value)) for name, value in content["params"].items())
    request_id, run_id, job, by = texts
    if not _RUN_ID.fullmatch(run_id):
        raise ValueError("a run id that could be a path")
    flags = content["force"] is True, content["queue"] is True
    return TriggerAsked(request_id, run_id, job, f"{by} on {sender}", params, *flags)


def drain_content(event: DrainAsked, until: datetime) -> JsonObject:
    """Return a wish to drain, or to end that, which lapses at ``until``."""
    return {
        "request_id": event.request_id,
        "by": event.by,
        "is_on": event.is_on,
        "reason": event.reason,
        "until": iso(until),
    }


def drain_of(content: dict[str, Any], sender: str) -> DrainAsked:
    """Return the wish that a letter holds."""
    request_id, by = _text(content["request_id"]), _text(content["by"])
    is_on, reason = content["is_on"] is True, _text(content["reason"])
    return DrainAsked(request_id, f"{by} on {sender}", is_on, reason)


def until_of(content: dict[str, Any]) -> datetime:
    """Return the instant at which a wish lapses."""
    until = datetime.fromisoformat(content["until"])
    if until.tzinfo is None:
        raise ValueError("an instant without a zone")
    return until


def reply_content(reply: Reply) -> JsonObject:
    """Return a scheduler's answer."""
    if isinstance(reply, Accepted):
        return {"accepted": True, "run_ids": [*reply.run_ids], "message": reply.message}
    blocker = _run_content(reply.blocker) if reply.blocker else None
    return {"accepted": False, "code": reply.code, "message": reply.message, "blocker": blocker}


def reply_of(content: dict[str, Any], request_id: str) -> Reply:
    """Return the scheduler's answer to a request."""
    message = _text(content["message"])
    if content["accepted"] is True:
        return Accepted(request_id, tuple(map(_text, content["run_ids"])), message)
    blocker = _run_of(content["blocker"]) if content["blocker"] else None
    return Refused(request_id, _text(content["code"]), message, blocker)


def slice_content(piece: OutputSlice) -> JsonObject:
    """Return a piece of output."""
    return {
        "data": b64encode(piece.data).decode(),
        "next_offset": piece.next_offset,
        "skipped_bytes": piece.skipped_bytes,
    }


def slice_of(content: dict[str, Any]) -> OutputSlice:
    """Return the piece of output."""
    data = b64decode(_text(content["data"]), validate=True)
    return OutputSlice(data, int(content["next_offset"]), int(content["skipped_bytes"]))


def digests_in(content: dict[str, Any]) -> dict[str, str]:
    """Return name → digest."""
    return {_text(name): _text(digest) for name, digest in content["digests"].items()}


def _run_content(run: ActiveRun) -> JsonObject:
    return {
        "run_id": run.run_id,
        "job": run.job,
        "node": run.node,
        "token": run.token,
        "fire_time": iso(run.fire_time),
        "trigger": run.trigger.value,
        "claimed_at": iso(run.claimed_at),
    }


def _run_of(content: dict[str, Any]) -> ActiveRun:
    run_id, job, node = (_text(content[key]) for key in ("run_id", "job", "node"))
    fire_time = datetime.fromisoformat(content["fire_time"]) if content["fire_time"] else None
    claimed_at = datetime.fromisoformat(content["claimed_at"])
    trigger = Trigger(content["trigger"])
    return ActiveRun(run_id, job, node, int(content["token"]), fire_time, trigger, claimed_at)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


@contextmanager
def _as_bad_letter() -> Iterator[None]:
    try:
        yield
    except _UNREADABLE as error:
        raise BadLetter(f"not understood ({type(error).__name__}: {error})") from error
