"""One machine for all claims: jobd as the README installs it, then as the package does, then
after a power cut. A boot takes half a minute where the processor has to be imitated."""

import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.vm.image import CACHE
from tests.vm.machine import Machine
from tests.vm.server import APT, EVIDENCE, Afterwards, Server
from tests.vm.supplies import Supplies, make_supplies

HERE = Path(__file__).parent
TOOLS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "dpkg-buildpackage": "dpkg-dev",
    "dh": "debhelper",
}
# What is claimed of one state of the machine, before it is brought into the next.
ACTS = (
    "test_checkout.py",
    "test_package.py",
    "test_systemd.py",
    "test_runs.py",
    "test_sandbox.py",
    "test_power_cut.py",
    "test_removal.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the acts in their order; none of them is a test of a machine that runs beside others."""
    ours = [item for item in items if item.path.parent == HERE]
    for item in ours:
        item.add_marker(pytest.mark.vm)
        item.add_marker(pytest.mark.timeout(600))
    ours.sort(key=lambda item: ACTS.index(item.path.name))
    others = [item for item in items if item.path.parent != HERE]
    items[:] = others + ours


@pytest.fixture(scope="session")
def supplies() -> Iterator[Supplies]:
    """Return an image, a disk on which jobd is installed from a checkout, and the packages."""
    _demand_tools()
    CACHE.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=CACHE, prefix="work-") as work:
        yield make_supplies(Path(work))


def _demand_tools() -> None:
    missing = [package for tool, package in TOOLS.items() if shutil.which(tool) is None]
    mend = f"apt-get install {' '.join(missing)}" if missing else ""
    if os.geteuid() != 0:
        mend = "only root may make the image: sudo make vm-test"
    if mend and os.environ.get("CI"):
        pytest.fail(f"who asks for these tests needs what they need: {mend}")
    if mend:
        pytest.skip(mend)


@pytest.fixture(scope="session")
def machine(supplies: Supplies) -> Iterator[Machine]:
    """Return the machine, started for the first time."""
    with Machine(supplies.image, supplies.disk, supplies.accelerator, supplies.cargo) as machine:
        yield machine


@pytest.fixture(scope="session")
def from_checkout(machine: Machine) -> Server:
    """Return the server on which jobd was installed from a checkout."""
    return Server(machine)


@pytest.fixture(scope="session")
def server(machine: Machine) -> Server:
    """Return the server once the package has taken the place of that installation."""
    server = Server(machine)
    server.run(
        "systemctl disable --quiet --now jobd jobd-supervisor && rm -r /opt/jobd "
        "/usr/local/bin/jobd /usr/lib/systemd/system/jobd*.service && systemctl daemon-reload"
    )
    server.run("mkdir /srv/cargo && tar -xf /dev/vdb -C /srv/cargo")
    server.run(f"{APT} /srv/cargo/jobd.deb", within_s=240)
    server.run("cp /root/jobs.toml /etc/jobd/jobs.d/ && jobd check && jobd ctl reload")
    return server


@pytest.fixture(scope="session")
def afterwards(server: Server, supplies: Supplies) -> Iterator[Afterwards]:
    """Return the server after the power cut, once jobd has caught up."""
    server.cancel("steady")
    cut_run = server.start("steady")
    server.wait_for_beats()
    cut_after = datetime.fromisoformat(server.ctl("status")["now"])
    server.machine.cut_power()
    with Machine(supplies.image, supplies.disk, supplies.accelerator) as machine:
        again = Server(machine)
        again.wait_until("systemctl is-active --quiet jobd && jobd ctl status")
        started_at = str(again.ctl("status")["started_at"])[:19]
        again.wait_until(f'[[ "$(tail -n 1 {EVIDENCE}/clock)" > "{started_at}" ]]')
        yield Afterwards(again, cut_run, cut_after)
