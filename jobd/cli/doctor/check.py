"""Check: a look at one subject, and how all of them are made within a bound.

A file system that hangs, a server that is silent: what the doctor is called for is often what
makes a look wait for ever. So each look has a thread of its own, all of them begin at once,
and whoever has not answered in time is left behind and said so.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from jobd.cli.doctor.finding import Finding, fail
from jobd.errors import JobdError
from jobd.ports import Clock

WITHIN_S = 5.0
_NAME = "doctor: "  # what the threads' names begin with


@dataclass(frozen=True, slots=True)
class Check:
    """A look: ``subject`` is what the finding is called if the look itself does not end."""

    section: str
    subject: str
    look: Callable[[], Iterable[Finding]]


def examine(
    checks: Sequence[Check], clock: Clock, within_s: float = WITHIN_S
) -> Iterator[tuple[str, list[Finding]]]:
    """Yield each check's section and findings, in their order, all within ``within_s``."""
    end_s = clock.steady_s() + within_s
    begun = [(check, _begin(check)) for check in checks]
    for check, future in begun:
        try:
            found = future.result(timeout=max(end_s - clock.steady_s(), 0.0))
        except TimeoutError:
            found = [_silent(check, within_s)]
        yield check.section, found


def is_anyone_left() -> bool:
    """Return whether a look still goes on. Libraries have threads of their own, of which an
    ordinary end of the process would wait for those that resolve a name for ever."""
    return any(thread.name.startswith(_NAME) for thread in threading.enumerate())


def _begin(check: Check) -> "Future[list[Finding]]":
    future: Future[list[Finding]] = Future()
    # A daemon thread: the process ends without those that hang.
    name = f"{_NAME}{check.subject}"
    threading.Thread(target=_look, args=(check, future), name=name, daemon=True).start()
    return future


def _look(check: Check, future: "Future[list[Finding]]") -> None:
    try:
        future.set_result(list(check.look()))
    except (JobdError, OSError) as error:
        words = " ".join(str(error).split())
        future.set_result([fail(check.subject, f"cannot be looked at: {words}", "mend that")])
    except Exception as error:  # the other checks are to be seen all the same
        words = f"the doctor stumbled ({type(error).__name__}: {error})"
        future.set_result([fail(check.subject, words, "report this, it is a defect of jobd")])


def _silent(check: Check, within_s: float) -> Finding:
    mend = "find out what it waits for: a network file system, a server, a full disk?"
    return fail(check.subject, f"did not answer within {within_s:g} s", mend)
