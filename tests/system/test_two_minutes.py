"""The two-minute start: ``make run`` in a fresh copy of the tree, as a newcomer does it."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.system.processes import eventually, processes_with

TREE = Path(__file__).parent.parent.parent
NEEDED = ("Makefile", "pyproject.toml", "README.md", "LICENSE", "config", "jobd")
PORT = re.compile(r"127\.0\.0\.1:9746")

EFFECTS = {
    ("healthy", "success"),
    ("slower-than-its-interval", "success"),
    ("hits-its-memory-ceiling", "oom"),
    ("hits-its-timeout", "timeout"),
    ("fails-and-is-retried", "success"),
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the tree, without an environment; its metrics are on a free port."""
    copy = tmp_path / "jobd"
    copy.mkdir()
    for name in NEEDED:
        source = TREE / name
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=ignored)
        else:
            shutil.copy(source, copy / name)
    for file in (copy / "Makefile", copy / "config" / "jobd.toml"):
        file.write_text(PORT.sub(f"127.0.0.1:{free_port()}", file.read_text()))
    return copy


def free_port() -> int:
    """Return a TCP port that nobody uses, at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def ctl(tree: Path, *words: str) -> Any:
    """Return the document of a ctl command, None while nobody answers; as the hint has it."""
    argv = [".venv/bin/jobd", "ctl", "--socket", ".jobd/jobd.sock", *words, "--json"]
    done = subprocess.run(argv, cwd=tree, capture_output=True, text=True, timeout=30, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def effects(tree: Path) -> set[tuple[str, str]]:
    """Return which of the effects that the example promises are in its history."""
    runs = ctl(tree, "runs", "--limit", "200")["runs"]
    seen = {(run["job"], run["outcome"]) for run in runs}
    third = {run["attempt"] for run in runs if run["job"] == "fails-and-is-retried"}
    return seen & EFFECTS - (set() if 3 in third else {("fails-and-is-retried", "success")})


@pytest.mark.timeout(240)
def test_make_run_shows_every_example_within_a_minute(tree: Path) -> None:
    """From a bare tree on: the environment is made, the hint printed, and Ctrl-C ends it all."""
    log = tree / "log"
    with log.open("wb") as sink:
        make = subprocess.Popen(
            ["make", "run"], cwd=tree, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
            start_new_session=True, env=fresh_environment(),
        )  # fmt: skip
    try:
        eventually(
            lambda: make.poll() is not None or ctl_is_there(tree),
            lambda: f"ready: {log.read_text()}",
            within_s=150,
        )
        assert make.poll() is None, log.read_text()
        assert ".venv/bin/jobd ctl --socket .jobd/jobd.sock status" in log.read_text()
        assert "Ctrl-C stops it." in log.read_text()
        eventually(lambda: effects(tree) == EFFECTS, lambda: f"all of it: {effects(tree)}", 60)
        skips = [v["reason"] for v in ctl(tree, "why", "slower-than-its-interval")["verdicts"]]
        assert "overlap" in skips
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(make.pid, signal.SIGINT)  # what a terminal does at Ctrl-C
        status = make.wait(30)
    assert status in (0, -signal.SIGINT), log.read_text()  # make itself dies of it
    eventually(lambda: not processes_with(f"{tree}/"), "nothing is left")


def ctl_is_there(tree: Path) -> bool:
    """Return whether jobd ctl can be used and gets an answer."""
    return (tree / ".venv/bin/jobd").exists() and ctl(tree, "status") is not None


def fresh_environment() -> dict[str, str]:
    """Return an environment without what the virtual environment of the tests set."""
    ours = ("VIRTUAL_ENV", "PYTHONPATH", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "CONFIG")
    return {name: value for name, value in os.environ.items() if name not in ours}
