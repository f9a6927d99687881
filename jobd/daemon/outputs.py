"""Outputs: where the output of each attempt is kept, how it is read, searched and removed."""

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from anyio import to_thread

from jobd.daemon.searches import Finding, Searches
from jobd.supervisor.output import read_slice
from jobd.telemetry.logs import get_log
from jobd.web.node import OutputSlice


class Outputs:
    """Names and reads output files below the state directory."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / "output"
        self._searches = Searches()

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

    async def search(self, run_id: str, attempt: int, pattern: str) -> Finding:
        """Tell whether a line of the output that is kept matches the pattern anywhere."""
        return await self._searches.find(self.path(run_id, attempt), pattern)

    async def remove(self, run_ids: Iterable[str]) -> None:
        """Delete the output of runs, all attempts of each; what cannot be deleted is told."""
        by_folder = defaultdict(set)
        for run_id in run_ids:
            by_folder[self.path(run_id, 1).parent].add(run_id)
        for folder, doomed in by_folder.items():
            try:
                await to_thread.run_sync(_remove, folder, doomed)
            except OSError as error:
                get_log().error("output not deleted", folder=str(folder), error=str(error))


def _read(path: Path, offset: int, limit: int) -> OutputSlice:
    try:
        return OutputSlice(*read_slice(str(path), offset, limit))
    except FileNotFoundError:
        return OutputSlice(b"", offset)


def _remove(folder: Path, doomed: set[str]) -> None:
    """Look at the folder once, however many runs are to go."""
    for name in os.listdir(folder) if folder.is_dir() else ():
        if name.partition(".")[0] in doomed:
            (folder / name).unlink(missing_ok=True)
