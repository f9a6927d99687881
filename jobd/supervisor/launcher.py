"""Launcher: how a daemon starts a supervisor of its own, and sees to its end."""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import jobd
from jobd.errors import SupervisorError

_LOG_MAX_BYTES = 1 << 20
_END_PATIENCE_S = 5.0
_PAUSE_S = 0.01


class Launcher:
    """Starts supervisors, detached from this process's terminal and session."""

    def __init__(self, state_dir: Path, options: Sequence[str]) -> None:
        self._log = state_dir / "supervisor.log"
        self._arguments = ["--state-dir", str(state_dir), *options]
        self._pid: int | None = None

    async def start(self, patience_s: float) -> str:
        """Start one; return "ready", or why it gave up in its own words.

        :class:`SupervisorError` when it does neither in time.
        """
        await self.reap()
        ours, theirs = os.pipe2(os.O_CLOEXEC)
        try:
            self._pid = self._spawn(theirs)
        except OSError as error:
            os.close(ours)
            raise SupervisorError(f"the supervisor cannot be started: {error}") from error
        finally:
            os.close(theirs)
        try:
            async with asyncio.timeout(patience_s):
                word = await _read_to_end(ours)
        except TimeoutError:
            raise SupervisorError(
                f"the supervisor (pid {self._pid}) was not ready within {patience_s:.0f} s; "
                f"see {self._log}"
            ) from None
        return word.strip() or f"it died at once; see {self._log}"

    async def reap(self) -> None:
        """Collect the one that we started, if it has ended or is about to."""
        if self._pid is None:
            return
        tries = int(_END_PATIENCE_S / _PAUSE_S)
        for _ in range(tries):
            if os.waitpid(self._pid, os.WNOHANG)[0]:  # noqa: ASYNC222 - WNOHANG: never blocks
                break
            await asyncio.sleep(_PAUSE_S)  # between two looks, for _END_PATIENCE_S in all
        else:
            return
        self._pid = None

    def _spawn(self, stdout: int) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        log = os.open(self._log, flags, 0o600)
        try:
            if os.fstat(log).st_size > _LOG_MAX_BYTES:
                os.ftruncate(log, 0)
            return os.posix_spawn(
                sys.executable,
                # -S: what site-packages would load at start costs more than the supervisor.
                [sys.executable, "-S", "-m", "jobd.supervisor", *self._arguments],
                {
                    "PATH": os.environ.get("PATH", os.defpath),
                    "PYTHONPATH": str(Path(jobd.__file__).parents[1]),
                    "PYTHONUTF8": "1",
                },
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, stdout, 1),
                    (os.POSIX_SPAWN_DUP2, log, 2),
                ],
                setsid=True,
                setsigmask=(),
            )
        finally:
            os.close(log)


async def _read_to_end(fd: int) -> str:
    """Return what comes out of a pipe until its other end is closed; closes this one."""
    loop = asyncio.get_running_loop()
    data = bytearray()
    os.set_blocking(fd, False)
    done = loop.create_future()

    def take() -> None:
        part = os.read(fd, 4096)
        data.extend(part)
        if not part and not done.done():
            done.set_result(None)

    loop.add_reader(fd, take)
    try:
        await done
    finally:
        loop.remove_reader(fd)
        os.close(fd)
    return data.decode(errors="replace")
