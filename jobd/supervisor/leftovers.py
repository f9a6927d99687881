"""Leftovers: what a supervisor that died, and its guard with it, has left running.

A record in the state directory says by which groups, or by which mark, to find them; it
is written before the first run starts and read by the next supervisor before it does
anything else.
"""

import os
import signal
import time

from jobd.supervisor.cgroup import read_pids, remove, write
from jobd.supervisor.enforcer import RUNS_PREFIX
from jobd.supervisor.journal import say
from jobd.supervisor.processes import marked
from jobd.supervisor.protocol import BadFrame, decode, encode
from jobd.supervisor.tree import signal_all

_NAME = "supervisor.groups"
_PATIENCE_S = 8.0
_PAUSE_S = 0.02


class LeftoversRemain(Exception):
    """Processes of a dead supervisor cannot be killed; to start anything might overlap them."""


def write_record(state_dir: str, mark: str, directories: list[str]) -> None:
    """Note how to find what this supervisor is going to hold."""
    path = f"{state_dir}/{_NAME}"
    with open(path + ".new", "wb") as file:
        file.write(encode({"mark": mark, "directories": list(directories)}))
    os.replace(path + ".new", path)


def clear_leftovers(state_dir: str) -> None:
    """Kill whatever the last supervisor of this state directory left behind, and wait for it."""
    mark, directories = _read_record(state_dir)
    tries = round(_PATIENCE_S / _PAUSE_S)
    told = False
    for _ in range(tries):
        pids = _find(mark, directories)
        if not pids:
            break
        if not told:
            told = True
            say(f"killing {len(pids)} processes that a dead supervisor left behind")
        for directory in directories:
            _kill_group(directory)
        signal_all(pids, signal.SIGKILL)
        time.sleep(_PAUSE_S)  # the killed take a moment to go; _PATIENCE_S bounds it
    else:
        raise LeftoversRemain(
            f"processes {pids[:10]} of a dead supervisor do not die of SIGKILL; "
            "find out what they wait for (cat /proc/PID/stack), then start again"
        )
    for directory in directories:
        remove(directory)


def _find(mark: str, directories: list[str]) -> list[int]:
    pids = [pid for directory in directories for pid in read_pids(directory)]
    return pids + (marked(mark) if mark else [])


def _kill_group(directory: str) -> None:
    try:
        write(f"{directory}/cgroup.kill", "1")
    except OSError:
        return  # no such file in v1 and before 5.14; signals do it as well


def _read_record(state_dir: str) -> tuple[str, list[str]]:
    try:
        with open(f"{state_dir}/{_NAME}", "rb") as file:
            record = decode(file.read().strip())
    except FileNotFoundError:
        return "", []
    except (OSError, BadFrame) as error:
        say(f"{_NAME} cannot be read; leftovers, if any, are not found: {error}")
        return "", []
    mark, directories = record.get("mark"), record.get("directories")
    listed = directories if isinstance(directories, list) else []
    ours = [d for d in listed if isinstance(d, str) and os.path.basename(d).startswith(RUNS_PREFIX)]
    return (mark if isinstance(mark, str) else ""), ours
