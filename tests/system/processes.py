"""Processes: who is alive, asked of the kernel; and conditions that are waited for."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
PAUSE_S = 0.02
WITHIN_S = 60.0  # for what is to come: a bound costs time only where a test fails


def eventually(
    ask: Callable[[], T], what: str | Callable[[], object], within_s: float = WITHIN_S
) -> T:
    """Return the first answer that is true; fail with ``what`` if none comes in time."""
    until_s = time.monotonic() + within_s
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > until_s:
            words = what if isinstance(what, str) else what()
            raise AssertionError(f"within {within_s:g} s not {words}")
        time.sleep(PAUSE_S)  # between two questions, until ``within_s`` is over


def is_alive(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def all_gone(pids: list[int]) -> bool:
    """Return whether none of the processes is alive."""
    return not any(is_alive(pid) for pid in pids)


def command_line(pid: int) -> bytes:
    """Return the words of a process, with a NUL behind each; none if it is gone."""
    return _read(Path(f"/proc/{pid}/cmdline"))


def processes_with(words: str) -> list[int]:
    """Return the processes whose command line or environment contains the words."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        if is_alive(int(entry.name)) and words.encode() in _words_of(entry):
            found.append(int(entry.name))
    return found


def _words_of(entry: Path) -> bytes:
    return _read(entry / "cmdline") + _read(entry / "environ")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""  # gone, or none of ours
