"""What text may look like: names of jobs, nodes and variables, paths, addresses.

Each function returns the value or raises ``Unfit`` with the words for the person who wrote it.
"""

import os
import re

from jobd.config.problem import Unfit

LONGEST_SOCKET_PATH = 107  # bytes; sun_path of unix(7) less its NUL

_JOB = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
_PARAM = re.compile(r"[a-z][a-z0-9_]{0,99}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ACCOUNT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,254}\$?")
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.%a-z]+\]|[A-Za-z0-9._-]+):(\d{1,5})", re.ASCII)
_OURS = re.compile(
    r"JOBD_(JOB|RUN_ID|TICK|ATTEMPT|NODE|TRIGGER|FENCING_TOKEN|HOOK|OUTCOME|PARAM_.*)"
)


def text(value: object) -> str:
    """Return a string that a process can be given: without NUL."""
    if not isinstance(value, str):
        raise Unfit("is no text", "write it in quotes")
    if "\0" in value:
        raise Unfit("holds a NUL character", "leave it out")
    return value


def job_name(value: str) -> str:
    """Return a name that is safe in a file name, a URL, a label and a cgroup."""
    if _JOB.fullmatch(value):
        return value
    return _refuse_name(value, 100, "is no job name", "letters, digits and . _ -")


def node_name(value: object) -> str:
    """Return the name of a node or a label."""
    if isinstance(value, str) and _NODE.fullmatch(value):
        return value
    shown = value if isinstance(value, str) else ""
    return _refuse_name(shown, 253, "is no name", "letters, digits and . _ -")


def pool(value: object) -> str:
    """Return the name of a pool that a job asks for; "": of none."""
    if isinstance(value, str) and (not value or _JOB.fullmatch(value)):
        return value
    raise Unfit("is no pool's name", 'write it like "database", as in [pools.database]')


def pool_name(value: str) -> str:
    """Return a pool's name, which has the form of a job's."""
    if _JOB.fullmatch(value):
        return value
    return _refuse_name(value, 100, "is no pool name", "letters, digits and . _ -")


def param_name(value: object) -> str:
    """Return a parameter's name, which becomes JOBD_PARAM_<NAME>."""
    if isinstance(value, str) and _PARAM.fullmatch(value):
        return value
    raise Unfit("is no parameter name", "write lower-case letters, digits and _, a letter first")


def variable_name(value: object) -> str:
    """Return an environment variable's name that jobd does not set itself."""
    if not isinstance(value, str) or not VARIABLE.fullmatch(value):
        raise Unfit("is no variable name", "write letters, digits and _, no digit first")
    if _OURS.fullmatch(value) or value in ("NOTIFY_SOCKET", "WATCHDOG_USEC"):
        raise Unfit("is set by jobd itself", "choose another name")
    return value


def account(value: object) -> str:
    """Return the name, or the number in quotes, of a user or a group."""
    if isinstance(value, str) and _ACCOUNT.fullmatch(value):
        return value
    is_number = isinstance(value, int) and not isinstance(value, bool)
    raise Unfit(
        "is no account name", f'write "{value}"' if is_number else 'write a name like "www"'
    )


def path(value: object, folder: str) -> str:
    """Return an absolute path; a relative one starts at ``folder``, that of the file."""
    written = text(value)
    if not written.strip():
        raise Unfit("is empty", "write a path")
    if written.startswith("~"):
        raise Unfit("starts with ~, which only shells expand", "write the whole path")
    return os.path.normpath(os.path.join(folder, written))


def socket_path(value: object, folder: str) -> str:
    """Return an absolute path that fits into a socket's address."""
    absolute = path(value, folder)
    if (length := len(os.fsencode(absolute))) > LONGEST_SOCKET_PATH:
        raise Unfit(
            f"is {length} bytes long, of which a socket's path may have {LONGEST_SOCKET_PATH}",
            'write a shorter one, like "/run/jobd/jobd.sock"',
        )
    return absolute


def is_port(text: str) -> bool:
    """Whether a text is a port that can be connected to."""
    return re.fullmatch(r"[0-9]{1,5}", text) is not None and 1 <= int(text) <= 65535


def address(value: object) -> tuple[str, int] | None:
    """Return host and port of "127.0.0.1:9746" or "[::1]:9746"; None for "": off."""
    if value == "":
        return None
    match = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise Unfit("is no address", _address_mend(value))
    if int(match[2]) > 65535:
        raise Unfit("has no valid port", "write a port from 0 (any free one) to 65535")
    return match[1].strip("[]"), int(match[2])


def _refuse_name(value: str, longest: int, message: str, allowed: str) -> str:
    proposal = re.sub(r"[^A-Za-z0-9._-]+", "-", value).strip("-._")[:longest].rstrip("-._")
    if proposal and proposal != value:
        raise Unfit(message, f'write "{proposal}" ({allowed})')
    raise Unfit(message, f"write 1 to {longest} of {allowed}, a letter or digit first")


def _address_mend(value: object) -> str:
    port = str(value).rpartition(":")[2][:5]
    if port.isascii() and port.isdigit():
        return f'write "127.0.0.1:{port}", or "0.0.0.0:{port}" for every interface'
    return 'write "127.0.0.1:9746", or "" for none'
