"""Whole daemons in directories of their own; nothing of them is left after a test."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.node import Node

MakeNode = Callable[..., Node]


def _nodes() -> Iterator[MakeNode]:
    made: list[Node] = []

    def make(jobs: str, *, directory: Path | None = None, **head: str) -> Node:
        # A socket's path may have 107 bytes: pytest's own directories are too deep.
        here = directory or Path(tempfile.mkdtemp(prefix="jobd-test-"))
        here.chmod(0o755)  # for jobs of other users
        made.append(Node(here, jobs, **head))
        return made[-1]

    yield make
    for node in made:
        node.clean()


@pytest.fixture
def make_node() -> Iterator[MakeNode]:
    """Return a function from the jobs' TOML to a Node that is not started yet."""
    yield from _nodes()


@pytest.fixture(scope="module")
def make_shared_node() -> Iterator[MakeNode]:
    """Return the same for a node that all tests of a module share."""
    yield from _nodes()


@pytest.fixture
def needs_root() -> None:
    """Skip a test that changes users or mounts something, unless root runs the tests."""
    if os.geteuid() != 0:
        pytest.skip("only root may do this: sudo make test")
