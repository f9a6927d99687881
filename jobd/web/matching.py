"""Matching: a parameter's value is judged by its pattern, and the daemon goes on meanwhile.

Python's ``re`` backtracks: ``(a+)+`` on forty letters takes longer than anybody lives, and keeps
every schedule waiting. Yet now and then it looks whether a signal has come, and a handler
that raises breaks it off. Signals are handled in the main thread alone, where the daemon's loop is.
"""

import signal
import threading
from types import FrameType

from jobd.core.job import Param

WITHIN_S = 0.25  # of CPU; a sound pattern and the longest value need a thousandth of it


class TookTooLong(Exception):
    """A value could not be judged in time."""


def is_admitted(param: Param, value: str) -> bool:
    """Return whether the value matches; ``TookTooLong`` if that cannot be told in time."""
    if threading.current_thread() is not threading.main_thread():
        return param.is_matched_by(value)
    before = signal.signal(signal.SIGPROF, _break_off)
    try:
        return _in_time(param, value)
    finally:
        signal.signal(signal.SIGPROF, before)


def _in_time(param: Param, value: str) -> bool:
    signal.setitimer(signal.ITIMER_PROF, WITHIN_S)
    try:
        return param.is_matched_by(value)
    finally:  # the alarm may still come at just this moment: whoever called us expects it
        signal.setitimer(signal.ITIMER_PROF, 0)


def _break_off(_signal: int, _frame: FrameType | None) -> None:
    raise TookTooLong
