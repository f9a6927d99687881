"""A served node for the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.fake_node import FakeNode, Served, served


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    """Return a fake node behind both listeners."""
    with served(tmp_path) as running:
        yield running


@pytest.fixture
def node(server: Served) -> FakeNode:
    """Return the node behind the listeners."""
    return server.node
