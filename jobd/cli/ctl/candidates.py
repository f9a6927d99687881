"""Candidates: what may stand where the shell asks, as the daemon knows it.

Whoever presses the tab key waits: the daemon has a second, and where it is away, closed or of
another version, nothing is offered and nothing is said.
"""

from collections.abc import Callable, Iterator

import click
from click.shell_completion import CompletionItem

from jobd.cli.ctl.client import Client, Document
from jobd.cli.ctl.errors import CtlError
from jobd.cli.ctl.session import NOT_UNDERSTOOD, SessionOptions, find_socket

PATIENCE_S = 1.0
RUNS = 50

Items = list[CompletionItem]


def jobs(context: click.Context, parameter: click.Parameter, begun: str) -> Items:
    """Return the names of jobs."""
    return _offered(lambda client: _jobs(client, begun), context, begun)


def runs_and_jobs(context: click.Context, parameter: click.Parameter, begun: str) -> Items:
    """Return the names of jobs, and the ids of the latest runs."""
    return jobs(context, parameter, begun) + _offered(_runs, context, begun)


def active_runs_and_jobs(context: click.Context, parameter: click.Parameter, begun: str) -> Items:
    """Return what can be canceled: runs that are active, and jobs that have one."""
    return _offered(_active, context, begun)


def nodes(context: click.Context, parameter: click.Parameter, begun: str) -> Items:
    """Return the names of nodes."""
    return _offered(_nodes, context, begun)


def _offered(
    ask: Callable[[Client], Iterator[CompletionItem]], context: click.Context, begun: str
) -> Items:
    try:
        client = Client(find_socket(_options(context)), timeout_s=PATIENCE_S)
        return [item for item in ask(client) if item.value.startswith(begun)]
    except (CtlError, *NOT_UNDERSTOOD):
        return []


def _options(context: click.Context) -> SessionOptions:
    """Return which daemon is meant, by this command's options and those before it."""
    options = SessionOptions()
    level: click.Context | None = context
    while level is not None:
        given = SessionOptions(level.params.get("socket"), level.params.get("config"))
        options, level = options.or_else(given), level.parent
    return options


def _jobs(client: Client, begun: str) -> Iterator[CompletionItem]:
    for job in client.get("names", begins=begun)["jobs"]:
        yield CompletionItem(job["job"], help=job["schedule"] or "manual")


def _runs(client: Client) -> Iterator[CompletionItem]:
    for run in client.get("runs", limit=RUNS)["runs"]:
        yield _run_item(run)


def _active(client: Client) -> Iterator[CompletionItem]:
    status = client.get("status")
    active = [*status["active_runs"], *status["active_elsewhere"]]
    for job in dict.fromkeys(run["job"] for run in active):
        yield CompletionItem(job, help="all its active runs")
    for run in active:
        yield _run_item(run)


def _nodes(client: Client) -> Iterator[CompletionItem]:
    for node in client.get("nodes")["nodes"]:
        yield CompletionItem(node["node"])


def _run_item(run: Document) -> CompletionItem:
    return CompletionItem(run["run_id"], help=f"{run['job']} {run.get('outcome') or 'active'}")
