"""What each route takes beside its path, and what it answers with.

Paths and what they are for stand in the tables of jobd.web.app; here is what these cannot
say. Tests hold both against what the handlers really take and answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jobd.core.outcome import Outcome
from jobd.web import history, jobs, why_page
from jobd.web.openapi.pieces import COUNT, FLAG, INSTANT, TEXT, Schema, one_of, said, table
from jobd.web.query import MAX_TEXT


@dataclass(frozen=True, slots=True)
class Operation:
    """``answer`` names the schema of a 200; "" is plain text. ``others``: status → schema."""

    answer: str
    query: Mapping[str, Schema] = field(default_factory=dict)
    body: Mapping[str, Schema] = field(default_factory=dict)
    others: Mapping[str, str] = field(default_factory=dict)


def _up_to(most: int, about: str, default: int) -> Schema:
    return {**COUNT, "maximum": most, "default": default, "description": about}


_LINE: Schema = {"type": "string", "maxLength": MAX_TEXT}
_REASON = {"reason": said(_LINE, "for those who will ask why")}
_NODE = {"node": said(_LINE, "the node that is to do it")}
_UNTIL = {"until": {**INSTANT, "description": "when it ends by itself"}}
_LIMIT = {"limit": _up_to(history.MAX_ROWS, "how many at most", 50)}
_JOB = {"job": said(TEXT, "only of this job")}

QUESTIONS: Mapping[str, Operation] = {
    "/": Operation("Index"),
    "/metrics": Operation(""),
    "/healthz": Operation("Alive"),
    "/readyz": Operation("Ready", others={"503": "Ready"}),
    "/api/v1/openapi.json": Operation("Document"),
    "/api/v1/status": Operation("Status"),
    "/api/v1/jobs": Operation(
        "Jobs",
        {
            "order": said(one_of(jobs.Order), "which come first; by name unless it says otherwise"),
            "limit": said(COUNT, "how many at most; all, unless it is given"),
        },
    ),
    "/api/v1/names": Operation("Names", {"begins": said(_LINE, "only those that begin so")}),
    "/api/v1/jobs/{job}": Operation("OneJob"),
    "/api/v1/jobs/{job}/why": Operation(
        "Why",
        {
            "at": said(TEXT, "a minute or a second, in the job's time zone unless it says another"),
            "limit": _up_to(why_page.MAX_ROWS, "how many ticks", 10),
        },
    ),
    "/api/v1/nodes": Operation("Nodes"),
    "/api/v1/pools": Operation("Pools"),
    "/api/v1/report": Operation("Report", _JOB),
    "/api/v1/runs": Operation("Runs", {**_JOB, "outcome": one_of(Outcome, "active"), **_LIMIT}),
    "/api/v1/runs/{run}": Operation(
        "OneRun", {"wait": _up_to(history.MAX_WAIT_S, "seconds to wait for its end", 0)}
    ),
    "/api/v1/runs/{run}/output": Operation(
        "",
        {
            "attempt": _up_to(1 << 31, "0: the last one", 0),
            "offset": _up_to(history.ANY_OFFSET, "of the first byte wanted", 0),
            "follow": _up_to(history.MAX_WAIT_S, "seconds to wait for something", 0),
        },
    ),
    "/api/v1/audit": Operation("Audit", {"target": said(TEXT, "a job or a run"), **_LIMIT}),
}
CONTROLS: Mapping[str, Operation] = {
    "/api/v1/jobs/{job}/trigger": Operation(
        "Accepted",
        body={
            "params": said(table(TEXT), "the job's params"),
            "force": said(FLAG, 'beside the prior run, where overlap = "allow"'),
            "queue": said(FLAG, "after the prior run"),
            **_NODE,
        },
    ),
    "/api/v1/jobs/{job}/cancel": Operation("Accepted"),
    "/api/v1/jobs/{job}/pause": Operation("Accepted", body={**_REASON, **_UNTIL}),
    "/api/v1/jobs/{job}/resume": Operation("Accepted"),
    "/api/v1/jobs/{job}/skip-next": Operation("Accepted", body=_REASON),
    "/api/v1/runs/{run}/cancel": Operation("Accepted"),
    "/api/v1/pause": Operation("Accepted", body={**_REASON, **_UNTIL}),
    "/api/v1/resume": Operation("Accepted"),
    "/api/v1/drain": Operation("Accepted", body={**_REASON, **_NODE}),
    "/api/v1/undrain": Operation("Accepted", body=_NODE),
    "/api/v1/reload": Operation("Reloaded", others={"422": "ReloadRefused"}),
}
