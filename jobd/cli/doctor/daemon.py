"""The daemon: whether one runs, its socket and who may use it, its address for HTTP."""

import errno
import grp
import os
import socket
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from jobd import __version__
from jobd.cli.ctl.client import Client, group_name
from jobd.cli.ctl.errors import CtlError, NotPermitted, Unreachable
from jobd.cli.doctor.finding import Finding, fail, ok, warn
from jobd.cli.doctor.service import is_booted
from jobd.config.model import HttpAddress

GROUP = "jobd"
MODE = 0o660
PATIENCE_S = 3.0
Status = Mapping[str, Any]


class Line(StrEnum):
    """What came of trying to reach a daemon."""

    ANSWERED = "answered"
    CLOSED = "closed to us"
    STALE = "a socket at which nobody listens"
    NONE = "no socket"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Contact:
    """Whether a daemon answers on the socket: its status, or the words why not."""

    line: Line
    status: Status | None = None
    words: str = ""

    @property
    def is_running(self) -> bool:
        """Whether a daemon runs, for all that can be seen: one that is closed to us may."""
        return self.line in (Line.ANSWERED, Line.SILENT, Line.CLOSED)


@dataclass(frozen=True, slots=True)
class Place:
    """The socket's file and its directory; None where there is none, or it is not seen."""

    mode: int | None
    group: str | None
    directory: Path  # what exists of it
    may_make: bool


def reach(path: Path) -> Contact:
    """Return what answers on a socket."""
    try:
        return Contact(Line.ANSWERED, Client(str(path), timeout_s=PATIENCE_S).get("status"))
    except NotPermitted as error:
        return Contact(Line.CLOSED, words=error.message)
    except Unreachable as error:
        return Contact(_unreachable(path), words=error.message)
    except CtlError as error:
        return Contact(Line.SILENT, words=error.message)


def judge_daemon(contact: Contact) -> Finding:
    """Return whether a daemon runs, is ready, and is of this version."""
    status = contact.status
    if contact.line is Line.CLOSED:
        mend = "ask with sudo, or join the group of the socket"
        return warn("daemon", "one may be running; its socket is closed to us", mend)
    if contact.line is Line.SILENT:
        return fail("daemon", contact.words, "look at its log: journalctl -u jobd")
    if status is None:
        start = "systemctl start jobd, or jobd run, if one should"
        return warn("daemon", "none is running here", start)
    words = f"jobd {status['version']}, node {status['node']}, pid {status['pid']}"
    if status["version"] != __version__:
        mend = "systemctl restart jobd: running jobs do not notice"
        return warn("daemon", f"{words}; this command is {__version__}", mend)
    if not status["ready"]:
        reason = f"{words}, not ready: {status['ready_reason']}"
        return fail("daemon", reason, "see docs/operating.md; jobd ctl status")
    return ok("daemon", f"{words}, ready")


def socket_findings(path: Path, contact: Contact) -> Iterator[Finding]:
    """Yield whether the socket is as it should be, or could be made."""
    yield judge_socket(path, contact.line, _place(path))
    yield judge_group(has_group=_has_group(), has_systemd=is_booted())


def judge_socket(path: Path, line: Line, place: Place) -> Finding:
    """Return what is the matter with the socket's file, or the place for it."""
    if line is Line.STALE:
        mend = "start jobd, which replaces it; nothing else need be done"
        return warn("socket", f"{path} is left over: nobody listens", mend)
    if place.mode is None:
        return _judge_directory(path, line, place)
    words = f"{path}, group {place.group}, mode {stat.S_IMODE(place.mode):04o}"
    if not stat.S_ISSOCK(place.mode):
        return fail("socket", f"{path} is no socket", "name another daemon.socket, or remove it")
    if stat.S_IMODE(place.mode) & 0o777 != MODE:
        return warn("socket", f"{words}; jobd makes it 0660", f"chmod 0660 {path}: who changed it?")
    if line is Line.CLOSED:
        return warn("socket", f"{words}: not for you", _join(place.group))
    return ok("socket", words)


