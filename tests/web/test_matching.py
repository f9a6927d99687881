"""Whoever may trigger a job chooses a value, and must not thereby stop the daemon."""

import signal
import subprocess
import sys

import pytest

from jobd.core.job import Param
from jobd.web.matching import is_admitted

# In a process of its own: what is never broken off would hold up the tests for ever.
ENDLESS = """
import signal
from jobd.core.job import Param
from jobd.web.matching import TookTooLong, is_admitted
try:
    is_admitted(Param("name", pattern="(a+)+"), "a" * 8000 + "!")
except TookTooLong:
    print("took too long")
print(signal.getsignal(signal.SIGPROF) is signal.SIG_DFL, signal.getitimer(signal.ITIMER_PROF))
"""


def test_a_pattern_that_takes_for_ever_is_broken_off() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDLESS], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stdout.splitlines() == [
        "took too long",
        "True (0.0, 0.0)",
    ], done.stderr


@pytest.mark.parametrize(("value", "fits"), [("a" * 8192, True), ("a" * 8191 + "!", False)])
def test_the_longest_value_is_judged_by_a_sound_pattern(value: str, fits: bool) -> None:
    assert is_admitted(Param("name", pattern="[a-z]+"), value) is fits
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
