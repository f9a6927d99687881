"""The package: a source tree for dpkg-buildpackage is put together, built, and gone again."""

import shutil
import subprocess
import sys
import tempfile
from email.utils import format_datetime
from pathlib import Path

from deploy.release.versions import debian_version, released_at, version

ROOT = Path(__file__).parent.parent.parent
PYTHON = "/usr/bin/python3"  # Debian's: the package runs on no other
PARTS = ("README.md", "CHANGELOG.md", "config", "deploy", "docs")
MEND = "apt-get install dpkg-dev debhelper python3 python3-venv"
BUILD_WITHIN_S = 600


class NoTools(Exception):
    """Debian's tools are not all there; the message says how to get them."""


def build_package(out: Path, wheels: Path | None = None) -> Path:
    """Build the package into ``out``; return its path.

    :class:`NoTools`; ``CalledProcessError`` with a tool's own words when one fails.
    """
    missing = [tool for tool in ("dpkg-buildpackage", "dh", PYTHON) if not shutil.which(tool)]
    if missing:
        raise NoTools(f"{', '.join(missing)} missing: {MEND}")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="jobd-deb-") as scratch:
        tree = Path(scratch) / f"jobd-{version()}"
        _put_together(tree, wheels)
        _run("dpkg-buildpackage", "--build=binary", "--no-sign", cwd=tree)
        built = next(Path(scratch).glob("jobd_*.deb"))
        return Path(shutil.copy(built, out))


def fetch_wheels(into: Path, *others: str) -> None:
    """Make a wheel of this checkout, and fetch those of its libraries, and of ``others``, for
    Debian's Python."""
    with tempfile.TemporaryDirectory(prefix="jobd-pip-") as scratch:
        _run(PYTHON, "-m", "venv", scratch)
        pip = [f"{scratch}/bin/pip", "--disable-pip-version-check", "wheel", "--quiet"]
        _run(*pip, "--wheel-dir", str(into), str(ROOT), *others)


def _put_together(tree: Path, wheels: Path | None) -> None:
    tree.mkdir()
    for name in PARTS:
        _copy(ROOT / name, tree / name)
    if (ROOT / "deploy/man").exists():
        _run(sys.executable, "-m", "deploy.man", str(tree / "man"), cwd=ROOT)
    shutil.copytree(ROOT / "deploy/debian/debian", tree / "debian")
    (tree / "debian/changelog").write_text(_changelog(), encoding="utf-8")
    if wheels is None:
        fetch_wheels(tree / "wheels")
    else:
        shutil.copytree(wheels, tree / "wheels")


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def _changelog() -> str:
    """Return Debian's kind of changelog: one entry, which names jobd's own."""
    return (
        f"jobd ({debian_version()}-1) unstable; urgency=medium\n\n"
        "  * What is new in jobd: /usr/share/doc/jobd/changelog.gz\n\n"
        f" -- jobd maintainers <maintainers@jobd.invalid>  {format_datetime(released_at())}\n"
    )


def _run(*argv: str, cwd: Path | None = None) -> None:
    subprocess.run(
        argv, cwd=cwd, check=True, timeout=BUILD_WITHIN_S, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
