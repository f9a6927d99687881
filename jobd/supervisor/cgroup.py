"""Which cgroup hierarchies this machine mounts, and where in them we are: cgroups(7)."""

import os
import re

V1_LIMITS = ("memory", "pids", "cpu", "blkio")
# By these, in this order, a v1 hierarchy can tell the members of a tree. Any would do;
# the first cost the least to make groups in.
V1_TREES = ("pids", "freezer", "name=systemd", "memory", "cpu")


class Hierarchies:
    """Our own group in each hierarchy: ``v2`` its directory or None, ``v1`` by controller."""

    def __init__(self, v2: str | None, v1: dict[str, str]) -> None:
        self.v2 = v2
        self.v1 = v1


def find_hierarchies() -> Hierarchies:
    """Return the hierarchies of this process, as /proc tells."""
    return parse_hierarchies(_text("/proc/self/mountinfo"), _text("/proc/self/cgroup"))


def parse_hierarchies(mountinfo: str, own: str) -> Hierarchies:
    """Return the hierarchies named by the two files of /proc/self.

    A hierarchy whose mount does not show our own group (a container that sees only a
    part of it) is left out: we could not tell where we are.
    """
    groups = dict(_own_groups(own))
    v2: str | None = None
    v1: dict[str, str] = {}
    for root, mount_point, kind, options in parse_mounts(mountinfo):
        if kind == "cgroup2" and v2 is None:
            v2 = _directory(root, mount_point, groups.get(""))
        names = options.split(",") if kind == "cgroup" else []
        shown = {name: _directory(root, mount_point, groups.get(name)) for name in names}
        v1 |= {name: path for name, path in shown.items() if path is not None and name not in v1}
    return Hierarchies(v2, v1)


def make(directory: str) -> None:
    """Make a group that everybody may look into, whatever our umask.

    Runtimes size themselves by the limits that they read of their own group, and most jobs
    are not root.
    """
    os.mkdir(directory)
    os.chmod(directory, 0o755)  # noqa: S103 - to be read is what it is for


def write(path: str, value: str) -> None:
    """Write a group's file; OSError names the file and the value refused."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, value.encode())
    except OSError as error:
        name = os.path.basename(path)
        raise OSError(
            error.errno, f"{name} refuses {value}: {os.strerror(error.errno or 0)}"
        ) from None
    finally:
        os.close(fd)


def read(path: str) -> str:
    """Return a group's file, at most its first 64 KiB."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 1 << 16).decode()
    finally:
        os.close(fd)


def read_pids(directory: str) -> list[int]:
    """Return the members of a group and of the groups below it."""
    try:
        with open(f"{directory}/cgroup.procs") as lines:
            pids = [int(line) for line in lines]
        for name in _subgroups(directory):
            pids += read_pids(f"{directory}/{name}")
    except OSError:  # the group is gone
        return []
    return pids


def remove(directory: str) -> bool:
    """Remove a group, and the groups that its members made in it; False while it has members."""
    try:
        os.rmdir(directory)
    except FileNotFoundError:
        return True
    except OSError:
        below = _subgroups(directory)
        removed = [remove(f"{directory}/{name}") for name in below]  # all that can be
        return bool(below) and all(removed) and remove(directory)
    return True


def _subgroups(directory: str) -> list[str]:
    try:
        with os.scandir(directory) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def parse_mounts(mountinfo: str) -> list[tuple[str, str, str, str]]:
    """Return root, mount point, kind and options of each mount: proc_pid_mountinfo(5)."""
    found = []
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        where, what = before.split(), after.split()
        if len(where) >= 5 and len(what) >= 3:
            found.append((where[3], where[4], what[0], what[2]))
    return found


def _own_groups(own: str) -> list[tuple[str, str]]:
    found = []
    for line in own.splitlines():
        _, names, path = line.split(":", 2)
        found += [(name, path) for name in names.split(",")]
    return found


def _directory(root: str, mount_point: str, path: str | None) -> str | None:
    root, mount_point = _unescape(root), _unescape(mount_point)
    if path is None or path.startswith("/.."):
        return None
    if root != "/":
        if path != root and not path.startswith(root + "/"):
            return None
        path = path[len(root) :]
    return mount_point + path.rstrip("/")


def _unescape(path: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path)


def _text(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""
