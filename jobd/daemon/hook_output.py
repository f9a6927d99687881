"""Output of hooks: what of it may be in the log, where everybody reads it."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from jobd.core.hooks import shown_url
from jobd.daemon.hook_order import Order
from jobd.supervisor.output import read_slice

OUTPUT_MAX_BYTES = 16 << 10
TAIL_BYTES = 4096  # of the job's output for the hook, and of the hook's for the log
_SHORTEST_SECRET = 6
MARK = "[redacted]"  # as the supervisor writes it, for what it knows to be secret
_OPEN = {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ"}
# Named one by one: JOBD_ may begin a variable of the job's own, too.
_OF_THE_RUN = {
    f"JOBD_{fact}"
    for fact in (
        "JOB", "RUN_ID", "TICK", "ATTEMPT", "NODE", "TRIGGER", "FENCING_TOKEN", "HOOK", "OUTCOME",
    )
}  # fmt: skip
_URL = re.compile(r"https?://[^\s\"'<>]+")


def redacted(text: str, secrets: Sequence[str]) -> str:
    """Return output as it may be logged: without the paths of URLs, and without what the hook
    was given as arguments and environment."""
    for secret in secrets:
        text = text.replace(secret, MARK)
    return _URL.sub(lambda match: shown_url(match[0]), text)


def secrets_of(order: Order, env: Mapping[str, str]) -> list[str]:
    """Return what was given to a hook that may be secret, the longest first: one may be a part
    of another."""
    given = [value for name, value in env.items() if name not in _OPEN]
    public = {env[name] for name in _OF_THE_RUN & env.keys()}
    arguments = order.call.hook.argv[1:]
    values = [argument.partition("=")[2] for argument in arguments]  # of --key=value
    words = {*given, *arguments, *values} - public
    return sorted((one for one in words if len(one) >= _SHORTEST_SECRET), key=len, reverse=True)


def last_lines(path: Path) -> str:
    """Return the end of what a hook wrote."""
    data, offset = b"", 0
    while (read := read_slice(str(path), offset, OUTPUT_MAX_BYTES))[0]:
        data, offset = (data + read[0])[-TAIL_BYTES:], read[1]
    if offset > TAIL_BYTES:  # a line that is cut could hold half of a secret, which is not seen
        data = data.partition(b"\n")[2]
    return data.decode("utf-8", "replace").strip()
