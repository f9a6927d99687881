"""python -m jobd.supervisor: the process that holds the children.

Writes ``ready`` to standard output once its socket answers; whoever started it may wait for
that line. Exits 0 after a clean end, 64 on bad usage, 73 if the state directory is held or
leftovers in it will not die.
"""

import gc
import os
import sys

from jobd.supervisor.child import OWN_UMASK
from jobd.supervisor.journal import say
from jobd.supervisor.leftovers import LeftoversRemain
from jobd.supervisor.options import USAGE, BadUsage, Options
from jobd.supervisor.service import Held, Service

_BAD_USAGE, _CANNOT_CREATE = 64, 73


def main(words: list[str]) -> int:
    """Run a supervisor; return its exit status."""
    try:
        options = Options(words)
    except BadUsage as error:
        say(f"{error}\n{USAGE}")
        return _BAD_USAGE
    os.umask(OWN_UMASK)
    os.chdir("/")
    _close_what_was_inherited()
    try:
        service = Service(options)
    except (Held, LeftoversRemain, OSError) as error:
        say(str(error))
        _tell_starter(str(error))
        return _CANNOT_CREATE
    # Everything so far stays for ever, and runs leave no cycles behind: looking for
    # garbage would find none, at a tenth of the cost of a stampede.
    gc.freeze()
    gc.set_threshold(10_000)
    _tell_starter("ready")
    service.run()
    return 0


def _close_what_was_inherited() -> None:
    """Descriptors that our starter forgot to close would reach every child."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            try:
                os.close(int(name))
            except OSError:  # the one by which we listed them
                continue


def _tell_starter(word: str) -> None:
    try:
        os.write(1, f"{word}\n".encode())
        os.dup2(2, 1)  # the starter sees the end of the line and the end of the stream
    except OSError:
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
