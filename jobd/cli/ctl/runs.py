"""``jobd ctl runs``: what ran, newest first."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from jobd.cli import exits
from jobd.cli.ctl import candidates
from jobd.cli.ctl.client import Document
from jobd.cli.ctl.session import Session, ctl_command, limit_option
from jobd.cli.ctl.table import fitting
from jobd.cli.ctl.wording import NOTHING, duration, how_far, size, when
from jobd.web.words import attempt_words

OUTCOMES = ("success", "failure", "timeout", "oom", "canceled", "lost", "start_error", "active")

_NARROWEST = 14  # columns for the names of jobs, however narrow the terminal


@ctl_command(
    ("jobd ctl runs backup --limit 5", "the latest of one job"),
    ("jobd ctl runs --outcome timeout", "of all jobs"),
    exits=exits.told(exits.NO_INPUT),
)
@click.argument("job", required=False, shell_complete=candidates.jobs)
@click.option("--outcome", type=click.Choice(OUTCOMES), help="Only runs that ended like this.")
@limit_option(default=20)
def runs(session: Session, job: str | None, outcome: str | None, limit: int) -> None:
    """Runs, newest first, those still active included, of every node."""
    document = session.client.get("runs", job=job, outcome=outcome, limit=limit)
    if document["trouble"]:
        session.note(document["trouble"])
    session.show(document, lambda: runs_table(document))


def runs_table(document: Document) -> str:
    """Return every run in a row, with its node where there are several. On a narrow terminal
    what it was stands in front of what it took, and the rest is in --json."""
    runs = document["runs"]
    if not runs:
        return "no such runs"
    now = datetime.fromisoformat(document["now"])
    nodes = ("NODE",) if document["several_nodes"] else ()
    heads = ("RUN", "JOB", *nodes, "BY", "STARTED", "OUTCOME", "TOOK", "CPU", "PEAK", "WHY")
    brief_heads = ("JOB", "RUN", *nodes, "STARTED", "OUTCOME", "TOOK", "WHY")
    full = [_full_row(run, now, bool(nodes)) for run in runs]
    brief = [_brief_row(run, now, bool(nodes)) for run in runs]
    return fitting(heads, full, brief_heads, brief, narrowest=_NARROWEST)


def _full_row(run: Mapping[str, Any], now: datetime, has_nodes: bool) -> tuple[str, ...]:
    return (
        run["run_id"],
        run["job"],
        *((run["node"],) if has_nodes else ()),
        run["trigger"],
        when(run["began_at"], now),
        run["outcome"] or run["state"],
        duration(run["lasted_s"]),
        duration(run["cpu_s"]),
        size(run["memory_peak_bytes"]),
        ending(run),
    )


def _brief_row(run: Mapping[str, Any], now: datetime, has_nodes: bool) -> tuple[str, ...]:
    return (
        run["job"],
        run["run_id"],
        *((run["node"],) if has_nodes else ()),
        how_far(run["began_at"], now),
        run["outcome"] or run["state"],
        duration(run["lasted_s"]),
        ending(run),
    )


def ending(run: Mapping[str, Any]) -> str:
    """Return in a few words how a run ended, beyond its outcome."""
    retried = run.get("retried_attempts", ())  # jobd 0.1 does not tell
    tries = attempt_words(run["attempt"], ((one["attempt"], one["outcome"]) for one in retried))
    return ", ".join(filter(None, (_why(run), tries))) or NOTHING


def _why(run: Mapping[str, Any]) -> str:
    if run["reason"]:
        return str(run["reason"])
    if run["signal"] is not None:
        return f"signal {run['signal']}"
    return f"exit status {run['exit_code']}" if run["exit_code"] else ""
