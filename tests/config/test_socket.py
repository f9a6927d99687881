"""Where the control socket is, without the libraries that judge the rest."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jobd.config.problem import ConfigErrors
from jobd.config.socket import socket_path

Write = Callable[..., Path]


def test_a_relative_path_starts_at_the_folder_of_the_file(write: Write, tmp_path: Path) -> None:
    assert socket_path(write('[daemon]\nsocket = "../x.sock"')) == tmp_path.parent / "x.sock"


def test_what_is_not_written_is_the_default(write: Write, tmp_path: Path) -> None:
    assert socket_path(write("[daemon]")) == Path("/run/jobd/jobd.sock")
    assert socket_path(tmp_path / "none.toml") == Path("/run/jobd/jobd.sock")


def test_a_folder_is_looked_through(write: Write, tmp_path: Path) -> None:
    write("", "a.toml")
    write('[daemon]\nsocket = "/x"', "b.toml")
    assert socket_path(tmp_path) == Path("/x")


@pytest.mark.parametrize("text", ["[daemon", "[daemon]\nsocket = 3", "daemon = 3\nx"])
def test_what_cannot_be_read_is_a_config_error(write: Write, text: str) -> None:
    with pytest.raises(ConfigErrors):
        socket_path(write(text))


def test_errors_of_other_keys_do_not_matter(write: Write) -> None:
    """``ctl`` must reach a running daemon whose file was broken meanwhile."""
    assert socket_path(write('[daemon]\nsocket = "/x"\nnode = 3')) == Path("/x")


def test_it_loads_neither_pydantic_nor_croniter() -> None:
    heavy = "sorted({'pydantic', 'croniter', 'zoneinfo', 'click'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, jobd.config.socket; print({heavy})"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout.strip() == "[]"
