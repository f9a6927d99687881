"""What is brought into the machine: packages of jobd on a read-only disk, which is a tar archive;
and, before it is first started, jobd as the README installs it from a checkout."""

import re
import shutil
import subprocess
import tarfile
from pathlib import Path

from tests.vm.image import ROOT

INSTALL_WITHIN_S = 300
CHECKOUT = ("jobd", "deploy", "pyproject.toml", "README.md", "LICENSE")
_SECTION = re.compile(r"^### From a checkout\n.*?```sh\n(.*?)```", re.MULTILINE | re.DOTALL)
_VERSION = '__version__ = "'


def readme_commands() -> str:
    """Return the commands by which the README installs jobd from a checkout."""
    found = _SECTION.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert found, "the README does not say how to install from a checkout"
    return found[1]


def install_by_readme(tree: Path, wheels: Path) -> None:
    """Do in a root directory what the README says, without a network.

    In it, not in the running machine: pip takes minutes on an imitated processor.
    """
    checkout = tree / "root/jobd"
    for name in CHECKOUT:
        _copy(ROOT / name, checkout / name)
    shutil.copytree(wheels, tree / "root/wheels")
    script = (
        f"mount -t proc proc {tree}/proc && mount --bind /dev {tree}/dev && "
        f"exec chroot {tree} env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin "
        "PIP_NO_INDEX=1 PIP_FIND_LINKS=/root/wheels sh -euc "
        f"'cd /root/jobd; {readme_commands()}systemctl enable --quiet jobd-supervisor jobd'"
    )
    _run("unshare", "--mount", "sh", "-euc", script)
    shutil.rmtree(tree / "root/wheels")


def pack(files: list[Path], archive: Path) -> None:
    """Make the archive that the machine sees as a disk."""
    with tarfile.open(archive, "w") as tar:
        for file in files:
            tar.add(file, file.name)


def next_version(package: Path, into: Path) -> Path:
    """Return the same package as the version after it, which also says so when asked."""
    tree = into / "next"
    _run("dpkg-deb", "-R", str(package), str(tree))
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"(?m)^(Version: .*)$", r"\1+next", control.read_text()))
    module = next(tree.glob("usr/lib/jobd/lib/*/site-packages/jobd/__init__.py"))
    module.write_text(module.read_text().replace(_VERSION, f"{_VERSION}99."))
    for compiled in module.parent.glob("__pycache__/__init__.*.pyc"):
        compiled.unlink()
    target = into / "next.deb"
    _run("dpkg-deb", "-Zgzip", "-z1", "-b", str(tree), str(target))
    return target


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def _run(*argv: str) -> None:
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=INSTALL_WITHIN_S, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, f"{argv[0]} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
