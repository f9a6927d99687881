"""The control socket's path, for ``ctl``: read without the libraries that judge the rest."""

import os
import tomllib
from pathlib import Path

from jobd.config.names import socket_path as fitting_path
from jobd.config.problem import ConfigErrors, Problem, Unfit

DEFAULT_SOCKET = Path("/run/jobd/jobd.sock")


def socket_path(path: Path) -> Path:
    """Return ``daemon.socket`` of a file, or of the files of a directory, made absolute.

    Files that are included are not looked into. Where nothing is written, or ``path`` does
    not exist, it is the built-in default; ``ConfigErrors`` when it cannot be read.
    """
    for file in sorted(path.glob("*.toml")) if os.path.isdir(path) else [path]:
        written = _written_socket(file)
        if written is None:
            continue
        try:
            return Path(fitting_path(written, os.path.dirname(os.path.abspath(file))))
        except Unfit as unfit:
            raise _refused(file, "daemon.socket", unfit.message, unfit.mend) from None
    return DEFAULT_SOCKET


def _written_socket(file: Path) -> object:
    try:
        tables = tomllib.loads(file.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        return None
    except OSError as error:
        mend = "make it readable, or name the socket with --socket"
        raise _refused(file, "", f"cannot be read: {error.strerror}", mend) from None
    except (ValueError, RecursionError):  # no UTF-8, no TOML
        raise _refused(file, "", "is no TOML", f"run jobd check -c {file}") from None
    daemon = tables.get("daemon")
    return daemon.get("socket") if isinstance(daemon, dict) else None


def _refused(file: Path, key: str, message: str, mend: str) -> ConfigErrors:
    return ConfigErrors((Problem(str(file), None, key, "", message, mend),))
