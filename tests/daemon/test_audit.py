"""Audit: who did what, to what, and what came of it."""

import pytest

from jobd.core.effects import Accepted, Refused, Reply
from jobd.core.events import (
    CancelAsked,
    OperatorEvent,
    PauseAsked,
    ResumeAsked,
    SkipNextAsked,
    TriggerAsked,
)
from jobd.daemon.audit import audit_entry
from jobd.ports import AuditEntry
from tests.daemon.fakes import NOON

ANNA = "uid 1000 (anna)"
SECRET = (("token", "hunter2"),)


@pytest.mark.parametrize(
    ("event", "reply", "line"),
    [
        (
            TriggerAsked("q", "r1", "a", ANNA, SECRET),
            Accepted("q", ("r1",), "started"),
            ("trigger", "a", "run r1"),
        ),
        (
            TriggerAsked("q", "r1", "a", ANNA),
            Refused("q", "busy", "a runs"),
            ("trigger", "a", "refused: a runs"),
        ),
        (
            CancelAsked("q", ANNA, job="a"),
            Accepted("q", ("r1", "r2")),
            ("cancel", "a", "run r1 r2"),
        ),
        (CancelAsked("q", ANNA, run_id="r1"), Accepted("q", ("r1",)), ("cancel", "r1", "run r1")),
        (PauseAsked("q", "a", ANNA, "audit"), Accepted("q"), ("pause", "a", "audit")),
        (PauseAsked("q", None, ANNA), Accepted("q"), ("pause", "", "")),
        (ResumeAsked("q", None, ANNA), Accepted("q"), ("resume", "", "")),
        (SkipNextAsked("q", "a", ANNA, "late"), Accepted("q"), ("skip-next", "a", "late")),
        (
            SkipNextAsked("q", "a", ANNA, "late"),
            Refused("q", "bad_request", "no tick"),
            ("skip-next", "a", "refused: no tick; late"),
        ),
    ],
)
def test_every_wish_becomes_one_line(
    event: OperatorEvent, reply: Reply, line: tuple[str, str, str]
) -> None:
    """Parameters are not in it: they may be secrets."""
    assert audit_entry(event, reply, NOON) == AuditEntry(NOON, ANNA, *line)
