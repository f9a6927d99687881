"""Screen: what ``jobd ctl top`` draws, for a terminal of any size; rich is imported here only.

The daemon says which jobs come first, as on its pages. What somebody should look at is marked by
a "!" as well: not every terminal has colours, nor every eye.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from jobd.cli.ctl.client import Document
from jobd.cli.ctl.cluster_words import nodes_words, shared_words
from jobd.cli.ctl.errors import printable
from jobd.cli.ctl.table import shortened
from jobd.cli.ctl.wording import NOTHING, duration, how_far, roughly

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the jobs: ``width`` in characters, 0 for what is left; those of a higher
    ``rank`` give way first where the terminal is narrow."""

    head: str
    width: int
    rank: int
    is_number: bool = False


ABOVE = 3  # lines: the node, what ails it, the heads of the columns
BAR = 5  # cells of the bar that shows how much of its interval a job uses
NARROWEST_NAME = 12
_COLUMNS = (
    Column("", 1, 0),
    Column("JOB", 0, 0),
    Column("STATE", 9, 1),
    Column("FOR / NEXT", 14, 2),
    Column("LAST", 11, 3),
    Column("TOOK", 7, 6, is_number=True),
    Column("USE", BAR + 5, 4, is_number=True),
    Column("SKIPS", 5, 5, is_number=True),
)
_FINE = ("success", "canceled", None)
_MUCH, _TOO_MUCH = 0.8, 1.0  # of an interval
_PRESSING = ("bad", "warn")  # levels of attention that get a "!"


def screen(document: Document, height: int, width: int) -> "Group":
    """Return what fits on a screen of so many lines and columns."""
    from rich.console import Group
    from rich.text import Text

    status = document["status"]
    now, skips = datetime.fromisoformat(status["now"]), status["skipped_24h"] or {}
    jobs, room = document["jobs"], max(height - ABOVE, 1)
    shown = jobs if document["total"] <= room else jobs[: max(room - 1, 1)]
    parts = [_line(_heading(status, now), "bold"), _second_line(document, now)]
    rest = document["total"] - len(shown)
    more = [Text(f"… and {rest:,} more: jobd ctl jobs", style="dim")] if rest else []
    return Group(*parts, _jobs_table(shown, skips, now, width), *more)


def _line(words: str, style: str) -> "Text":
    from rich.text import Text

    return Text(printable(words), style=style, no_wrap=True, overflow="ellipsis")


def _heading(status: Document, now: datetime) -> str:
    up = roughly((now - datetime.fromisoformat(status["started_at"])).total_seconds())
    running = f"{status['running']}/{status['max_running']} running"
    waiting = f"{status['waiting']} waiting"
    draining = "  DRAINING" if status["draining"] else ""
    counts = f"{running}  {waiting}  {status['paused']} paused{draining}"
    return f"{now.astimezone():%H:%M:%S}  {status['node']}  up {up}  {counts}"


def _second_line(document: Document, now: datetime) -> "Text":
    """Return what is wrong, in red; or what there is besides, if nothing is."""
    status, trouble = document["status"], _trouble(document, now)
    if trouble:
        return _line(trouble, "bold red")
    skipped = sum(sum(of.values()) for of in (status["skipped_24h"] or {}).values())
    nodes = f", {nodes_words(status['shared'])}" if status["shared"] else ""
    return _line(f"{status['jobs']} jobs{nodes}, {skipped} ticks skipped in 24 hours; q quits", "")


def _trouble(document: Document, now: datetime) -> str:
    status = document["status"]
    if document["trouble"]:
        return f"AS OF {now.astimezone():%H:%M:%S}: {document['trouble']}"
    if not status["ready"]:
        return f"NOT READY: {status['ready_reason']}"
    if status["store"]["trouble"]:
        return f"STORE: {status['store']['trouble']}"
    if status["shared"] is not None and not status["shared"]["up"]:
        return f"STORE: {shared_words(status['shared'], now)}"
    return f"HOLDING: {status['pressure']}" if status["pressure"] else ""


def _jobs_table(
    jobs: Sequence[Document], skips: Mapping[str, Document], now: datetime, width: int
) -> "Table":
    from rich.table import Table

    columns = _columns(width)
    name_width = max(width - sum(column.width + 1 for column in columns), NARROWEST_NAME)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        justify: Literal["left", "right"] = "right" if column.is_number else "left"
        table.add_column(
            column.head, no_wrap=True, overflow="ellipsis", justify=justify,
            width=column.width or name_width,
        )  # fmt: skip
    for job in jobs:
        cells = _cells(job, sum(skips.get(job["job"], {}).values()), now, name_width)
        table.add_row(*(cells[column.head] for column in columns))
    return table


def _columns(width: int) -> list[Column]:
    """Return the columns for which there is room: the last ones give way first."""
    room = width - NARROWEST_NAME
    kept = set()
    for column in sorted(_COLUMNS, key=lambda column: column.rank):
        room -= column.width + 1
        if room >= 0 or column.rank == 0:
            kept.add(column.head)
    return [column for column in _COLUMNS if column.head in kept]


def _cells(job: Document, skipped: int, now: datetime, name_width: int) -> "Mapping[str, Text]":
    outcome, use = job["last_outcome"], job["utilization"]
    failed = "red" if outcome not in _FINE else ""
    much = "yellow" if (use or 0) >= _MUCH else ""
    return {
        "": _line("!" if _is_pressing(job) else "", "bold red"),
        "JOB": _line(shortened(printable(job["job"]), name_width), ""),
        "STATE": _line(job["state"], "bold" if job["active"] else ""),
        "FOR / NEXT": _line(_time_words(job, now), ""),
        "LAST": _line(outcome or NOTHING, failed),
        "TOOK": _line(duration(job["last_duration_s"]), ""),
        "USE": _line(_use(use), "red" if (use or 0) >= _TOO_MUCH else much),
        "SKIPS": _line(f"{skipped:,}" if skipped else NOTHING, "yellow" if skipped else ""),
    }


def _use(use: float | None) -> str:
    """Return how much of its interval a job takes: a bar, and in percent."""
    if use is None:
        return NOTHING
    full = min(round(use * BAR), BAR)
    percent = f"{use:.0%}" if use < 9.995 else ">10x"
    return f"{'#' * full}{'.' * (BAR - full)} {percent:>4}"


def _time_words(job: Document, now: datetime) -> str:
    runs, where = job["active"], ""
    if not runs and job["elsewhere"]:
        runs = job["elsewhere"]
        where = f"{runs[0]['node']} "  # that it is elsewhere is its state
    if runs:
        began = datetime.fromisoformat(runs[0]["began_at"])
        return f"{where}for {roughly((now - began).total_seconds())}"
    if job["waiting"]:
        return f"held by {job['waiting'][0]['held_by']}"
    return how_far(job["next_due"], now)


def _is_pressing(job: Document) -> bool:
    return any(worry["level"] in _PRESSING for worry in job["attention"])
