"""Leftovers: what a demo that was killed has left running. Known by its folders, ended by pid.

Only a demo starts daemons, supervisors and servers there, and who looks holds its lock. What
they have started (jobs, PostgreSQL's other processes) ends with them.
"""

import fcntl
import os
import shutil
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

END_WITHIN_S = 10.0
_SERVER = "postgres"
OPTIONS = ("-c", "--state-dir", "-D")  # before the path, of each of the three


class Held(Exception):
    """Another one runs in this folder; the message says so."""


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold the lock of the file's folder; Held, in words, when another one of ``what`` does."""
    with path.open("w", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Held(f"{what} runs already, in {path.parent}; end it with Ctrl-C") from None
        yield


def note_server(state: Path, server: Path) -> None:
    """Note where the PostgreSQL of a demo lies, for the one after it."""
    (state / _SERVER).write_text(str(server), encoding="utf-8")


def begin_anew(state: Path, names: Iterable[str]) -> None:
    """End and remove what an earlier demo has left: its server, and these folders of ``state``."""
    state = state.absolute()
    noted = state / _SERVER
    server = noted.read_text(encoding="utf-8") if noted.exists() else ""
    servers = [Path(server)] if "jobd-pg-" in server else []
    end_leftovers(state, *servers)
    for folder in (*servers, *(state / name for name in names)):
        shutil.rmtree(folder, ignore_errors=True)


def end_leftovers(*folders: Path) -> None:
    """Kill every process that was started with a path in one of the folders."""
    marks = [f"\0{option}\0{folder}/".encode() for option in OPTIONS for folder in folders]
    until_s = time.monotonic() + END_WITHIN_S
    while (pids := _processes(marks)) and time.monotonic() < until_s:
        for pid in pids:
            _kill(pid)
        time.sleep(0.1)  # the killed take a moment to go; END_WITHIN_S bounds it


def _processes(marks: list[bytes]) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes()
        except OSError:  # gone, or none of ours
            continue
        if any(mark in words for mark in marks):
            found.append(int(entry.name))
    return found


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
