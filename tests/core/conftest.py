"""Desks to try the scheduler at; see desk.py and cluster_desk.py."""

import pytest
from hypothesis import settings

from tests.core.cluster_desk import ClusterDesk
from tests.core.desk import Desk

# On a busy machine an example may take long; what it shows is right or wrong all the same.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture
def desk() -> Desk:
    """A desk with room for a hundred."""
    return Desk()


@pytest.fixture
def small_desk() -> Desk:
    """A desk with room for one run, and for two that wait."""
    return Desk(max_running=1, max_waiting=2)


@pytest.fixture
def new_desk() -> type[Desk]:
    """Make a desk of another size."""
    return Desk


@pytest.fixture
def cluster() -> ClusterDesk:
    """Two nodes, app1 and app2, that share a store."""
    return ClusterDesk()


@pytest.fixture
def new_cluster() -> type[ClusterDesk]:
    """Make a cluster of other nodes."""
    return ClusterDesk
