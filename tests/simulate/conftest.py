"""A household of jobs, written as its owner would, and replayed from a Monday's midnight."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobd.config.load import load
from jobd.config.model import Config
from jobd.simulate.simulation import MOST_ATTEMPTS, Past, Simulation, simulate

MONDAY = datetime(2026, 6, 1, tzinfo=UTC)

Load = Callable[[str], Config]
Simulate = Callable[..., Simulation]


@pytest.fixture
def load_text(tmp_path: Path) -> Load:
    """Return the configuration that a text is."""

    def read(text: str) -> Config:
        path = tmp_path / "jobd.toml"
        path.write_text(text)
        return load(path)

    return read


@pytest.fixture
def simulated(load_text: Load) -> Simulate:
    """Replay a configuration's text."""

    def run(
        text: str,
        past: Past | None = None,
        *,
        start: datetime = MONDAY,
        hours: float = 24,
        most_attempts: int = MOST_ATTEMPTS,
    ) -> Simulation:
        span = timedelta(hours=hours)
        return simulate(load_text(text), past or {}, start, span, most_attempts)

    return run
