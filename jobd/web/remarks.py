"""Remarks: what somebody should know, and how much it matters."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much something matters, the worst first."""

    BAD = "bad"  # something is broken now
    WARN = "warn"  # it is held up, or will be broken
    NOTE = "note"  # somebody wanted it so
    FINE = "fine"


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to know: a word or two, and the rest of the sentence."""

    level: Level
    what: str
    words: str
