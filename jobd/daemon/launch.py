"""Launch: from a run and its job to all that the supervisor needs, resolved.

Users become numbers, paths absolute, and the environment is made anew: nothing of the
daemon's own environment reaches a job.
"""

import functools
import os
import pwd
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from grp import getgrnam
from pathlib import Path

from jobd.config.names import VARIABLE
from jobd.core.claim import ActiveRun
from jobd.core.job import Command, Job
from jobd.daemon.secret_values import secret_values
from jobd.errors import JobdError
from jobd.ports import Launch

Variables = Mapping[str, str]
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_UMASK = 0o022
ENV_FILE_MAX_BYTES = 1 << 20  # no exec takes more


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


def needs_lookup(command: Command) -> bool:
    """Whether preparing it asks the world, which may take its time: a directory of users over
    the network, a file."""
    return not command.user is command.group is command.env_file is None


def launch(
    run: ActiveRun, job: Job, params: Variables, output: Path, known: Sequence[str] = ()
) -> Launch:
    """Return what the supervisor needs. ``LaunchError`` says what cannot be resolved.

    ``params`` are those of the run that were judged (:mod:`jobd.daemon.run_params`). ``known`` are
    secrets that it is not given, and that it shall not show all the same.
    """
    identity = resolve_identity(job.command.user, job.command.group)
    limits = job.limits
    from_file = _variables_of_file(job)
    env = environment(run, job, identity, from_file, params)
    return Launch(
        run=run,
        argv=job.command.argv,
        env=env,
        cwd=job.command.cwd or _home(identity),
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
        watchdog_s=job.watchdog.total_seconds() if job.watchdog is not None else None,
        steps=None if job.steps is None else (job.steps.start, job.steps.end),
        memory_max_bytes=limits.memory_max_bytes,
        memory_high_bytes=limits.memory_high_bytes,
        cpu_max=limits.cpu_max,
        cpu_weight=limits.cpu_weight,
        io_weight=limits.io_weight,
        pids_max=limits.pids_max,
        nice=limits.nice,
        oom_score_adj=limits.oom_score_adj,
        secrets=secret_values(env, from_file, known),
    )


def _home(identity: Identity) -> str:
    """Return where a job starts that does not say where: accounts such as nobody name a home
    that does not exist, and cron goes on in / then."""
    return identity.home if os.path.isdir(identity.home) else "/"


def resolve_identity(user: str | None, group: str | None) -> Identity:
    """Return as whom to run. Without ``user`` that is whoever the daemon runs as."""
    entry = _user(user)
    gid = _group(group) if group is not None else entry.pw_gid
    if user is None and group is None:
        return Identity(None, None, (), entry.pw_name, entry.pw_dir, entry.pw_shell)
    # As initgroups(3): a directory of users may know its members and yet list no groups.
    groups = tuple(sorted(os.getgrouplist(entry.pw_name, gid)))
    return Identity(entry.pw_uid, gid, groups, entry.pw_name, entry.pw_dir, entry.pw_shell)


def _variables_of_file(job: Job) -> Mapping[str, str]:
    return {} if job.command.env_file is None else read_env_file(Path(job.command.env_file))


def environment(
    run: ActiveRun, job: Job, identity: Identity, from_file: Variables, params: Variables
) -> dict[str, str]:
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
    env.update(from_file)
    env.update(job.command.env)
    env.update(_facts(run))
    env.update({f"JOBD_PARAM_{name.upper()}": value for name, value in params.items()})
    return env


def read_env_file(path: Path) -> Mapping[str, str]:
    """Return the assignments of a file of ``KEY=value`` lines, as systemd's EnvironmentFile:
    blank lines and those that start with # or ; are comments, one pair of quotes is dropped.

    ``LaunchError`` names the line; it never repeats what stands there: it may be a secret.
    """
    pairs = {}
    for number, line in enumerate(_text_of(path).split("\n"), 1):
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        name, equals, value = (part.strip() for part in stripped.partition("="))
        if not equals or not VARIABLE.fullmatch(name) or "\0" in value:
            raise LaunchError(f"env_file {path}:{number}: is no assignment; write KEY=value")
        pairs[name] = _unquoted(value)
    return pairs


def _text_of(path: Path) -> str:
    try:
        # Non-blocking, or a FIFO that nobody writes to would hold up every start.
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise LaunchError(f"env_file {path} is no file; name one")
            if mode & stat.S_IWOTH and os.geteuid() == 0:  # LD_PRELOAD is a variable, too
                raise LaunchError(f"env_file {path} may be written by anyone; chmod o-w it")
            data = file.read(ENV_FILE_MAX_BYTES + 1)
    except OSError as error:
        raise LaunchError(f"env_file {path} cannot be read: {error.strerror}") from error
    if len(data) > ENV_FILE_MAX_BYTES:
        raise LaunchError(f"env_file {path} is larger than {ENV_FILE_MAX_BYTES >> 20} MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LaunchError(f"env_file {path} is not UTF-8 at byte {error.start}") from None


def _unquoted(value: str) -> str:
    is_quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if is_quoted else value


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


def _user(name: str | None) -> pwd.struct_passwd:
    if name is None:
        return _own_entry()
    try:
        return pwd.getpwuid(int(name)) if name.isdecimal() else pwd.getpwnam(name)
    except KeyError:
        raise LaunchError(f"no user {name} on this machine; create it or change user") from None


@functools.cache
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
