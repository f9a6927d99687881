"""``jobd ctl why``: what became of a job's ticks, and what was in the way."""

from collections.abc import Iterator
from datetime import datetime

import click

from jobd.cli.ctl.client import Document
from jobd.cli.ctl.errors import printable
from jobd.cli.ctl.session import Session, ctl_command
from jobd.cli.ctl.wording import when


@ctl_command
@click.argument("job")
@click.argument("time", required=False)
@click.option("--limit", type=click.IntRange(1, 1000), default=10, show_default=True)
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
    for verdict in document["verdicts"]:
        yield f"  {verdict['text']}"
    if document["trouble"]:
        yield f"  the ledger cannot be read now: {document['trouble']}"
    elif not document["verdicts"]:
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
        yield f"  next due {when(document['next_due'], now)} local time"
