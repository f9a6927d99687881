"""The state directory: rights, file system, space, and whether the disk keeps what it is given."""

import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jobd.cli.doctor.finding import Finding, fail, ok, warn
from jobd.config.units import format_size
from jobd.ports import Clock
from jobd.supervisor.cgroup import parse_mounts

LEAST_BYTES, FEW_BYTES = 64 << 20, 1 << 30
LEAST_INODES, FEW_INODES = 1_000, 20_000
SLOW_SYNC_S = 0.1

_GONE = {
    "tmpfs": "is gone when the machine starts anew",
    "ramfs": "is gone when the machine starts anew",
    "overlay": "is a container's own layer, gone with the container",
}
_KERNEL_S = {
    "proc", "sysfs", "cgroup", "cgroup2", "devpts", "debugfs", "tracefs", "securityfs", "configfs",
    "bpf", "mqueue", "pstore", "efivarfs", "fusectl", "binfmt_misc", "autofs", "selinuxfs",
}  # fmt: skip
_REMOTE = {"nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "glusterfs", "afs", "fuse.sshfs"}
_ELSEWHERE = "give daemon.state_dir a directory on a local disk"


@dataclass(frozen=True, slots=True)
class Room:
    """What a file system has left for us; ``inodes`` None where it does not count them."""

    free_bytes: int
    inodes: int | None


def state_findings(state_dir: Path, clock: Clock, *, has_daemon: bool) -> Iterator[Finding]:
    """Yield how the state directory is. ``has_daemon``: one runs, and uses it."""
    there = _nearest(state_dir)
    kind = kind_of(Path("/proc/self/mountinfo").read_text(encoding="utf-8"), there)
    if kind in _KERNEL_S:
        yield judge_kind(there, kind)
        return
    yield _distrust(state_dir, has_daemon=has_daemon) or judge_rights(
        state_dir, there, is_usable=_is_usable(there), has_daemon=has_daemon
    )
    yield judge_kind(there, kind)
    yield from judge_room(_room(there))
    if there == state_dir and _is_usable(there):
        yield judge_sync(_time_sync(there, clock))


def judge_rights(state_dir: Path, there: Path, *, is_usable: bool, has_daemon: bool) -> Finding:
    """Return whether we may use the directory, or make it below ``there``, which exists."""
    if there == state_dir and is_usable:
        return ok("directory", str(state_dir))
    if is_usable:
        return ok("directory", f"{state_dir} is not there yet; the daemon makes it")
    who = f"user {os.geteuid()}"
    if has_daemon:
        words = f"{state_dir} is closed to {who}, but not to the daemon that runs"
        return warn("directory", words, "ask as the daemon's user: sudo jobd doctor")
    if not there.is_dir():
        return fail("directory", f"{there} is no directory", _ELSEWHERE)
    where = state_dir if there == state_dir else f"{there}, where it would be made,"
    mend = "ask as the daemon's user (sudo jobd doctor), or give daemon.state_dir a directory of it"
    return fail("directory", f"{where} may not be written by {who}", mend)


def judge_trust(state_dir: Path, owner: int, mode: int) -> Finding | None:
    """Return why a daemon would refuse a directory that it may use, as jobd.store.lock does; None
    if nothing is wrong with it. A daemon of its owner would take one that is not root's."""
    if mode & stat.S_IWOTH:
        words = f"{state_dir} may be written by anyone: the daemon does not start with it"
        return fail("directory", words, "chmod o-w it, or name a folder in it")
    if owner not in (0, os.geteuid()):
        words = f"{state_dir} belongs to user {owner}: only a daemon of that user starts with it"
        return warn("directory", words, "ask as that user; or chown it to the daemon's")
    return None


def judge_kind(there: Path, kind: str) -> Finding:
    """Return whether this kind of file system keeps files, and locks on them."""
    if kind in _KERNEL_S:
        words = f"{kind} at {there} is the kernel's own: it keeps no file"
        return fail("directory", words, _ELSEWHERE)
    if kind in _REMOTE:
        words = f"{kind} at {there}: locks and logs of a database are not safe over a network"
        return warn("file system", words, _ELSEWHERE)
    if kind in _GONE:
        return warn("file system", f"{kind}: what lies there {_GONE[kind]}", _ELSEWHERE)
    return ok("file system", kind or "unknown")


def judge_room(room: Room) -> Iterator[Finding]:
    """Yield whether there is room for history and output."""
    words = f"{format_size(room.free_bytes)} free"
    if room.free_bytes < LEAST_BYTES:
        yield fail("space", words, "free some: nothing starts on a full disk")
    elif room.free_bytes < FEW_BYTES:
        yield warn("space", words, "free some, or lower store.keep_runs and output_max")
    else:
        yield ok("space", words)
    if room.inodes is None:
        return
    words = f"{room.inodes:,} free"
    if room.inodes < LEAST_INODES:
        yield fail("inodes", words, "remove files: every run's output is one")
    elif room.inodes < FEW_INODES:
        yield warn("inodes", words, "remove files, or lower store.keep_runs")
    else:
        yield ok("inodes", words)


def judge_sync(took_s: float) -> Finding:
    """Return how long the disk takes to keep a line: every start waits for one such time."""
    words = f"the disk keeps a line within {took_s * 1000:,.1f} ms"
    if took_s > SLOW_SYNC_S:
        return warn("fsync", f"{words}: every start waits for it", "use a faster disk")
    return ok("fsync", words)


def kind_of(mountinfo: str, path: Path) -> str:
    """Return the kind of the file system that a path lies on, "" if no mount tells."""
    found = parse_mounts(mountinfo)
    above = {str(path), *map(str, path.parents)}
    lengths = [(len(point), number, kind) for number, (_, point, kind, _) in enumerate(found)
               if point in above]  # fmt: skip
    return max(lengths)[2] if lengths else ""  # of two at one place, the later one shows


def _nearest(path: Path) -> Path:
    """Return the path, or what exists of it."""
    return next((p for p in (path, *path.parents) if os.path.lexists(p)), Path("/"))


def _is_usable(path: Path) -> bool:
    return path.is_dir() and os.access(path, os.R_OK | os.W_OK | os.X_OK)


def _distrust(state_dir: Path, *, has_daemon: bool) -> Finding | None:
    """Return what :func:`judge_trust` says; None also where a daemon has taken it already, where
    it is not there, or where we may not use it, which says more."""
    if has_daemon or not _is_usable(state_dir):
        return None
    facts = state_dir.stat()
    return judge_trust(state_dir, facts.st_uid, facts.st_mode)


def _room(path: Path) -> Room:
    facts = os.statvfs(path)
    inodes = facts.f_favail if facts.f_files else None
    return Room(facts.f_bavail * facts.f_frsize, inodes)


def _time_sync(folder: Path, clock: Clock) -> float:
    """Return how long a line takes to the disk and back to us; its file has no name that stays."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as probe:
        probe.write(b"jobd\n")
        probe.flush()
        begin_s = clock.steady_s()
        os.fsync(probe.fileno())
        return clock.steady_s() - begin_s
