"""Searches: failure_pattern is looked for in a process of its own, within a bound.

A regular expression may take longer than anybody lives (``(a+)+$`` on a line of ``a``), and
while ``re`` is at it no other thread of its interpreter runs and nothing can break it off: in
the daemon's own process it would hold up every schedule. A process can be killed.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import anyio
from anyio.abc import Process

import jobd

AT_ONCE = 2
PATIENCE_S = 5.0  # for one output; and, as there may be a gigabyte of it,
BYTES_PER_S = 4 << 20  # a second more for each so many: a sane pattern is ten times faster
START_PATIENCE_S = 60.0  # for a process to be there: a machine full of work starts it late
_END_PATIENCE_S = 1.0


class Finding(NamedTuple):
    """Whether a pattern matched; ``trouble`` says why it could not be told, and is no match."""

    matched: bool
    trouble: str = ""


class Searches:
    """Searches one output at a time in each of a few processes, which live no longer than
    there is something to search: a herd shares them, and a node at rest has none."""

    def __init__(self) -> None:
        self._room = anyio.Semaphore(AT_ONCE)
        self._idle: list[Process] = []
        self._users = 0

    async def find(self, path: Path, pattern: str) -> Finding:
        """Look for a line that the pattern matches anywhere, in bounded time."""
        self._users += 1
        try:
            async with self._room:
                return await self._find(path, pattern)
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return Finding(False, "the process of the search died")
        except TimeoutError:
            return Finding(False, f"its process was not there within {START_PATIENCE_S:.0f} s")
        except OSError as error:
            return Finding(False, f"no process for the search: {error.strerror}")
        finally:
            self._users -= 1
            while self._idle and not self._users:
                await _end(self._idle.pop())

    async def _find(self, path: Path, pattern: str) -> Finding:
        process = self._idle.pop() if self._idle else await _start()
        bound_s = PATIENCE_S + _size_bytes(path) / BYTES_PER_S
        is_well = False
        try:
            with anyio.fail_after(bound_s):
                answer = await _ask(process, path, pattern)
            is_well = True
        except TimeoutError:
            return Finding(False, f"it gave up after {bound_s:.0f} s")
        finally:
            if is_well:
                self._idle.append(process)
            else:
                await _end(process)
        return Finding(answer) if isinstance(answer, bool) else Finding(False, answer)


async def _start() -> Process:
    """Return a process that reads: until then there is no pattern to blame for the time."""
    process = await anyio.open_process(
        # -S: what site-packages would load at start costs more than the searcher.
        [sys.executable, "-S", "-m", "jobd.daemon.searcher"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None,
        env={"PYTHONPATH": str(Path(jobd.__file__).parents[1]), "PYTHONUTF8": "1"},
    )
    try:
        with anyio.fail_after(START_PATIENCE_S):
            await _answer(process)
    except BaseException:
        await _end(process)
        raise
    return process


async def _ask(process: Process, path: Path, pattern: str) -> bool | str:
    assert process.stdin is not None, "it was started with pipes"
    await process.stdin.send(json.dumps([str(path), pattern]).encode() + b"\n")
    return await _answer(process)


async def _answer(process: Process) -> bool | str:
    """Return what its next line says."""
    assert process.stdout is not None, "it was started with pipes"
    line = b""
    while not line.endswith(b"\n"):
        line += await process.stdout.receive()
    answer: bool | str = json.loads(line)
    return answer


async def _end(process: Process) -> None:
    """Kill it, whatever it is at; one that hangs in the kernel (a dead disk) is left to init."""
    with anyio.move_on_after(_END_PATIENCE_S, shield=True):
        if process.returncode is None:
            process.kill()
        await process.aclose()


def _size_bytes(path: Path) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0  # the search will tell
