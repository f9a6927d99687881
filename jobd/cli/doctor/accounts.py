"""Accounts: whether jobs can be run as the users and groups that they name."""

import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from jobd.cli.doctor.finding import Finding, fail, ok, warn
from jobd.config import machine
from jobd.core.job import Job

_CAP_SETGID, _CAP_SETUID = 6, 7
_FEW = 3


def account_findings(jobs: Collection[Job], *, has_daemon: bool) -> Iterator[Finding]:
    """Yield whether users can be switched, and which that jobs name are not there."""
    users = _named((job.command.user, job.name) for job in jobs)
    groups = _named((job.command.group, job.name) for job in jobs)
    can_switch = machine.is_root() or has_capabilities(_text("/proc/self/status"))
    yield judge_switching(can_switch, {*users, *groups}, has_daemon=has_daemon)
    yield from judge_names("user", users, {name for name in users if machine.has_user(name)})
    yield from judge_names("group", groups, {name for name in groups if machine.has_group(name)})


def judge_switching(can_switch: bool, named: Collection[str], *, has_daemon: bool) -> Finding:
    """Return whether jobs can run as somebody else. ``has_daemon``: one runs, which need not be
    who asks the doctor."""
    if can_switch:
        return ok("switching", "jobs may run as any user")
    here = f"not as user {os.geteuid()}, who is not root"
    if not named:
        return ok("switching", f"{here}; and no job asks for it")
    if has_daemon:
        return warn("switching", f"{here}; whether the daemon may is not seen from here", _SUDO)
    return fail("switching", f"{here}, and jobs name {_few(named)}", "run jobd as root")


def judge_names(kind: str, jobs_of: dict[str, list[str]], known: Collection[str]) -> list[Finding]:
    """Return a failure for each name that this machine does not know, or that it knows all."""
    if not jobs_of:
        return []
    unknown = [name for name in jobs_of if name not in known]
    if not unknown:
        return [ok(f"{kind}s", f"{_few(jobs_of)}: known here")]
    return [
        fail(
            f"{kind}s",
            f"{name} is not known here; asked for by {_few(jobs_of[name])}",
            f"create the {kind}, or mend its name",
        )
        for name in unknown
    ]


def has_capabilities(status: str) -> bool:
    """Return whether /proc/self/status tells of CAP_SETUID and CAP_SETGID (capabilities(7))."""
    for line in status.splitlines():
        if line.startswith("CapEff:"):
            mask = int(line.split()[1], 16)
            return bool(mask >> _CAP_SETUID & 1 and mask >> _CAP_SETGID & 1)
    return False


_SUDO = "ask as root: sudo jobd doctor"


def _named(pairs: Iterable[tuple[str | None, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, job in pairs:
        if name is not None:
            found.setdefault(name, []).append(job)
    return found


def _few(names: Collection[str]) -> str:
    shown = ", ".join(sorted(names)[:_FEW])
    return f"{shown} and {len(names) - _FEW:,} more" if len(names) > _FEW else shown


def _text(path: str) -> str:
    with suppress(OSError):
        return Path(path).read_text(encoding="ascii")
    return ""
