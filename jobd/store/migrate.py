"""Migrate: make the SQLite file, look at one before trusting it, upgrade its tables.

A new file gets its name only once it is whole, so what stands under that name is ours and
complete, or it is damaged, newer or someone else's. Those three are errors, and the file
stays as it was, byte for byte, for whoever has to look at it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from jobd.errors import StateError
from jobd.store.sqlite_faults import damaged, is_damage, outage
from jobd.store.statements import Migration, migrations

APPLICATION_ID = 0x6A6F6264  # "jobd"; file(1) and a second look at a stray file find it
KNOWN_VERSION = len(migrations("sqlite"))

_SMALLEST_BYTES = 512  # one page of the smallest size

# Up to this size all of it is checked at the opening, in about a tenth of a second; of a
# larger file the jobs only, and damage elsewhere is found when it is met.
_CHECKED_WHOLE_BYTES = 64 << 20


def prepare(path: Path, *, migrates: bool = True) -> None:
    """Make ``path`` a database of the known version; ``StateError`` when it is not ours.

    With ``migrates`` off nothing is made: to be missing or older is an error then too.
    """
    if not path.exists():
        _refuse_orphaned_log(path)
        _demand(migrates, f"{path} does not exist")
        _create(path)
    elif (version := _trusted_version(path)) < KNOWN_VERSION:
        older = f"{path} has tables of version {version}, this jobd needs {KNOWN_VERSION}"
        _demand(migrates, older)
        with closing(connect(path)) as connection:
            _upgrade(connection)


@contextmanager
def readying(path: Path) -> Iterator[None]:
    """Turn what may go wrong on the way to a usable file into a ``StateError``."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise _not_ready(path, error) from error


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection on which every commit is durable. It begins no transaction itself."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=2.0)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA journal_size_limit = 16777216")
        connection.execute("PRAGMA journal_mode = WAL")  # a restored copy may have lost it
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def check_readable(path: Path) -> int:
    """Return the version of a sound file of ours that another process may be writing;
    ``StateError`` when it is none, or too new. Nothing is made or changed."""
    with readying(path):
        return _trusted_version(path)


def connect_as_guest(path: Path) -> sqlite3.Connection:
    """Return a connection that reads a file which another process may be writing; whatever is
    missing, nothing is made."""
    version = _trusted_version(path)
    if version < KNOWN_VERSION:
        raise StateError(
            f"{path} has tables of version {version}, this jobd needs {KNOWN_VERSION}; "
            "run `jobd migrate` first"
        )
    return sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=2.0)


def _demand(migrates: bool, lack: str) -> None:
    if not migrates:
        raise StateError(f"{lack}, and store.migrate is false; run `jobd migrate` first")


def _create(path: Path) -> None:
    draft = path.with_name(path.name + ".new")
    for leftover in (draft, *_companions(draft)):  # of a daemon that died here
        leftover.unlink(missing_ok=True)
    with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
        draft.chmod(0o600)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        _upgrade(connection)
        connection.execute("PRAGMA journal_mode = WAL")
    draft.rename(path)


def _refuse_orphaned_log(path: Path) -> None:
    """SQLite would replay the log of a file that was moved away into the new one."""
    for log in _companions(path):
        if log.exists():
            raise StateError(f"{log} belongs to a {path.name} that is gone; move it there too")


def _companions(path: Path) -> tuple[Path, Path]:
    """Return SQLite's logs of a file: of its changes, and for taking them back."""
    return path.with_name(path.name + "-wal"), path.with_name(path.name + "-journal")


def _upgrade(connection: sqlite3.Connection) -> None:
    version = _pragma(connection, "user_version")
    for step in migrations("sqlite")[version:]:
        _apply(connection, step)


def _apply(connection: sqlite3.Connection, step: Migration) -> None:
    """Take one step whole or not at all."""
    try:
        connection.executescript(
            f"BEGIN IMMEDIATE;\n{step.sql}\nPRAGMA user_version = {step.number};\nCOMMIT;"
        )
    except sqlite3.Error:
        if connection.in_transaction:
            connection.rollback()
        raise


def _trusted_version(path: Path) -> int:
    """Return the version of a sound file of ours; read-only, so that nothing is touched."""
    if path.stat().st_size < _SMALLEST_BYTES:  # SQLite would take it for a new one
        raise damaged(path, f"{path.stat().st_size} bytes are too few")
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        application, version = (
            _pragma(connection, name) for name in ("application_id", "user_version")
        )
        if application != APPLICATION_ID:
            raise StateError(
                f"{path} is a database of another application (id {application:#x}); "
                "move it away or give daemon.state_dir a directory of jobd's own"
            )
        if version > KNOWN_VERSION:
            raise StateError(
                f"{path} was written by a newer jobd (tables of version {version}, this one "
                f"knows {KNOWN_VERSION}); install the newer jobd, or move the file away"
            )
        _check(connection, path)
    return version


def _check(connection: sqlite3.Connection, path: Path) -> None:
    is_small = path.stat().st_size <= _CHECKED_WHOLE_BYTES
    subject = 1 if is_small else "job"
    (finding,) = connection.execute(f"PRAGMA quick_check({subject})").fetchone()
    if finding != "ok":
        raise damaged(path, " ".join(finding.split()))


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    (value,) = connection.execute(f"PRAGMA {name}").fetchone()
    return int(value)


def _not_ready(path: Path, error: sqlite3.Error | OSError) -> Exception:
    if isinstance(error, OSError):
        return StateError(f"{path} cannot be made ready ({error.strerror}); mend that and restart")
    if is_damage(error):
        return damaged(path, str(error))
    words = outage(error)
    if words is None:
        return error
    mend = f"free space on, or check, the file system of {path.parent}"
    return StateError(f"{path} cannot be made ready: {words} ({error}); {mend}")
