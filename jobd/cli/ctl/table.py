"""Aligned plain tables: cut to the terminal's width, never when piped."""

import shutil
import sys
import textwrap
from collections.abc import Sequence

from jobd.cli.ctl.errors import printable

GAP = "  "
NARROWEST = 20  # in characters, where the names leave nothing of the terminal


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    narrowest: int | None = None,
    is_whole: bool = False,
) -> str:
    """Return rows under their heads, every column as wide as it needs to be. ``narrowest``: on a
    terminal that has no room for all, the first column gives way, down to so many characters.
    ``is_whole``: nothing is cut, whatever the terminal."""
    cells = [list(heads), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    columns = _columns()
    if columns is not None and narrowest is not None:
        others = sum(widths[1:]) + len(GAP) * (len(widths) - 1)
        widths[0] = min(widths[0], max(columns - others, narrowest))
    lines = (_line(row, widths) for row in cells)
    return "\n".join(line if is_whole else fitted(line) for line in lines)


def fitting(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    brief_heads: Sequence[str],
    brief_rows: Sequence[Sequence[str]],
    *,
    narrowest: int,
) -> str:
    """Return rows in full where the terminal has room for them, or nobody looks at one; else in
    brief, the first column giving way as in :func:`table`."""
    columns, full = _columns(), table(heads, rows, is_whole=True)
    if columns is None or max(map(len, full.splitlines())) <= columns:
        return full
    return table(brief_heads, brief_rows, narrowest=narrowest)


def section(
    title: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    narrowest: int | None = None,
) -> list[str]:
    """Return a table under a title, or nothing when there are no rows."""
    return ["", title, table(heads, rows, narrowest=narrowest)] if rows else []


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Return names and values in two columns; a value goes on below where the terminal ends,
    for what is said last, as why a store is down, is what somebody looks for."""
    width = max(len(name) for name, _ in pairs)
    return "\n".join(_fact(f"{name:<{width}}{GAP}", printable(value)) for name, value in pairs)


def fitted(line: str) -> str:
    """Return the line, cut where the terminal ends; whole when nobody looks at a terminal."""
    columns = _columns()
    return line if columns is None or len(line) <= columns else line[: columns - 1] + "…"


def _fact(name: str, value: str) -> str:
    columns = _columns()
    if columns is None:
        return name + value
    width = max(columns - len(name), NARROWEST)
    lines = [textwrap.wrap(line, width, break_on_hyphens=False) for line in value.split("\n")]
    return name + f"\n{' ' * len(name)}".join(line for wrapped in lines for line in wrapped)


def _columns() -> int | None:
    """Return how wide the terminal is; None when nobody looks at one."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [shortened(cell, width) for cell, width in zip(row, widths, strict=True)]
    return GAP.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def shortened(name: str, width: int) -> str:
    """Return a name with its middle cut out: names are alike at either end, seldom at both."""
    if len(name) <= width:
        return name
    behind = (width - 1) // 2
    return f"{name[: width - 1 - behind]}…{name[len(name) - behind :]}"
