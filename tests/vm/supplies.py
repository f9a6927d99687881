"""All that is made beforehand, on this side of the machine."""

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from deploy.debian.package import build_package, fetch_wheels
from tests.vm.accelerator import find_accelerator
from tests.vm.cargo import install_by_readme, next_version, pack
from tests.vm.image import ROOT, Image, make_disk, make_image
from tests.vm.server import EVIDENCE

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Supplies:
    """What a machine is started from, and with."""

    image: Image
    disk: Path
    cargo: Path
    accelerator: tuple[str, str]


def make_supplies(work: Path) -> Supplies:
    """Make the image if it is not there, the packages, and a disk with jobd from the checkout."""
    with ThreadPoolExecutor() as beside:
        image = beside.submit(make_image)
        fetch_wheels(work / "wheels", "setuptools>=77")  # by which pip builds a checkout
        package = build_package(work, work / "wheels").rename(work / "jobd.deb")
        accelerator = beside.submit(find_accelerator, image.result().kernel)
        pack([package, next_version(package, work)], work / "cargo")
        _make_disk(image.result(), work)
        return Supplies(image.result(), work / "disk", work / "cargo", accelerator.result())


def _make_disk(image: Image, work: Path) -> None:
    tree = work / "tree"
    # Not by shutil: it would read devices as if they were files, and /dev/zero has no end.
    subprocess.run(["cp", "-a", str(image.tree), str(tree)], check=True, timeout=60)
    install_by_readme(tree, work / "wheels")
    evidence = tree / EVIDENCE.lstrip("/")
    evidence.mkdir(parents=True)
    evidence.chmod(0o777)
    shutil.copy(HERE / "jobs.toml", tree / "root")
    shutil.copy(ROOT / "deploy/debian/jobd.toml", tree / "etc/jobd")
    make_disk(tree, work / "disk")
    shutil.rmtree(tree)
