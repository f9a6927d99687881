"""Opens the sockets at which jobd listens, with the right mode and errors that name the key."""

import os
import socket as sockets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from jobd.errors import ConfigError, StateError

SOCKET_MODE = 0o660  # whoever is in its group may control the daemon
MAX_PATH_BYTES = 107  # sun_path, unix(7)
BACKLOG = 128


@contextmanager
def unix_listener(path: Path) -> Iterator[sockets.socket]:
    """Listen on a Unix socket of mode 0660 and remove its file at the end.

    ``ConfigError`` when the path cannot be used, ``StateError`` when another daemon
    listens there.
    """
    unix = open_unix(path)
    inode = path.stat().st_ino
    try:
        yield unix
    finally:
        with suppress(OSError):
            if path.stat().st_ino == inode:  # else a later daemon's
                path.unlink()
        unix.close()


def open_unix(path: Path) -> sockets.socket:
    """Return a listening Unix socket of mode 0660; a stale file in its place is removed."""
    if len(os.fsencode(path)) > MAX_PATH_BYTES:
        raise ConfigError(
            f"daemon.socket: {path} is longer than the {MAX_PATH_BYTES} bytes that a Unix "
            "socket's path may have; choose a shorter one"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(path)
        return _bind_unix(path)
    except OSError as error:
        raise ConfigError(
            f"daemon.socket: cannot listen on {path}: {error.strerror}; "
            "name a path in a directory that jobd may write"
        ) from error


def open_tcp(http: str) -> sockets.socket:
    """Return a listening TCP socket on ``host:port``."""
    host, port = parse_address(http)
    try:
        family, _, _, _, address = sockets.getaddrinfo(
            host or None, port, type=sockets.SOCK_STREAM, flags=sockets.AI_PASSIVE
        )[0]
        return sockets.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        mend = (
            f'set daemon.http to a free address, or to "" to turn it off (ss -ltnp sport = {port})'
        )
        raise ConfigError(
            f"daemon.http: cannot listen on {http}: {error.strerror}; {mend}"
        ) from error


def parse_address(http: str) -> tuple[str, int]:
    """Return host and port of ``127.0.0.1:9746`` or ``[::1]:9746``."""
    host, _, port = http.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) < 1 << 16):
        raise ConfigError(f'daemon.http: "{http}" is no address; write "127.0.0.1:9746"')
    return host.removeprefix("[").removesuffix("]"), int(port)


def _remove_stale(path: Path) -> None:
    """Remove a socket file at which nobody listens any more."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConfigError(f"daemon.socket: {path} exists and is no socket; name another path")
    if _is_answered(path):
        raise StateError(f"daemon.socket: another daemon listens on {path}; stop it first")
    path.unlink()


def _is_answered(path: Path) -> bool:
    with sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            return False
        except BlockingIOError:  # a full backlog is a listener all the same
            return True
        return True


def _bind_unix(path: Path) -> sockets.socket:
    unix = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
    # The mask, not a later chmod: at no moment may anyone else connect.
    mask = os.umask(0o777 & ~SOCKET_MODE)
    try:
        unix.bind(os.fspath(path))
        unix.listen(BACKLOG)
    except OSError:
        unix.close()
        raise
    finally:
        os.umask(mask)
    return unix
