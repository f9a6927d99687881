"""``jobd ctl show``: one job, with every effective limit, its source, and what holds it."""

import shlex
from collections.abc import Iterator
from datetime import datetime

import click

from jobd.cli import exits
from jobd.cli.ctl import candidates
from jobd.cli.ctl.client import Document
from jobd.cli.ctl.cluster_words import pause_words, run_state, state_words
from jobd.cli.ctl.said import said_section
from jobd.cli.ctl.session import Session, ctl_command
from jobd.cli.ctl.table import facts, section
from jobd.cli.ctl.wording import duration, size, when
from jobd.web.setting_words import drift_words, setting_rows


@ctl_command(
    ("jobd ctl show backup", "which limits hold, and by what"),
    exits=exits.told(exits.NO_INPUT),
)
@click.argument("job", shell_complete=candidates.jobs)
def show(session: Session, job: str) -> None:
    """One job: where it stands, and every effective limit.

    FROM says who set a value: the job, the defaults, the daemon, the node's limits, or
    nobody (built in). ENFORCED BY says what holds it here.
    """
    document = session.client.get("jobs", job)
    session.show(document, lambda: "\n".join(show_lines(document)))


def show_lines(document: Document) -> Iterator[str]:
    """Yield the blocks of a job's page."""
    now = datetime.fromisoformat(document["now"])
    yield facts([pair for pair in _facts(document, now) if pair[1]])
    heads = ("SETTING", "VALUE", "FROM", "ENFORCED BY")
    yield from section("EFFECTIVE SETTINGS", heads, [*setting_rows(document["settings"])])
    if document["enforcement_detail"]:
        yield f"\n{document['enforcement_detail']}"
    yield from section("RUNNING", ("RUN", "NODE", "STATE", "SINCE", "BY"), _runs(document, now))
    yield from said_section(document["active"], now)
    skipped = [(reason, str(n)) for reason, n in (document["skipped_24h"] or {}).items()]
    yield from section("SKIPPED IN 24 HOURS", ("REASON", "TICKS"), skipped)
    yield from section("WHO DID WHAT", ("AT", "WHO", "WHAT", "DETAIL"), _audit(document, now))


def _facts(document: Document, now: datetime) -> Iterator[tuple[str, str]]:
    yield "job", document["job"]
    for key in ("description", "owner", "runbook"):
        yield key, document[key]
    yield "tags", ", ".join(document["tags"])
    yield "defined in", document["defined_in"]
    yield "differs on", drift_words(document["differs_on"])
    yield "command", shlex.join(document["command"] or ())
    yield "state", state_words(document)
    yield "scope", _scope_words(document)
    yield "paused", pause_words(document["pause"], now)
    yield "skip next", pause_words(document["skip_next"], now)
    yield "next", when(document["next_due"], now)
    yield "last run", _last_run_words(document, now)
    yield "last success", when(document["last_success"], now)
    yield "memory peak", size(document["memory_peak_bytes"])
    if document["utilization"] is not None:
        yield "utilization", f"{document['utilization']:.0%} of its interval"
    if document["rest_until"] is not None:
        yield "rests until", when(document["rest_until"], now)


def _scope_words(document: Document) -> str:
    """Return who runs each tick: one node, or every node its own."""
    restricted = f", on {', '.join(document['nodes'])}" if document["nodes"] else ""
    who = "cluster: one node runs each tick" if document["scope"] == "cluster" else "node"
    return f"{who}{restricted}"


def _last_run_words(document: Document, now: datetime) -> str:
    """Return how the last run that is over ended; one that is active has a place of its own."""
    if document["last_ended"] is None:
        return "none has ended yet" if document["last_started"] else "never"
    words = f"ended {when(document['last_ended'], now)}, {document['last_outcome']}"
    took = document["last_duration_s"]
    return words if took is None else f"{words} after {duration(took)}"


def _runs(document: Document, now: datetime) -> list[tuple[str, ...]]:
    return [
        (
            run["run_id"],
            run["node"],
            run_state(run),
            when(run["began_at"], now),
            run["trigger"],
        )
        for run in (*document["active"], *document["elsewhere"])
    ]


def _audit(document: Document, now: datetime) -> list[tuple[str, ...]]:
    return [
        (when(entry["at"], now), entry["by"], entry["action"], entry["detail"])
        for entry in document["audit"] or ()
    ]
