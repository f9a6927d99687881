"""Audit: an operator's wish and its answer, as the line that is kept."""

from datetime import datetime

from jobd.core.effects import Accepted, Reply
from jobd.core.events import (
    CancelAsked,
    DrainAsked,
    OperatorEvent,
    PauseAsked,
    ResumeAsked,
    SkipNextAsked,
    TriggerAsked,
)
from jobd.ports import AuditEntry

_ACTIONS: dict[type, str] = {
    TriggerAsked: "trigger",
    CancelAsked: "cancel",
    PauseAsked: "pause",
    ResumeAsked: "resume",
    SkipNextAsked: "skip-next",
}


def audit_entry(event: OperatorEvent, reply: Reply, at: datetime) -> AuditEntry:
    """Return who did what, to what, and what came of it."""
    return AuditEntry(at, event.by, _action(event), _target(event), _detail(event, reply))


def _action(event: OperatorEvent) -> str:
    if isinstance(event, DrainAsked):
        return "drain" if event.is_on else "undrain"
    return _ACTIONS[type(event)]


def _target(event: OperatorEvent) -> str:
    if isinstance(event, DrainAsked):
        return ""  # this node
    if isinstance(event, CancelAsked):
        return event.job or event.run_id or ""
    return event.job or ""


def _detail(event: OperatorEvent, reply: Reply) -> str:
    words = [] if isinstance(reply, Accepted) else [f"refused: {reply.message}"]
    reason = getattr(event, "reason", "")
    if reason:
        words.append(reason)
    if isinstance(reply, Accepted) and reply.run_ids:
        words.append(f"run {' '.join(reply.run_ids)}")
    return "; ".join(words)
