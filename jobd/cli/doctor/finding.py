"""Finding: one line of the doctor, a verdict and where need be what to do."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """``warn``: jobd runs, and somebody should look at it; ``fail``: a promise is not kept."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one subject; ``mend`` is an order, "" where all is well."""

    verdict: Verdict
    subject: str
    words: str
    mend: str = ""


def ok(subject: str, words: str) -> Finding:
    """Return that all is well."""
    return Finding(Verdict.OK, subject, words)


def warn(subject: str, words: str, mend: str) -> Finding:
    """Return what somebody should look at."""
    return Finding(Verdict.WARN, subject, words, mend)


def fail(subject: str, words: str, mend: str) -> Finding:
    """Return what keeps jobd from running, or from keeping a promise."""
    return Finding(Verdict.FAIL, subject, words, mend)
