"""Reserve: a little room on the disk that is ours, so that a daemon can start on a full one.

SQLite needs 32 KiB of shared memory in a file before it can read anything. Without them a
machine that boots with a full disk would run no job at all; so a file keeps that room, and
gives it up for an opening that fails for want of it.
"""

import os
from contextlib import suppress
from pathlib import Path

_SIZE_BYTES = 64 << 10


def keep(path: Path) -> None:
    """Have the room at ``path``; on a disk that is full already, do without."""
    try:
        if not path.exists() or path.stat().st_size < _SIZE_BYTES:
            _write(path, os.urandom(_SIZE_BYTES))  # a file of zeros may take no room
    except OSError:
        give_up(path)


def _write(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    with open(os.open(path, flags, 0o600), "wb") as file:
        file.write(data)


def give_up(path: Path) -> bool:
    """Free the room; return whether there was any."""
    with suppress(OSError):
        path.unlink()
        return True
    return False
