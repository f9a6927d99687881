"""Every look ends within its bound, whatever it meets."""

import threading
from collections.abc import Callable, Iterable, Iterator

import pytest

from jobd.cli.doctor.check import Check, examine, is_anyone_left
from jobd.cli.doctor.finding import Finding, Verdict, ok
from jobd.clock import SystemClock
from jobd.errors import StateError


def look(*findings: Finding) -> Callable[[], Iterable[Finding]]:
    return lambda: findings


def raising(error: Exception) -> Callable[[], Iterator[Finding]]:
    def look() -> Iterator[Finding]:
        yield ok("half", "seen")
        raise error

    return look


def test_findings_come_in_the_order_of_the_checks() -> None:
    checks = [
        Check("a", "x", look(ok("x", "1"))),
        Check("b", "y", look(ok("y", "2"), ok("z", "3"))),
    ]
    assert list(examine(checks, SystemClock())) == [
        ("a", [ok("x", "1")]),
        ("b", [ok("y", "2"), ok("z", "3")]),
    ]


def test_a_look_that_hangs_is_left_behind_and_said_so() -> None:
    """A network file system that is gone is what the doctor is called for."""
    over = threading.Event()

    def hang() -> Iterator[Finding]:
        over.wait()
        yield ok("disk", "late")

    checks = [Check("a", "disk", hang), Check("a", "x", look(ok("x", "1")))]
    try:
        # The bound is what all have together: who is done has been done before it is over.
        (_, hung), (_, other) = examine(checks, SystemClock(), within_s=0.2)
        assert is_anyone_left()
    finally:
        over.set()
    assert (hung[0].verdict, hung[0].words) == (Verdict.FAIL, "did not answer within 0.2 s")
    assert other == [ok("x", "1")]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (StateError("held by\nanother"), "cannot be looked at: held by another"),
        (OSError(5, "Input/output error"), "cannot be looked at: [Errno 5] Input/output error"),
        (ZeroDivisionError("x"), "the doctor stumbled (ZeroDivisionError: x)"),
    ],
)
def test_what_a_look_raises_fails_that_look_alone(error: Exception, words: str) -> None:
    checks = [Check("a", "x", raising(error)), Check("a", "y", look(ok("y", "1")))]
    (_, failed), (_, fine) = examine(checks, SystemClock())
    assert ([(f.verdict, f.words) for f in failed], fine) == (
        [(Verdict.FAIL, words)],
        [ok("y", "1")],
    )
