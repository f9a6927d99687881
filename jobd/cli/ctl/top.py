"""``jobd ctl top``: a live view in a terminal; rich is imported here and nowhere else."""

import os
import select
import sys
import termios
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING

import click

from jobd.cli.ctl.client import Client, Document
from jobd.cli.ctl.cluster_words import nodes_words, shared_words
from jobd.cli.ctl.errors import CtlError, printable
from jobd.cli.ctl.session import Session, ctl_command
from jobd.cli.ctl.wording import NOTHING, duration, roughly, when

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

REFRESH_S = 1.0
# The most telling first, as far as the screen goes.
_ORDER = (
    "running",
    "retrying",
    "elsewhere",
    "waiting",
    "paused",
    "scheduled",
    "manual",
    "disabled",
)


@ctl_command
def top(session: Session) -> None:
    """A live view of the node: q or Ctrl-C leaves it."""
    document = _snapshot(session.client)
    if session.as_json:
        session.show(document, str)
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("top needs a terminal; jobd ctl status does not")
    _live(session.client, document)


def _live(client: Client, document: Document) -> None:
    from rich.console import Console
    from rich.live import Live

    console = Console()
    view = Live(console=console, screen=True, auto_refresh=False)
    with suppress(KeyboardInterrupt), _single_keys(), view:
        while True:
            view.update(screen(document, console.height), refresh=True)
            if _is_left(REFRESH_S):
                return
            document = _latest(client, document)


def _snapshot(client: Client) -> Document:
    return {"status": client.get("status"), "jobs": client.get("jobs")["jobs"], "trouble": ""}


def _latest(client: Client, last: Document) -> Document:
    """Return a new snapshot; the last one with the trouble named if there is none to be had."""
    try:
        return _snapshot(client)
    except CtlError as error:
        return {**last, "trouble": error.message}


def screen(document: Document, height: int) -> "Group":
    """Return what fits on a screen of so many lines."""
    from rich.console import Group
    from rich.text import Text

    status = document["status"]
    now = datetime.fromisoformat(status["now"])
    heading = Text(_heading(status, now), style="bold", no_wrap=True, overflow="ellipsis")
    second = Text(_second_line(document, now), no_wrap=True, overflow="ellipsis")
    jobs = sorted(document["jobs"], key=_rank)
    return Group(heading, second, _jobs_table(jobs[: max(height - 6, 1)], now))


def _heading(status: Document, now: datetime) -> str:
    up = roughly((now - datetime.fromisoformat(status["started_at"])).total_seconds())
    running = f"{status['running']}/{status['max_running']} running"
    waiting = f"{status['waiting']} waiting"
    draining = "  DRAINING" if status["draining"] else ""
    counts = f"{running}  {waiting}  {status['paused']} paused{draining}"
    return f"jobd on {printable(status['node'])}  up {up}  {counts}  {now.astimezone():%H:%M:%S}"


def _second_line(document: Document, now: datetime) -> str:
    status = document["status"]
    if document["trouble"]:
        return printable(document["trouble"])
    if not status["ready"]:
        return f"NOT READY: {printable(status['ready_reason'])}"
    if status["store"]["trouble"]:
        return f"STORE: {printable(status['store']['trouble'])}"
    if status["shared"] is not None and not status["shared"]["up"]:
        return f"STORE: {printable(shared_words(status['shared'], now))}"
    skipped = sum(sum(of.values()) for of in (status["skipped_24h"] or {}).values())
    nodes = f", {nodes_words(status['shared'])}" if status["shared"] else ""
    return f"{status['jobs']} jobs{nodes}, {skipped} ticks skipped in 24 hours; q quits"


def _jobs_table(jobs: Sequence[Document], now: datetime) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, expand=True, pad_edge=False)
    table.add_column("JOB", no_wrap=True, overflow="ellipsis", ratio=3)
    table.add_column("STATE", no_wrap=True, width=9)
    table.add_column("FOR / NEXT", no_wrap=True, overflow="ellipsis", ratio=3)
    table.add_column("OUTCOME", no_wrap=True, width=11)
    table.add_column("TOOK", no_wrap=True, justify="right", width=8)
    table.add_column("USE", no_wrap=True, justify="right", width=5)
    for job in jobs:
        cells = (job["job"], job["state"], _time_words(job, now), job["last_outcome"] or NOTHING)
        use = NOTHING if job["utilization"] is None else f"{job['utilization']:.0%}"
        took = duration(job["last_duration_s"])
        table.add_row(*(Text(printable(cell)) for cell in (*cells, took, use)))
    return table


def _time_words(job: Document, now: datetime) -> str:
    if job["active"]:
        run = job["active"][0]
        began = datetime.fromisoformat(run["started_at"] or run["claimed_at"])
        return f"for {roughly((now - began).total_seconds())}"
    if job["elsewhere"]:
        run = job["elsewhere"][0]
        began = datetime.fromisoformat(run["claimed_at"])
        return f"on {run['node']} for {roughly((now - began).total_seconds())}"
    if job["waiting"]:
        return f"held by {job['waiting'][0]['held_by']}"
    return when(job["next_due"], now)


def _rank(job: Document) -> tuple[int, str, str]:
    state = job["state"]
    order = _ORDER.index(state) if state in _ORDER else len(_ORDER)
    return order, job["next_due"] or "", job["job"]


@contextmanager
def _single_keys() -> Iterator[None]:
    """Let keys arrive without Enter, and give the terminal back as it was."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _is_left(within_s: float) -> bool:
    """Return whether q was pressed, or the terminal closed, within so many seconds."""
    ready, _, _ = select.select([sys.stdin], [], [], within_s)
    if not ready:
        return False
    keys = os.read(sys.stdin.fileno(), 64)
    return not keys or b"q" in keys.lower()
