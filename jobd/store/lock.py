"""Lock: one daemon per state directory, and the second is told who the first one is.

flock(2), not a file that exists: the kernel lets go of it when its holder dies, however it
died, so there is no stale lock to remove by hand.
"""

import fcntl
import os
import stat
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from jobd.errors import StateError

LOCK_FILE = "lock"


class StateLock:
    """The right to use a state directory; held from :meth:`take` to :meth:`release`."""

    def __init__(self, state_dir: Path, node: str) -> None:
        self._state_dir = state_dir
        self._node = node
        self._fd: int | None = None

    def take(self) -> None:
        """Make the directory if need be and take its lock; ``StateError`` says why not."""
        _make(self._state_dir)
        _check_owner(self._state_dir)
        fd = self._open()
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, 1000, 0).decode(errors="replace")
            os.close(fd)
            raise StateError(_held(self._state_dir, holder)) from None
        self._fd = fd
        self._sign(fd)

    def release(self) -> None:
        """Let go of the directory; safe to call twice."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _open(self) -> int:
        path = self._state_dir / LOCK_FILE
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StateError(_unusable(self._state_dir, error)) from error

    def _sign(self, fd: int) -> None:
        """Write who holds the lock, for people; a full disk must not keep us from holding it."""
        with suppress(OSError):
            os.ftruncate(fd, 0)
            os.utime(fd)  # the kernel stamps the file, so that nobody here reads a clock
            since = datetime.fromtimestamp(os.fstat(fd).st_mtime, UTC)
            line = f"{self._node} {os.getpid()} {since:%Y-%m-%dT%H:%M:%SZ}\n"
            os.pwrite(fd, line.encode(), 0)


def _make(state_dir: Path) -> None:
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(_unusable(state_dir, error)) from error


def _check_owner(state_dir: Path) -> None:
    """Refuse a directory that somebody else made, or may write to: he could put a socket of
    his own in the supervisor's place, and a file of his where root appends to one."""
    try:
        seen = os.stat(state_dir)
    except OSError as error:
        raise StateError(_unusable(state_dir, error)) from error
    if seen.st_uid not in (0, os.geteuid()):
        words = f"belongs to user {seen.st_uid}; chown it, or name another daemon.state_dir"
        raise StateError(f"state directory {state_dir} {words}")
    if seen.st_mode & stat.S_IWOTH:
        words = "may be written by anyone; chmod o-w it, or name a folder in it"
        raise StateError(f"state directory {state_dir} {words}")


def _held(state_dir: Path, holder: str) -> str:
    words = holder.rsplit(maxsplit=2)
    who = "another jobd"
    if len(words) == 3:
        who = f"jobd on {words[0]}, pid {words[1]}, since {words[2]}"
    mend = "stop it or give this one its own daemon.state_dir"
    return f"state directory {state_dir} is held by {who}; {mend}"


def _unusable(state_dir: Path, error: OSError) -> str:
    mend = "give daemon.state_dir a directory that the daemon's user may write to"
    if isinstance(error, FileExistsError | NotADirectoryError):
        return f"state directory {state_dir} is no directory; {mend}"
    return f"state directory {state_dir} cannot be used ({error.strerror}); {mend}"
