"""Outputs: where the output of each attempt is kept, how it is read, searched and removed."""

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from anyio import to_thread

from jobd.daemon.searches import Finding, Searches
from jobd.supervisor.output import read_slice
from jobd.telemetry.logs import get_log
from jobd.web.node import OutputSlice

_FILE = re.compile(r"(.+)\.[0-9]+", re.ASCII)  # run id and attempt
_NO_FILE_NAME = re.compile(r"[^0-9A-Za-z_-]")
_LONGEST_NAME = 200


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
        name = as_file_name(run_id)
        return self._folder / name[:2] / f"{name}.{attempt}"

    async def read(self, run_id: str, attempt: int, offset: int, limit: int) -> OutputSlice:
        """Return what an attempt wrote from ``offset`` on; empty when it wrote nothing (yet)."""
        path = self.path(run_id, attempt)
        return await to_thread.run_sync(_read, path, offset, limit)

    async def has(self, run_id: str, attempt: int) -> bool:
        """Tell whether what an attempt wrote is kept on this node."""
        return await to_thread.run_sync(self.path(run_id, attempt).exists)

    async def search(self, run_id: str, attempt: int, pattern: str) -> Finding:
        """Tell whether a line of the output that is kept matches the pattern anywhere."""
        return await self._searches.find(self.path(run_id, attempt), pattern)

    async def untouched_since(self, instant: datetime) -> set[str]:
        """Return the runs of whose output files one was last written to before ``instant``."""
        found: set[str] = set()
        try:  # folder by folder: a month's files would keep a thread busy for seconds
            for folder in await to_thread.run_sync(_folders, self._folder):
                found |= await to_thread.run_sync(_old_runs, folder, instant.timestamp())
        except OSError as error:
            get_log().error("output not looked through", error=str(error))
        return found

    async def remove(self, run_ids: Iterable[str]) -> None:
        """Delete the output of runs, all attempts of each; what cannot be deleted is told."""
        # An hour of a busy node is a hundred thousand of them: no claim waits for so many.
        by_folder = await to_thread.run_sync(self._by_folder, run_ids)
        for folder, doomed in by_folder.items():
            try:
                await to_thread.run_sync(_remove, folder, doomed)
            except OSError as error:
                get_log().error("output not deleted", folder=str(folder), error=str(error))

    def _by_folder(self, run_ids: Iterable[str]) -> Mapping[Path, set[str]]:
        by_folder = defaultdict[Path, set[str]](set)
        for run_id in run_ids:
            by_folder[self.path(run_id, 1).parent].add(run_id)
        return by_folder


def as_file_name(run_id: str) -> str:
    """Return a run's id as a file name. Ids are ours, and this changes none of them; but one
    that comes out of a shared database may say anything, and must not lead out of a folder."""
    return _NO_FILE_NAME.sub("_", run_id)[:_LONGEST_NAME]


def _read(path: Path, offset: int, limit: int) -> OutputSlice:
    try:
        return OutputSlice(*read_slice(str(path), offset, limit))
    except FileNotFoundError:
        return OutputSlice(b"", offset)


def _folders(root: Path) -> list[str]:
    if not root.is_dir():
        return []
    with os.scandir(root) as entries:
        return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]


def _old_runs(folder: str, before_s: float) -> set[str]:
    with os.scandir(folder) as entries:
        return {
            match[1]
            for entry in entries
            if (match := _FILE.fullmatch(entry.name)) and _is_older(entry, before_s)
        }


def _is_older(entry: "os.DirEntry[str]", instant_s: float) -> bool:
    try:
        return entry.stat(follow_symlinks=False).st_mtime < instant_s
    except FileNotFoundError:
        return False


def _remove(folder: Path, doomed: set[str]) -> None:
    """Look at the folder once, however many runs are to go."""
    for name in os.listdir(folder) if folder.is_dir() else ():
        if name.partition(".")[0] in doomed:
            (folder / name).unlink(missing_ok=True)
