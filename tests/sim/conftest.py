"""Processes in which nights are simulated side by side."""

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest

NICENESS = 10


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    """Return a pool over all cores. Nights are as good late: where other tests wait for real
    processes at the same time, those come first."""
    with ProcessPoolExecutor(os.cpu_count(), initializer=os.nice, initargs=(NICENESS,)) as pool:
        yield pool
