"""Facts about this machine that a configuration is held against."""

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def is_root() -> bool:
    """Return whether this process may do everything."""
    return os.geteuid() == 0


def host_name() -> str:
    """Return the name under which the kernel knows this node (uname(2))."""
    return os.uname().nodename


def timezone(root: Path = Path("/")) -> str:
    """Return the name of this machine's time zone: what ``/etc/timezone`` says, as for Debian's
    cron, or where ``/etc/localtime`` leads, as systemd has it (localtime(5)); or else UTC."""
    with suppress(OSError, UnicodeDecodeError):
        if name := (root / "etc/timezone").read_text(encoding="ascii").strip():
            return name
    with suppress(OSError):
        target = os.readlink(root / "etc/localtime")
        return target.rpartition("/zoneinfo/")[2] if "/zoneinfo/" in target else "UTC"
    return "UTC"


def memory_bytes() -> int:
    """Return the memory that this process and its children may use, in bytes: the machine's
    (sysconf(3)), or less where a cgroup around it says so, as that of a container does."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(OSError):
        return min([physical, *_ceilings(Path("/proc/self/cgroup").read_text(encoding="utf-8"))])
    return physical


def _ceilings(groups: str, root: Path = Path("/sys/fs/cgroup")) -> Iterator[int]:
    """Yield the ceilings of the groups in ``/proc/self/cgroup`` (cgroups(7)), and of all that
    they are in. A container may see its own group as the root, under another path."""
    for line in groups.splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            base, name = root, "memory.max"
        elif "memory" in controllers.split(","):
            base, name = root / "memory", "memory.limit_in_bytes"
        else:
            continue
        group = base / path.lstrip("/")
        for folder in (group, *group.parents):
            if folder.is_relative_to(base):
                yield from _number_in(folder / name)


def _number_in(file: Path) -> Iterator[int]:
    with suppress(OSError, ValueError):  # no such group here, or "max": no ceiling
        yield int(file.read_text(encoding="ascii"))


def is_public(path: str) -> bool:
    """Return whether a file's mode lets everybody read it."""
    try:
        return bool(os.stat(path).st_mode & stat.S_IROTH)
    except OSError:  # removed since it was read
        return False


def has_user(name: str) -> bool:
    """Return whether a user of this name, or number, is known here."""
    try:
        pwd.getpwuid(int(name)) if name.isdigit() else pwd.getpwnam(name)
    except (KeyError, OverflowError):
        return False
    return True


def has_group(name: str) -> bool:
    """Return whether a group of this name, or number, is known here."""
    try:
        grp.getgrgid(int(name)) if name.isdigit() else grp.getgrnam(name)
    except (KeyError, OverflowError):
        return False
    return True
