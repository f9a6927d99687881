"""Fixtures of this folder: fakes, a configuration on disk, the log's records."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from jobd.config.load import load
from jobd.config.model import Config
from tests.daemon.fakes import FakeClock, FakeStore, FakeSupervisor

Write = Callable[..., Config]


@pytest.fixture
def write_config(tmp_path: Path) -> Write:
    """Write a configuration below the test's own folder, and load it."""
    path = tmp_path / "jobd.toml"

    def write(jobs: str = '[jobs.a]\ncommand = "true"\n', daemon: str = "", **more: str) -> Config:
        head = f'[daemon]\nnode = "app1"\nstate_dir = "{tmp_path}/state"\n'
        head += "" if "socket" in daemon else f'socket = "{tmp_path}/s"\n'
        head += "" if "http" in daemon else 'http = "127.0.0.1:0"\n'
        tables = "".join(f"[{name}]\n{text}\n" for name, text in more.items())
        defaults = '[defaults]\ntimeout = "1h"\nmemory_max = "1G"\n'  # nothing to warn about
        path.write_text(f"{head}{daemon}\n{tables}{defaults}{jobs}")
        return load(path)

    return write


@pytest.fixture
def anyio_backend() -> str:
    """The daemon lives on asyncio."""
    return "asyncio"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def supervisor() -> FakeSupervisor:
    return FakeSupervisor()


@pytest.fixture(autouse=True)
def log() -> Iterator[list[Any]]:
    """Catch the log's records: ``{"event": …, "log_level": …, …}``."""
    structlog.reset_defaults()
    with capture_logs() as records:
        yield records
