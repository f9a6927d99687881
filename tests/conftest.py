"""What every folder of tests may ask for."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from deploy.cluster.postgres import MEND, PrivatePostgres, is_installed

TESTS = Path(__file__).parent

# A busy machine is no failure: an example may take as long as it takes. All else stays as
# hypothesis has it here.
settings.register_profile(
    "patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")

# Where the tests are that take longest. They begin first, lest one worker is left alone with
# them at the end: the nights, which need a processor, beside those that wait for processes.
LONGEST = (
    "sim/test_cluster.py",
    "system/test_two_minutes.py",
    "system/test_outage.py",
    "system/",
    "sim/",
    "store/",
)


def pytest_configure() -> None:
    """Hear Ctrl-C, also where a shell started the tests in the background: what they start
    would be as deaf as they are, and some of it is to be ended so."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest begin first, where several workers share the tests."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    place = item.path.relative_to(TESTS).as_posix()
    return next((n for n, start in enumerate(LONGEST) if place.startswith(start)), len(LONGEST))


@pytest.fixture(scope="session")
def needs_tool() -> Callable[[str, str], str]:
    """Return a function from a tool and its Debian package to the tool's path.

    The tests must pass on a machine with nothing but Python; a few of them ask a program
    of the system to judge jobd's work. Without it such a test is skipped with the words
    what to install. In CI, where .ci/run installs them all, a missing one is a failure.
    """
    return _path_of


def _path_of(tool: str, package: str) -> str:
    path = shutil.which(tool)
    if path is None and os.environ.get("CI"):
        pytest.fail(f"{tool} is missing; .ci/run must install {package}")
    if path is None:
        pytest.skip(f"{tool} is not installed: apt-get install {package}")
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[PrivatePostgres]:
    """Return a PostgreSQL server of the tests' own. Nothing here depends on what survives a crash
    of the machine, and without fsync a test's database is made ten times as fast."""
    if not is_installed() and os.environ.get("CI"):
        pytest.fail(f"{MEND}; .ci/run must install it")
    if not is_installed():
        pytest.skip(MEND)
    with PrivatePostgres(fsync=False) as server:
        yield server


@pytest.fixture(scope="session")
def needs_root() -> None:
    """Skip a test that changes users or mounts something, unless root runs the tests. That is
    no failure in CI either: .ci/run may be called by anybody who can install with sudo."""
    if os.geteuid() != 0:
        pytest.skip("only root may do this: sudo make test")


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    """Return numbers that no other test of this session gets."""
    return count()
