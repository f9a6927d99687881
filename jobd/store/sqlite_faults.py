"""Faults: what an error of SQLite means for us, in words and by whose fault it is."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobd.errors import StateError, StoreUnavailable

# The world refuses, and may change its mind: what was decided goes on from memory.
_WORLD = {
    sqlite3.SQLITE_FULL: "disk full",
    sqlite3.SQLITE_IOERR: "disk error",
    sqlite3.SQLITE_READONLY: "file system read-only",
    sqlite3.SQLITE_CANTOPEN: "database cannot be opened",
    sqlite3.SQLITE_BUSY: "database locked by another program",
    sqlite3.SQLITE_LOCKED: "database locked by another program",
    sqlite3.SQLITE_PROTOCOL: "database locked by another program",
    sqlite3.SQLITE_NOMEM: "out of memory",
    sqlite3.SQLITE_INTERRUPT: "interrupted, as the store is being closed",
}
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_PRIMARY = 0xFF  # an extended code has the primary one in its lowest byte


def outage(error: sqlite3.Error) -> str | None:
    """Return in words what the world refuses, or None when it is no fault of the world's."""
    return _WORLD.get(_code(error))


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file is not, or no longer, a sound database."""
    return _code(error) in _DAMAGE


@contextmanager
def explaining(path: Path) -> Iterator[None]:
    """Raise what SQLite says as what it means for us."""
    try:
        yield
    except sqlite3.Error as error:
        raise _explained(error, path) from error


def _explained(error: sqlite3.Error, path: Path) -> Exception:
    """Return the error to raise instead; what neither world nor file is to blame for is ours."""
    words = outage(error)
    if words is not None:
        return StoreUnavailable(f"{path}: {words} ({error})")
    if is_damage(error):
        return damaged(path, str(error))
    return AssertionError(f"{path}: the store broke a rule of its own ({error})")


def damaged(path: Path, how: str) -> StateError:
    """Return the error about a file that cannot be trusted. It is never repaired silently:
    a daemon that has forgotten what ran would run it again."""
    mend = (
        f"move {path} and the files {path.name}-wal and {path.name}-shm beside it away, put a "
        "backup in their place or start without: jobs then begin with no history"
    )
    return StateError(f"{path} is damaged ({how}); {mend}")


def _code(error: sqlite3.Error) -> int:
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & _PRIMARY
