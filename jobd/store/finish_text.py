"""Finish as text: how a run's end waits in the outbox, and may be read by a newer jobd."""

import json
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from jobd.core.attempt import attempts_of, rows_of
from jobd.core.claim import Trigger
from jobd.core.outcome import Outcome
from jobd.core.run import Finish, RunRecord
from jobd.core.said import StepTime

_INSTANTS = ("fire_time", "claimed_at", "started_at", "ended_at")
_KNOWN = {field.name for field in fields(RunRecord)}


def text_of(finish: Finish) -> str:
    """Return an end as one JSON object."""
    record = asdict(finish.record)
    for name in _INSTANTS:
        record[name] = _iso(record[name])
    record["retried"] = rows_of(finish.record.retried)
    whole = {
        "record": record,
        "rest_until": _iso(finish.rest_until),
        "smoothed_duration_s": finish.smoothed_duration_s,
        "expected_memory_bytes": finish.expected_memory_bytes,
        "smoothed_lasted_s": finish.smoothed_lasted_s,
    }
    return json.dumps(whole)


def finish_of(text: str) -> Finish:
    """Return the end that such a text describes; what a newer jobd added is left out."""
    whole = json.loads(text)
    record: dict[str, Any] = {k: v for k, v in whole["record"].items() if k in _KNOWN}
    for name in _INSTANTS:
        record[name] = _instant(record[name])
    record["trigger"] = Trigger(record["trigger"])
    record["outcome"] = None if record["outcome"] is None else Outcome(record["outcome"])
    record["params"] = tuple((name, value) for name, value in record["params"])
    record["steps"] = tuple(StepTime(**one) for one in record.get("steps", ()))
    record["retried"] = attempts_of(record.get("retried", ()))
    rest_until = _instant(whole["rest_until"])
    learnt = (
        whole["smoothed_duration_s"],
        whole.get("expected_memory_bytes"),  # an older jobd wrote neither this
        whole.get("smoothed_lasted_s"),  # nor this
    )
    return Finish(RunRecord(**record), rest_until, *learnt)


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