def judge_group(*, has_group: bool, has_systemd: bool) -> Finding:
    """Return whether there is a group that may control the unit's daemon without being root."""
    if has_group:
        return ok("group", f"{GROUP} exists; its members may control the daemon of the unit")
    words = f"there is no group {GROUP}"
    if not has_systemd:
        return ok("group", f"{words}: who runs the daemon controls it, and that user's group")
    mend = "systemd-sysusers, with deploy/systemd/sysusers.d/jobd.conf"
    return warn("group", f"{words}: only root controls the daemon of the unit", mend)


def http_findings(address: HttpAddress | None, contact: Contact) -> Iterator[Finding]:
    """Yield whether the address for metrics and pages is free, or the daemon's."""
    if address is None:
        yield ok("http", 'off (daemon.http = "")')
        return
    yield judge_http(address, _trouble(address), contact)


def judge_http(address: HttpAddress, trouble: str, contact: Contact) -> Finding:
    """Return whose an address is; ``trouble``: why it could not be had, "" if it is free."""
    if not trouble:
        return ok("http", f"{address} is free")
    at = None if contact.status is None else str(contact.status["http"])
    if at == str(address):
        return ok("http", f"{address}, held by the daemon")
    mend = 'set another daemon.http, or "" for none'
    if not trouble.startswith(os.strerror(errno.EADDRINUSE)):
        # No address of this machine, or a port that asks for rights: nobody holds it.
        return fail("http", f"{address}: {trouble}", mend)
    if at is not None and at.endswith(f":{address.port}"):
        return ok(
            "http", f"{address} is held, by the daemon that listens on {at} until its restart"
        )
    if at is None and contact.is_running:
        return ok("http", f"{address} is held, by the daemon for all that is seen from here")
    # A daemon that answers says where it listens: what else is held, another has.
    but = f"; the daemon listens on {at or 'none'}" if at is not None else ""
    return fail(
        "http", f"{address}: {trouble}{but}", f"free it (ss -ltnp sport = {address.port}), {mend}"
    )


def _judge_directory(path: Path, line: Line, place: Place) -> Finding:
    if line is Line.CLOSED:
        return warn("socket", f"{place.directory} is closed to you", "ask with sudo")
    if place.may_make:
        return ok("socket", f"{path} is not there yet; the daemon makes it")
    if not place.directory.is_dir():
        words = f"{path} cannot be made: {place.directory} is no directory"
        return fail("socket", words, "name another daemon.socket")
    who = f"user {os.geteuid()}"
    words = f"{path} cannot be made: {place.directory} may not be written by {who}"
    mend = "ask as the daemon's user (sudo jobd doctor), or name another daemon.socket"
    return fail("socket", words, mend)


def _join(group: str | None) -> str:
    if group in (None, "root"):
        return "ask with sudo"
    return f"usermod -aG {group} USER, and a new login; or ask with sudo"


def _unreachable(path: Path) -> Line:
    """Return why nobody could be reached. A stale socket refuses; one in use is only slow."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return Line.NONE
    if not stat.S_ISSOCK(mode):
        return Line.NONE
    with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
        probe.settimeout(1.0)
        probe.connect(os.fspath(path))
        return Line.SILENT
    return Line.STALE


def _place(path: Path) -> Place:
    there = next((p for p in path.parents if os.path.lexists(p)), Path("/"))
    may_make = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
    try:
        facts = path.lstat()
    except OSError:
        return Place(None, None, there, may_make)
    return Place(facts.st_mode, group_name(facts.st_gid), there, may_make)


def _has_group() -> bool:
    try:
        grp.getgrnam(GROUP)
    except KeyError:
        return False
    return True


def _trouble(address: HttpAddress) -> str:
    """Return why nothing can listen on an address; the probe is closed at once."""
    try:
        family, _, _, _, at = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        socket.create_server(at[:2], family=family).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""
