"""Interrupts: Ctrl-C and SIGTERM end a demo by one KeyboardInterrupt, and then all is tidied."""

import signal
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def interrupt_once() -> None:
    """Let the first of them raise; also when a shell started us in the background, where it has
    SIGINT ignored."""
    for number in _SIGNALS:
        signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    # Once: what follows is the way out, and a second Ctrl-C must not cut it short.
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt
