"""Exit statuses that jobd promises, by their names in sysexits.h(3head)."""

from collections.abc import Mapping

OK = 0
FAILED = 1
USAGE = 64
DATA_ERROR = 65  # the input of an import is not what it was said to be
NO_INPUT = 66  # no such job, run or node
UNAVAILABLE = 69  # daemon, store or other node not reachable
SOFTWARE = 70
OS_ERROR = 71  # the supervisor cannot be reached or started
CANT_CREATE = 73  # state directory held or unusable
TEMP_FAIL = 75  # busy: the job is active already, or no node starts it now
PROTOCOL = 76  # what answered is no jobd, or one of another time
NO_PERMISSION = 77
BAD_CONFIG = 78
INTERRUPTED = 130  # 128 + SIGINT

# What the help texts say of those that several commands share.
WORDS: Mapping[int, str] = {
    OK: "done",
    FAILED: "something else went wrong",
    USAGE: "wrong usage",
    NO_INPUT: "no such job, run or node",
    UNAVAILABLE: "the daemon, or the store, cannot be reached",
    TEMP_FAIL: "busy: try again later",
    PROTOCOL: "what answered is no jobd, or one of another time",
    NO_PERMISSION: "not permitted: join the group of the socket, or ask as root",
    BAD_CONFIG: "the configuration is refused, and it is said why",
}


def told(*statuses: int) -> dict[int | str, str]:
    """Return these statuses and what they mean."""
    return {status: WORDS[status] for status in statuses}
