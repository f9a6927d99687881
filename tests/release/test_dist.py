"""The source archive and the wheel: whole, and what is installed from them works."""

import os
import signal
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.release.versions import version
from tests.release.conftest import Distribution
from tests.system.processes import eventually

INSTALL_WITHIN_S = 60
CTL = ("ctl", "--socket", "state/socket")
JOBS = """
[daemon]
state_dir = "state"
socket = "state/socket"
http = ""
[jobs.hello]
command = "echo written > evidence"
shell = true
cwd = "."
"""


@pytest.fixture(scope="session")
def installed(distribution: Distribution, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the ``bin`` of an environment with the wheel, and the libraries that are here.

    Those are lent by a .pth file: to fetch them again would test the network.
    """
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, symlinks=True)
    python = str(home / "bin/python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
    done = subprocess.run(
        [*pip, "--no-deps", "--no-index", str(distribution.wheel)],
        env=clean_environment(), capture_output=True, text=True, timeout=INSTALL_WITHIN_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    site = Path(sysconfig.get_path("purelib", vars={"base": str(home)}))
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return home / "bin"


def clean_environment() -> dict[str, str]:
    """Return an environment that does not lead back to the checkout."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def run(program: Path, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run an installed program to its end."""
    return subprocess.run(
        [str(program), *words],
        cwd=cwd, env=clean_environment(), capture_output=True, text=True, timeout=30,
    )  # fmt: skip


@contextmanager
def daemon(program: Path, cwd: Path) -> Iterator[None]:
    """Have ``jobd run`` in a directory with a jobd.toml, and end it cleanly."""
    with (cwd / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(program), "run", "-c", "jobd.toml"],
            cwd=cwd, env=clean_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        eventually(
            lambda: run(program, *CTL, "status", cwd=cwd).returncode == 0,
            lambda: (cwd / "log").read_text(encoding="utf-8"),
            within_s=30,
        )
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def test_the_source_archive_holds_the_whole_project(distribution: Distribution) -> None:
    """Who packages it elsewhere, and runs its tests there, has nothing else."""
    with tarfile.open(distribution.archive) as tar:
        held = {name.partition("/")[2] for name in tar.getnames()}
    assert sorted(set(distribution.tracked) - held) == []


def test_the_wheel_holds_all_of_the_package_and_nothing_else(distribution: Distribution) -> None:
    """SQL, templates, style sheets: what is no module is forgotten most easily."""
    with zipfile.ZipFile(distribution.wheel) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == {name for name in distribution.tracked if name.startswith("jobd/")}


def test_the_wheel_bears_the_version(distribution: Distribution) -> None:
    assert distribution.wheel.name.startswith(f"jobd-{version()}-py3-")


def test_the_installed_program_tells_its_version(installed: Path, tmp_path: Path) -> None:
    done = run(installed / "jobd", "--version", cwd=tmp_path)
    assert version() in done.stdout, done.stderr


def test_the_installed_program_accepts_a_configuration(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "jobd.toml").write_text(JOBS, encoding="utf-8")
    done = run(installed / "jobd", "check", "-c", "jobd.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_installed_program_runs_a_job_to_its_end(installed: Path, tmp_path: Path) -> None:
    """The daemon, its supervisor and its store: all of what the wheel has to bring."""
    (tmp_path / "jobd.toml").write_text(JOBS, encoding="utf-8")
    (tmp_path / "state").mkdir()
    with daemon(installed / "jobd", tmp_path):
        done = run(installed / "jobd", *CTL, "trigger", "hello", "--wait", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "evidence").read_text(encoding="utf-8") == "written\n"
