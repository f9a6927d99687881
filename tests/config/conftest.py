"""A folder to write configurations into, and what comes of them."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from jobd.config.load import load
from jobd.config.model import Config
from jobd.config.problem import ConfigErrors

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what the tests are run with from being a part of the configuration."""
    monkeypatch.delenv("JOBD_STORE_URL", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file below the test's folder; return its path."""

    def write_file(text: str, name: str = "jobd.toml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def loaded(write: Write) -> Callable[[str], Config]:
    """Return what a good configuration means."""
    return lambda text: load(write(text))


@pytest.fixture
def complaints(write: Write) -> Callable[[str], list[str]]:
    """Return what is said about a bad configuration, without the file's name."""

    def complain(text: str) -> list[str]:
        path = write(text)
        with pytest.raises(ConfigErrors) as caught:
            load(path)
        return [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]

    return complain
