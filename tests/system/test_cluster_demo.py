"""``make cluster``: what a newcomer sees of it, within a minute, and what is left of it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.cluster.postgres import free_port
from tests.system.newcomer import TREE, fresh_environment
from tests.system.processes import eventually, is_alive, processes_with

SHOWN_WITHIN_S = 60.0


class Terminal:
    """A terminal in which ``make cluster`` runs."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="jobd-test-"))
        self.state = self.folder / "cluster"
        self.port = free_port(3)
        self._log = self.folder / "log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                ["make", "cluster", f"ARGS=--port {self.port} --state {self.state}"],
                cwd=TREE, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, env=fresh_environment(),
            )  # fmt: skip

    @property
    def text(self) -> str:
        """What stands in it."""
        return self._log.read_text(encoding="utf-8")

    def interrupt(self) -> int:
        """Press Ctrl-C; return the exit status."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(40)

    def ctl(self, node: str, *words: str) -> Any:
        """Return the document of a ctl command, None while nobody answers."""
        socket = str(self.state / node / "jobd.sock")
        argv = [sys.executable, "-m", "jobd", "ctl", "--socket", socket, *words, "--json"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def nodes_up(self) -> set[str]:
        """Return who is up, by the word of a."""
        document = self.ctl("a", "nodes") or {"nodes": []}
        return {node["node"] for node in document["nodes"] if node["state"] == "up"}

    def pid(self, node: str) -> int:
        """Return a node's daemon, as the hint finds it."""
        return int((self.state / node / "pid").read_text(encoding="ascii"))


@pytest.fixture(scope="module")
def terminal(needs_postgres: None) -> Iterator[Terminal]:
    """One demo for all tests here; the last but one ends it."""
    made = Terminal()
    yield made
    if made.process.poll() is None:
        made.interrupt()
    shutil.rmtree(made.folder)


@pytest.mark.timeout(150)
def test_within_a_minute_every_kind_of_job_has_shown_its_effect(terminal: Terminal) -> None:
    eventually(lambda: terminal.nodes_up() == {*"abc"}, lambda: f"up: {terminal.text}", 60)
    eventually(lambda: shown(terminal), lambda: f"all of it: {terminal.text}", SHOWN_WITHIN_S)


def test_it_says_what_to_try_and_how_it_ends(terminal: Terminal) -> None:
    assert f"jobd ctl --socket {terminal.state}/a/jobd.sock nodes" in terminal.text
    assert f"kill -9 $(cat {terminal.state}/b/pid)" in terminal.text
    assert "Ctrl-C stops everything" in terminal.text


def test_a_second_one_is_refused_while_the_first_runs(terminal: Terminal) -> None:
    argv = [sys.executable, "-m", "deploy.cluster", "--state", str(terminal.state)]
    done = subprocess.run(argv, cwd=TREE, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 73
    assert "a demo runs already" in done.stderr


def test_a_node_that_is_killed_is_seen_to_be_gone(terminal: Terminal) -> None:
    os.kill(terminal.pid("b"), signal.SIGKILL)
    eventually(lambda: terminal.nodes_up() == {*"ac"}, "b is known to be gone", 18)
    assert "b | the daemon was killed by signal 9" in terminal.text


def test_ctrl_c_ends_everything_and_leaves_no_process(terminal: Terminal) -> None:
    pids = [terminal.pid(node) for node in "abc"]
    assert terminal.interrupt() in (0, -signal.SIGINT, 2), terminal.text
    assert not any(map(is_alive, pids))
    eventually(lambda: not processes_with(f"{terminal.state}/"), "nothing is left")


def shown(terminal: Terminal) -> bool:
    """Return whether each kind of job has had its effect."""
    own = [terminal.ctl(node, "runs", "clean-up") for node in "abc"]
    why = [terminal.ctl("a", "why", f"import-{what}") for what in ("orders", "prices", "stock")]
    found = terminal.ctl("a", "runs", "--limit", "200")
    if not all((found, *own, *why)):
        return False  # one of them did not answer in time
    runs = found["runs"]
    nodes = {job: {r["node"] for r in runs if r["job"] == job} for job in ("mail", "train")}
    imported = {run["job"] for run in runs if run["job"].startswith("import")}
    has_waited = any(had_to_wait(verdict) for one in why for verdict in one["verdicts"])
    return bool(
        nodes["mail"]
        and nodes["train"] == {"a"}
        and all(one["runs"] for one in own)
        and len(imported) == 3
        and has_waited
    )


def had_to_wait(verdict: dict[str, Any]) -> bool:
    """Return whether a tick waited for the pool: in vain, or for the 4 s of a run before it."""
    return verdict["reason"] == "pool" or (verdict["lateness_s"] or 0) > 2


def test_without_postgresql_it_says_what_to_install() -> None:
    script = (
        "import deploy.cluster.__main__ as m; m.is_installed = lambda: False; "
        "raise SystemExit(m.main([]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=TREE, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 69
    assert "apt-get install postgresql" in done.stderr
