"""Clock: what reads time."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Reads time. ``now`` is the wall clock (may jump), ``steady_s`` never goes back."""

    def now(self) -> datetime: ...

    def steady_s(self) -> float: ...
