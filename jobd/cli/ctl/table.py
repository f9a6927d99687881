"""Aligned plain tables: cut to the terminal's width, never when piped."""

import shutil
import sys
import textwrap
from collections.abc import Sequence

from jobd.cli.ctl.errors import printable

GAP = "  "
NARROWEST = 20  # in characters, where the names leave nothing of the terminal


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows under their heads, every column as wide as it needs to be."""
    cells = [list(heads), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    return "\n".join(fitted(_line(row, widths)) for row in cells)


def section(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table under a title, or nothing when there are no rows."""
    return ["", title, table(heads, rows)] if rows else []


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Return names and values in two columns; a value goes on below where the terminal ends,
    for what is said last, as why a store is down, is what somebody looks for."""
    width = max(len(name) for name, _ in pairs)
    return "\n".join(_fact(f"{name:<{width}}{GAP}", printable(value)) for name, value in pairs)


def fitted(line: str) -> str:
    """Return the line, cut where the terminal ends; whole when nobody looks at a terminal."""
    if not sys.stdout.isatty():
        return line
    width = shutil.get_terminal_size().columns
    return line if len(line) <= width else line[: width - 1] + "…"


def _fact(name: str, value: str) -> str:
    if not sys.stdout.isatty():
        return name + value
    width = max(shutil.get_terminal_size().columns - len(name), NARROWEST)
    lines = [textwrap.wrap(line, width, break_on_hyphens=False) for line in value.split("\n")]
    return name + f"\n{' ' * len(name)}".join(line for wrapped in lines for line in wrapped)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
