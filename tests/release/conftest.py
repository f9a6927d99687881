"""A source archive and a wheel, built once for all tests of them."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
BUILD_WITHIN_S = 120


@dataclass(frozen=True, slots=True)
class Distribution:
    """What ``make dist`` makes, and what git knows of where it was made from."""

    archive: Path
    wheel: Path
    tracked: tuple[str, ...]


@pytest.fixture(scope="session")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Distribution:
    """Return both, built as the Makefile does: the wheel from the archive.

    From a copy of what is tracked: a build leaves its traces where it works.
    """
    checkout, out = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("dist")
    tracked = _tracked_files()
    for name in tracked:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, checkout / name)
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(checkout)],
        capture_output=True, text=True, timeout=BUILD_WITHIN_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return Distribution(next(out.glob("*.tar.gz")), next(out.glob("*.whl")), tracked)


def _tracked_files() -> tuple[str, ...]:
    """Return the project's files; those that are there and not yet added count as well."""
    done = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    if done.returncode != 0 and os.environ.get("CI"):
        pytest.fail(f"git does not list the project's files: {done.stderr}")
    if done.returncode != 0:
        pytest.skip("only a checkout says which files are the project's")
    return tuple(name for name in done.stdout.splitlines() if (ROOT / name).is_file())
