"""The spool: ends that no daemon has taken note of, kept when the supervisor leaves."""

import os

from jobd.supervisor.journal import say
from jobd.supervisor.protocol import BadFrame, decode, encode

_NAME = "supervisor.spool"


def write_spool(state_dir: str, ends: list[dict[str, object]]) -> None:
    """Replace the spool durably; no ends, no file."""
    path = f"{state_dir}/{_NAME}"
    if not ends:
        _remove(path)
        return
    with open(path + ".new", "wb") as file:
        file.writelines(encode(end) for end in ends)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".new", path)


def read_spool(state_dir: str) -> list[dict[str, object]]:
    """Return the ends that the last supervisor left; a damaged line costs only itself."""
    ends = []
    try:
        with open(f"{state_dir}/{_NAME}", "rb") as file:
            lines = file.read().splitlines()
    except OSError:
        return []
    for line in lines:
        try:
            ends.append(decode(line))
        except BadFrame as error:
            say(f"{_NAME}: a line cannot be read and is dropped: {error}")
    return ends


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
