"""Launch: from a run and its job to all that the supervisor needs, resolved.

Users become numbers, paths absolute, and the environment is made anew: nothing of the
daemon's own environment reaches a job.
"""

import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from grp import getgrall, getgrnam
from pathlib import Path

from jobd.core.claim import ActiveRun
from jobd.core.job import Job
from jobd.errors import JobdError
from jobd.ports import Launch

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_UMASK = 0o022


class LaunchError(JobdError):
    """A run cannot be prepared: no such user, an unreadable env_file."""


@dataclass(frozen=True, slots=True)
class Identity:
    """As whom a job runs; the numbers are None when nothing is switched."""

    uid: int | None
    gid: int | None
    groups: tuple[int, ...]
    name: str
    home: str
    shell: str


def launch(run: ActiveRun, job: Job, output: Path) -> Launch:
    """Return what the supervisor needs. ``LaunchError`` says what cannot be resolved."""
    identity = resolve_identity(job.command.user, job.command.group)
    limits = job.limits
    return Launch(
        run=run,
        argv=job.command.argv,
        env=environment(run, job, identity),
        cwd=job.command.cwd or identity.home or "/",
        output=str(output),
        output_max_bytes=job.output_max_bytes,
        stop_signal=job.stop_signal,
        kill_after_s=job.kill_after.total_seconds(),
        uid=identity.uid,
        gid=identity.gid,
        groups=identity.groups,
        umask=DEFAULT_UMASK if job.command.umask is None else job.command.umask,
        stdin=job.command.stdin,
        timeout_s=job.timeout.total_seconds() if job.timeout is not None else None,
        memory_max_bytes=limits.memory_max_bytes,
        memory_high_bytes=limits.memory_high_bytes,
        cpu_max=limits.cpu_max,
        cpu_weight=limits.cpu_weight,
        io_weight=limits.io_weight,
        pids_max=limits.pids_max,
        nice=limits.nice,
        oom_score_adj=limits.oom_score_adj,
    )


def resolve_identity(user: str | None, group: str | None) -> Identity:
    """Return as whom to run. Without ``user`` that is whoever the daemon runs as."""
    entry = _user(user)
    gid = _group(group) if group is not None else entry.pw_gid
    if user is None and group is None:
        return Identity(None, None, (), entry.pw_name, entry.pw_dir, entry.pw_shell)
    groups = {gid, *(g.gr_gid for g in getgrall() if entry.pw_name in g.gr_mem)}
    uid = entry.pw_uid
    return Identity(uid, gid, tuple(sorted(groups)), entry.pw_name, entry.pw_dir, entry.pw_shell)


def environment(run: ActiveRun, job: Job, identity: Identity) -> dict[str, str]:
    """Return the job's whole environment: the basics, its file, its own keys, jobd's facts."""
    env = {
        "PATH": DEFAULT_PATH,
        "HOME": identity.home,
        "USER": identity.name,
        "LOGNAME": identity.name,
        "SHELL": identity.shell or "/bin/sh",
        "LANG": "C.UTF-8",
        "TZ": job.timezone,
    }
    if job.command.env_file is not None:
        env.update(read_env_file(Path(job.command.env_file)))
    env.update(job.command.env)
    env.update(_facts(run))
    env.update({f"JOBD_PARAM_{name.upper()}": value for name, value in run.params})
    return env


def read_env_file(path: Path) -> Mapping[str, str]:
    """Return the assignments of a file of ``KEY=value`` lines, as systemd's EnvironmentFile:
    blank lines and those that start with # or ; are comments, one pair of quotes is dropped."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise LaunchError(f"env_file {path} cannot be read: {error}") from error
    pairs = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        name, equals, value = stripped.partition("=")
        if not equals or not name.strip():
            raise LaunchError(f"env_file {path}:{number}: write KEY=value")
        pairs[name.strip()] = _unquoted(value.strip())
    return pairs


def _facts(run: ActiveRun) -> dict[str, str]:
    return {
        "JOBD_JOB": run.job,
        "JOBD_RUN_ID": run.run_id,
        "JOBD_TICK": f"{run.fire_time:%Y-%m-%dT%H:%M:%SZ}" if run.fire_time else "",
        "JOBD_ATTEMPT": str(run.attempt),
        "JOBD_NODE": run.node,
        "JOBD_TRIGGER": run.trigger.value,
        "JOBD_FENCING_TOKEN": str(run.token),
    }


def _unquoted(value: str) -> str:
    is_quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if is_quoted else value


def _user(name: str | None) -> pwd.struct_passwd:
    if name is None:
        return _own_entry()
    try:
        return pwd.getpwuid(int(name)) if name.isdecimal() else pwd.getpwnam(name)
    except KeyError:
        raise LaunchError(f"no user {name} on this machine; create it or change user") from None


def _own_entry() -> pwd.struct_passwd:
    """Return the daemon's own entry, or a bare one: containers often run under a lone number."""
    uid, gid = os.getuid(), os.getgid()
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        return pwd.struct_passwd((str(uid), "x", uid, gid, "", "/", "/bin/sh"))


def _group(name: str) -> int:
    if name.isdecimal():
        return int(name)
    try:
        return getgrnam(name).gr_gid
    except KeyError:
        raise LaunchError(f"no group {name} on this machine; create it or change group") from None
