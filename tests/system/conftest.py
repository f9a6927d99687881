"""Whole daemons in directories of their own; nothing of them is left after a test."""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from deploy.cluster.postgres import MEND, PrivatePostgres, is_installed
from tests.system.cluster import Cluster
from tests.system.node import Node

MakeNode = Callable[..., Node]
MakeCluster = Callable[..., Cluster]


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


@pytest.fixture(scope="session")
def needs_postgres() -> None:
    """Skip tests that need a PostgreSQL where none can be had; in CI that is a failure."""
    if is_installed():
        return
    if os.environ.get("CI"):
        pytest.fail(MEND)
    pytest.skip(MEND)


@pytest.fixture(scope="session")
def server(needs_postgres: None) -> Iterator[PrivatePostgres]:
    """A PostgreSQL that all clusters share, each with a database of its own."""
    with PrivatePostgres() as made:
        yield made


@pytest.fixture(scope="module")
def make_cluster(server: PrivatePostgres) -> Iterator[MakeCluster]:
    """Return a function from the jobs' TOML to a Cluster that is not started yet."""
    made: list[Cluster] = []

    def make(jobs: str, *, servers: Sequence[PrivatePostgres] = (), **more: Any) -> Cluster:
        made.append(Cluster(servers or [server], jobs, **more))
        return made[-1]

    yield make
    for cluster in made:
        cluster.clean()
