"""``jobd ctl runs``: what ran, newest first."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from jobd.cli.ctl.client import Document
from jobd.cli.ctl.session import Session, ctl_command
from jobd.cli.ctl.table import table
from jobd.cli.ctl.wording import NOTHING, duration, size, when

OUTCOMES = ("success", "failure", "timeout", "oom", "canceled", "lost", "start_error", "active")


@ctl_command
@click.argument("job", required=False)
@click.option("--outcome", type=click.Choice(OUTCOMES), help="Only runs that ended like this.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
def runs(session: Session, job: str | None, outcome: str | None, limit: int) -> None:
    """Runs, newest first, those still active included, of every node."""
    document = session.client.get("runs", job=job, outcome=outcome, limit=limit)
    session.show(document, lambda: runs_table(document))


def runs_table(document: Document) -> str:
    """Return every run in a row, with its node where there are several."""
    now, is_spread = datetime.fromisoformat(document["now"]), document["several_nodes"]
    node_head = ("NODE",) if is_spread else ()
    heads = ("RUN", "JOB", *node_head, "BY", "STARTED", "OUTCOME", "TOOK", "CPU", "PEAK", "WHY")
    rows = [
        (
            run["run_id"],
            run["job"],
            *((run["node"],) if is_spread else ()),
            run["trigger"],
            when(run["started_at"] or run["claimed_at"], now),
            run["outcome"] or run["state"],
            duration(run["duration_s"]),
            duration(run["cpu_s"]),
            size(run["memory_peak_bytes"]),
            ending(run),
        )
        for run in document["runs"]
    ]
    return table(heads, rows) if rows else "no such runs"


def ending(run: Mapping[str, Any]) -> str:
    """Return in a few words how a run ended, beyond its outcome."""
    if run["reason"]:
        return str(run["reason"])
    if run["signal"] is not None:
        return f"signal {run['signal']}"
    return f"exit status {run['exit_code']}" if run["exit_code"] else NOTHING
