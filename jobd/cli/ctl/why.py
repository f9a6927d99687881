"""``jobd ctl why``: what became of a job's ticks, and what was in the way."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import click

from jobd.cli import exits
from jobd.cli.ctl import candidates
from jobd.cli.ctl.client import Document
from jobd.cli.ctl.errors import printable
from jobd.cli.ctl.session import Session, ctl_command, limit_option
from jobd.web.words import distance, stamp


@ctl_command(
    ("jobd ctl why backup", "its last ticks"),
    ("jobd ctl why backup 02:30", "that one"),
    exits=exits.told(exits.NO_INPUT),
)
@click.argument("job", shell_complete=candidates.jobs)
@click.argument("time", required=False)
@limit_option(default=10)
def why(session: Session, job: str, time: str | None, limit: int) -> None:
    """Why a job ran, or did not: at TIME, or of late.

    TIME is ISO, as 2026-11-23T10:15, or 10:15 for today; without a zone it is in the
    job's own, as its schedule is.
    """
    document = session.client.get("jobs", job, "why", at=time, limit=limit)
    session.show(document, lambda: printable("\n".join(why_lines(document))))


def why_lines(document: Document) -> Iterator[str]:
    """Yield what the ledger says, then what is in the way now."""
    yield f"{document['job']}, times in {document['timezone']}"
    if document["trouble"]:
        unread = "" if document["verdicts"] else "the ledger cannot be read now: "
        yield f"  {unread}{document['trouble']}"
    for verdict in document["verdicts"]:
        yield f"  {verdict['text']}"
    if not document["verdicts"] and not document["trouble"]:
        yield "  the ledger has no tick of this job yet"
    if document["nearest"]:
        yield "nearest in the ledger"
        for verdict in document["nearest"]:
            yield f"  {verdict['text']}"
    yield "now"
    for sentence in document["in_the_way_now"]:
        yield f"  {sentence}"
    now = datetime.fromisoformat(document["now"])
    if document["next_due"] is not None:
        due = datetime.fromisoformat(document["next_due"])
        yield f"  next due {stamp(due, ZoneInfo(document['timezone']))}, {distance(due - now)}"
