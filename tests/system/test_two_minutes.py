"""The two-minute start: ``make run`` in a fresh copy of the tree, as a newcomer does it."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from deploy.cluster.postgres import free_port
from tests.system.newcomer import TREE, fresh_environment
from tests.system.processes import WITHIN_S, eventually, processes_with
from tests.web.chromium import browser_at

NEEDED = ("Makefile", "pyproject.toml", "README.md", "LICENSE", "config", "jobd")
TWO_MINUTES_S = 120.0
INSTALLED_WITHIN_S = 280.0
# A newcomer's machine does nothing else; this one may run other tests.
UNDISTURBED = '\n[limits.pressure]\nmemory = 100.0\nio = 100.0\nstore = "1m"\n'
USUAL_ADDRESS = re.compile(r"127\.0\.0\.1:9746")

EFFECTS = {
    ("healthy", "success"),
    ("slower-than-its-interval", "success"),
    ("hits-its-memory-ceiling", "oom"),
    ("hits-its-timeout", "timeout"),
    ("fails-and-is-retried", "success"),
}


@dataclass(frozen=True)
class Started:
    """``make run`` as it runs."""

    tree: Path
    make: subprocess.Popen[bytes]

    @property
    def has_left(self) -> bool:
        """Whether it has ended already."""
        return self.make.poll() is not None

    def log(self) -> str:
        """Return what a person sees in the terminal."""
        return (self.tree / "log").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree, without an environment; its pages are on a free port."""
    copy = tmp_path_factory.mktemp("newcomer") / "jobd"
    copy.mkdir()
    for name in NEEDED:
        source = TREE / name
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=ignored)
        else:
            shutil.copy(source, copy / name)
    address = f"127.0.0.1:{free_port()}"
    for file in (copy / "Makefile", copy / "config" / "jobd.toml"):
        file.write_text(USUAL_ADDRESS.sub(address, file.read_text()))
    with (copy / "config" / "jobd.toml").open("a") as config:
        config.write(UNDISTURBED)
    return copy


def ctl(tree: Path, *words: str) -> Any:
    """Return the document of a ctl command, None while nobody answers; as the hint has it."""
    argv = [".venv/bin/jobd", "ctl", "--socket", ".jobd/jobd.sock", *words, "--json"]
    done = subprocess.run(argv, cwd=tree, capture_output=True, text=True, timeout=60, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def effects(tree: Path) -> set[tuple[str, str]]:
    """Return which of the effects that the example promises are in its history."""
    runs = ctl(tree, "runs", "--limit", "200")["runs"]
    seen = {(run["job"], run["outcome"]) for run in runs}
    third = {run["attempt"] for run in runs if run["job"] == "fails-and-is-retried"}
    return seen & EFFECTS - (set() if 3 in third else {("fails-and-is-retried", "success")})


@pytest.fixture(scope="module")
def started(tree: Path) -> Iterator[Started]:
    """``make run`` in the tree, from the making of the environment on."""
    log = tree / "log"
    with log.open("wb") as sink:
        make = subprocess.Popen(
            ["make", "run"], cwd=tree, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
            start_new_session=True, env=fresh_environment(),
        )  # fmt: skip
    yield Started(tree, make)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(make.pid, signal.SIGINT)
    make.wait(WITHIN_S)


@pytest.mark.timeout(420)
def test_within_two_minutes_a_page_shows_a_run_that_has_ended(
    started: Started, needs_tool: Callable[[str, str], str]
) -> None:
    """From a bare tree to the page of a run, through the address that the hint prints: as long
    as a newcomer's patience. The installation counts by the work that it is: what it waits for,
    the network and other tests, is not its own."""
    chromium = needs_tool("chromium", "chromium")
    tree = started.tree
    is_installed = (tree / ".venv/.run-stamp").exists
    eventually(lambda: started.has_left or is_installed(), started.log, INSTALLED_WITHIN_S)
    assert not started.has_left, started.log()
    begun_s = time.monotonic() - processor_s(started.make.pid)
    eventually(lambda: started.has_left or ctl(tree, "status"), started.log, TWO_MINUTES_S)
    assert not started.has_left, started.log()
    overview = re.search(r"http://127\.0\.0\.1:\d+/(?=\s)", started.log())
    assert overview, started.log()
    eventually(lambda: ("healthy", "success") in effects(tree), "healthy has run")
    with browser_at(chromium) as browser:
        page = browser.new_page()
        page.goto(overview.group())
        page.get_by_role("link", name="healthy", exact=True).click()
        page.locator("a[href^='/runs/']").first.click()
        expect(page.get_by_role("main")).to_contain_text("success")
    assert time.monotonic() - begun_s < TWO_MINUTES_S


@pytest.mark.timeout(120)
def test_every_example_shows_its_effect_within_a_minute(started: Started) -> None:
    tree = started.tree
    assert ".venv/bin/jobd ctl --socket .jobd/jobd.sock status" in started.log()
    eventually(lambda: effects(tree) == EFFECTS, lambda: f"all of it: {effects(tree)}", 60)
    skips = [v["reason"] for v in ctl(tree, "why", "slower-than-its-interval")["verdicts"]]
    assert "overlap" in skips


def test_ctrl_c_ends_it_all(started: Started) -> None:
    assert "Ctrl-C stops it." in started.log()
    os.killpg(started.make.pid, signal.SIGINT)  # what a terminal does
    status = started.make.wait(WITHIN_S)
    assert status in (0, -signal.SIGINT), started.log()  # make itself dies of it
    eventually(lambda: not processes_with(f"{started.tree}/"), "nothing is left")


def processor_s(pid: int) -> float:
    """Return what those have worked that a process has started and seen end."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    fields = stat.rpartition(")")[2].split()
    return sum(map(int, fields[13:15])) / os.sysconf("SC_CLK_TCK")
