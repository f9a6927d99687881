import subprocess
import sys
from typing import NoReturn

import click
import pytest

import jobd.cli.main as command_line
from jobd import __version__
from jobd.errors import ConfigError, JobdError, StateError, StoreUnavailable, SupervisorError


def status_of(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        command_line.main(arguments)
    status = left.value.code
    assert isinstance(status, int)
    return status


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConfigError("bad"), 78),
        (StateError("held"), 73),
        (StoreUnavailable("down"), 69),
        (SupervisorError("gone"), 69),
        (JobdError("else"), 1),
    ],
)
def test_an_error_s_type_says_with_what_jobd_leaves(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: JobdError,
    status: int,
) -> None:
    @click.command()
    def failing() -> NoReturn:
        raise error

    monkeypatch.setattr(command_line.jobd, "get_command", lambda context, name: failing)
    assert (status_of("run"), capsys.readouterr().err) == (status, f"jobd: {error}\n")


def test_an_interrupt_leaves_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def interrupted() -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line.jobd, "get_command", lambda context, name: interrupted)
    assert status_of("run") == 130


@pytest.mark.parametrize(
    "arguments", [[], ["frobnicate"], ["--frobnicate"], ["ctl", "status", "x"]]
)
def test_wrong_usage_leaves_with_64(arguments: list[str]) -> None:
    assert status_of(*arguments) == 64


def test_the_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    assert (status_of("--version"), capsys.readouterr().out) == (
        0,
        f"jobd, version {__version__}\n",
    )


def test_the_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    status = status_of("--help")
    out = capsys.readouterr().out
    assert status == 0
    assert all(f"  {name} " in out for name in command_line.COMMANDS)


def test_the_help_imports_no_command() -> None:
    """It is what somebody with a broken installation tries first."""
    script = """
import atexit, sys
mine = {"jobd.cli.main", "jobd.cli.described", "jobd.cli.lazy", "jobd.cli.exits"}
ours = lambda: {name for name in sys.modules if name.startswith("jobd.cli.")}
atexit.register(lambda: print(sorted(ours() - mine)))
from jobd.cli.main import main
main(["--help"])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.endswith("\n[]\n")


@pytest.mark.parametrize("name", ["status", "jobs", "show", "runs", "logs", "trigger", "cancel",
    "pause", "resume", "skip-next", "why", "reload", "top"])  # fmt: skip
def test_every_ctl_command_has_a_help_of_its_own(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = status_of("ctl", name, "--help")
    assert (status, f"Usage: jobd ctl {name} " in capsys.readouterr().out) == (0, True)
