"""The image: Debian 12 with systemd, as mmdebstrap makes it of Debian's own packages, and in it
the attendant, who does as the tests say. Made once for each list of packages and kept in .vm/."""

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
CACHE = ROOT / ".vm"
ATTENDANT = Path(__file__).parent / "attendant.py"
SUITE = "bookworm"
PACKAGES = (
    "apt", "dbus", "init-system-helpers", "initramfs-tools", "kmod", "linux-image-cloud-amd64",
    "procps", "python3", "python3-venv", "systemd", "systemd-sysv", "udev",
)  # fmt: skip
DISK_BYTES = 1 << 30
BUILD_WITHIN_S = 300
KEPT = 1  # images of other lists, and of other attendants, are of no more use

# A real initramfs, but with what this machine has and no more.
_INITRAMFS = """
mkdir -p $1/etc/initramfs-tools/conf.d
printf 'MODULES=list\\nCOMPRESS=gzip\\n' > $1/etc/initramfs-tools/conf.d/vm
printf 'virtio_pci\\nvirtio_blk\\nvirtio_console\\n' > $1/etc/initramfs-tools/modules
"""
# What only costs a machine without screen, network and clock drift its time.
_MASKED = (
    "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer",
    "e2scrub_reap.service", "fstrim.timer", "systemd-timesyncd.service", "getty@tty1.service",
    "serial-getty@ttyS0.service", "systemd-pstore.service", "systemd-binfmt.service",
    "proc-sys-fs-binfmt_misc.automount", "systemd-update-utmp.service", "dev-hugepages.mount",
    "sys-kernel-debug.mount", "sys-kernel-tracing.mount", "sys-kernel-config.mount",
    "systemd-udev-trigger.service", "modprobe@.service", "systemd-udev-settle.service",
)  # fmt: skip
_UNIT = """
[Unit]
Description=Does as the tests say
After=multi-user.target

[Service]
ExecStart=/usr/bin/python3 /usr/local/lib/attendant.py
# A shell of root's, as by ssh: what it starts in the background survives it.
Environment=HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
KillMode=process

[Install]
WantedBy=default.target
"""


@dataclass(frozen=True, slots=True)
class Image:
    """What a machine is started from: a kernel, its initramfs, and the root directory's tree."""

    directory: Path

    @property
    def kernel(self) -> Path:
        return self.directory / "vmlinuz"

    @property
    def initramfs(self) -> Path:
        return self.directory / "initrd"

    @property
    def tree(self) -> Path:
        return self.directory / "tree"


def make_image() -> Image:
    """Return the image of this list of packages, made if it is not there yet."""
    directory = CACHE / f"image-{_key()}"
    if not directory.exists():
        unfinished = CACHE / "unfinished"
        _discard(unfinished)
        for old in CACHE.glob("image-*"):
            _discard(old)
        unfinished.mkdir(parents=True)
        _build(Image(unfinished))
        unfinished.rename(directory)
    return Image(directory)


def make_disk(tree: Path, disk: Path) -> None:
    """Make a disk with a file system that holds what a tree holds."""
    with disk.open("wb") as file:
        file.truncate(DISK_BYTES)
    _run("mke2fs", "-q", "-t", "ext4", "-d", str(tree), str(disk))


def _key() -> str:
    """Return what changes with anything that goes into the image."""
    recipe = b"".join(path.read_bytes() for path in (Path(__file__), ATTENDANT))
    return hashlib.blake2b(recipe, digest_size=8).hexdigest()


def _build(image: Image) -> None:
    # mmdebstrap does not download what it knows to be unchanged, but it unpacks and sets up:
    # without fsync that is bearable.
    _run(
        "mmdebstrap", "--variant=minbase", "--mode=root", f"--include={','.join(PACKAGES)}",
        '--aptopt=Acquire::Languages "none"', '--aptopt=APT::Install-Recommends "false"',
        "--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
        "--dpkgopt=force-unsafe-io", f"--essential-hook={_INITRAMFS}", SUITE, str(image.tree),
    )  # fmt: skip
    boot = image.tree / "boot"
    shutil.move(next(boot.glob("vmlinuz-*")), image.kernel)
    shutil.move(next(boot.glob("initrd.img-*")), image.initramfs)
    units = image.tree / "etc/systemd/system"
    for name in _MASKED:
        (units / name).symlink_to("/dev/null")
    shutil.copy(ATTENDANT, image.tree / "usr/local/lib/attendant.py")
    (units / "attendant.service").write_text(_UNIT, encoding="ascii")
    _run("chroot", str(image.tree), "systemctl", "enable", "--quiet", "attendant.service")
    (image.tree / "etc/hostname").write_text("vm\n", encoding="ascii")


def _discard(directory: Path) -> None:
    if directory.exists():
        shutil.rmtree(directory)


def _run(*argv: str) -> None:
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=BUILD_WITHIN_S, check=False,
        stdin=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
    assert done.returncode == 0, f"{argv[0]} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
