"""Outputs: where the output of each attempt is kept, how it is read, searched and removed."""

import re
from collections.abc import Iterable
from pathlib import Path

from anyio import to_thread

from jobd.ports import OutputSlice
from jobd.supervisor.output import read_slice

LONGEST_LINE = 4096  # a pattern sees at most so much of a line: bounded work for any output


class Outputs:
    """Names and reads output files below the state directory."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / "output"

    def path(self, run_id: str, attempt: int) -> Path:
        """Return the file that keeps what one attempt wrote; it is made at its first byte.

        Spread over folders by the first two digits of the run id: a flat folder with a
        month's runs of a busy node is slow to list and to delete from.
        """
        return self._folder / run_id[:2] / f"{run_id}.{attempt}"

    async def read(self, run_id: str, attempt: int, offset: int, limit: int) -> OutputSlice:
        """Return what an attempt wrote from ``offset`` on; empty when it wrote nothing (yet)."""
        path = self.path(run_id, attempt)
        return await to_thread.run_sync(_read, path, offset, limit)

    async def has_match(self, run_id: str, attempt: int, pattern: str) -> bool:
        """Tell whether a line of the output that is kept matches the pattern anywhere."""
        path = self.path(run_id, attempt)
        return await to_thread.run_sync(_search, path, re.compile(pattern))

    async def remove(self, run_ids: Iterable[str]) -> None:
        """Delete the output of runs, all attempts of each."""
        await to_thread.run_sync(self._remove, list(run_ids))

    def _remove(self, run_ids: Iterable[str]) -> None:
        for run_id in run_ids:
            for path in (self._folder / run_id[:2]).glob(f"{run_id}.*"):
                path.unlink(missing_ok=True)


def _read(path: Path, offset: int, limit: int) -> OutputSlice:
    try:
        return OutputSlice(*read_slice(str(path), offset, limit))
    except FileNotFoundError:
        return OutputSlice(b"", offset)


def _search(path: Path, pattern: re.Pattern[str]) -> bool:
    rest, offset = b"", 0
    while (piece := _read(path, offset, 1 << 16)).data:
        *lines, rest = (rest + piece.data).split(b"\n")
        rest = rest[:LONGEST_LINE]
        if any(_matches(line, pattern) for line in lines):
            return True
        offset = piece.next_offset
    return _matches(rest, pattern)


def _matches(line: bytes, pattern: re.Pattern[str]) -> bool:
    return pattern.search(line[:LONGEST_LINE].decode(errors="replace")) is not None
