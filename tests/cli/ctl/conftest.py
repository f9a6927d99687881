"""A served node, and ``jobd ctl`` called as a shell would."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jobd.cli.main import main
from tests.web.fake_node import FakeNode, Served, served


@dataclass(frozen=True)
class Said:
    """What a command printed and left with."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on standard output."""
        return json.loads(self.out)


Ctl = Callable[..., Said]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    """Return a fake node behind both listeners."""
    with served(tmp_path) as running:
        yield running


@pytest.fixture
def node(server: Served) -> FakeNode:
    """Return the node behind the listeners."""
    return server.node


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Ctl]:
    """Return a function that runs ``jobd ctl`` in this process, its time zone being UTC."""
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("JOBD_SOCKET", raising=False)
    time.tzset()

    def run(*arguments: str) -> Said:
        with pytest.raises(SystemExit) as left:
            main(["ctl", *arguments])
        status = left.value.code
        assert isinstance(status, int)
        captured = capfd.readouterr()
        return Said(status, captured.out, captured.err)

    yield run
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def ctl(call: Ctl, server: Served, monkeypatch: pytest.MonkeyPatch) -> Ctl:
    """Return ``jobd ctl`` that talks to the fake node."""
    monkeypatch.setenv("JOBD_SOCKET", server.path)
    return call
