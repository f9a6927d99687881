"""The jobs: whether what they name is on this machine."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from jobd.cli.doctor.access import closed_to
from jobd.cli.doctor.finding import Finding, fail, ok, warn
from jobd.core.hooks import HookKind
from jobd.core.job import Job
from jobd.daemon.launch import DEFAULT_PATH, LaunchError, read_env_file

FEW = 10  # findings of one kind; the rest is counted
_CLOSED = "ask as root (sudo jobd doctor): who runs the job may see more"


@dataclass(frozen=True, slots=True)
class Named:
    """Something that a job names, and where it does."""

    job: str
    key: str
    name: str


def job_findings(jobs: Collection[Job]) -> Iterator[Finding]:
    """Yield what jobs name that is not here. Where all is well that is one line."""
    enabled = [job for job in jobs if job.enabled]
    env_files = [job for job in enabled if job.command.env_file is not None]
    paths, troubles = dict[str, str](), list[Finding]()
    for file in sorted({job.command.env_file for job in env_files if job.command.env_file}):
        finding, path = _env_file(file)
        paths[file] = path
        troubles += [] if finding is None else [finding]
    yield from _bounded(troubles)
    if env_files and not troubles:
        yield ok("env files", f"{len(paths):,} readable")
    yield from _bounded(judge_programs(_programs(enabled), paths_of(enabled, paths), find))
    yield from _bounded(_closed_programs(enabled))
    yield from _bounded(_places(enabled))
    yield from judge_runbooks(enabled)


def judge_programs(
    named: Iterable[Named], search: Mapping[str, str], find: Callable[[str, str], bool]
) -> list[Finding]:
    """Return a warning for each program that is not found; ``search``: each job's PATH."""
    programs = list(named)
    missing = [one for one in programs if not find(one.name, search.get(one.job, DEFAULT_PATH))]
    if not missing:
        return [ok("commands", f"{len(programs):,} found")] if programs else []
    return [warn(one.job, *_not_found(one, search)) for one in missing]


def judge_runbooks(jobs: Collection[Job]) -> Iterator[Finding]:
    """Yield whether who is woken by a job is told what to do."""
    without = [job.name for job in jobs if not job.about.runbook]
    if jobs and not without:
        yield ok("runbooks", "every job has one")
    elif jobs:
        shown = ", ".join(without[:3]) + (f" and {len(without) - 3:,} more" if without[3:] else "")
        yield warn(
            "runbooks", f"none for {shown}", 'write runbook = "https://…" for who is on call'
        )


def find(name: str, path: str) -> bool:
    """Return whether a program is found by a PATH, as execvp(3) does."""
    if "/" in name:
        return os.access(name, os.X_OK) and not os.path.isdir(name)
    places = (f"{folder or '.'}/{name}" for folder in path.split(":"))
    return any(os.access(place, os.X_OK) and not os.path.isdir(place) for place in places)


def paths_of(jobs: Iterable[Job], of_files: Mapping[str, str]) -> dict[str, str]:
    """Return the PATH of each job: its own, its file's, or the built in one."""
    found = {}
    for job in jobs:
        of_file = of_files.get(job.command.env_file or "", "")
        found[job.name] = dict(job.command.env).get("PATH") or of_file or DEFAULT_PATH
    return found


def _programs(jobs: Iterable[Job]) -> Iterator[Named]:
    for job in jobs:
        hooks = ((kind.value, job.hooks.of(kind)) for kind in HookKind)
        argvs = [("command", job.command.argv)]
        argvs += [(key, hook.argv) for key, hook in hooks if hook is not None and hook.argv]
        for key, argv in argvs:
            if "/" not in argv[0] or os.path.isabs(argv[0]):
                yield Named(job.name, key, argv[0])
            elif job.command.cwd is not None:  # else it begins at a home that only root may see
                yield Named(job.name, key, os.path.join(job.command.cwd, argv[0]))


def _closed_programs(jobs: Iterable[Job]) -> Iterator[Finding]:
    for job in jobs:
        program = job.command.argv[0]
        is_here = os.path.isabs(program) and os.path.isfile(program)
        if is_here and (closed := closed_to(job, program=program)):
            words = f"command: {closed} by {job.command.user}"
            yield warn(job.name, words, "give that user the right to, or put it elsewhere")


def _not_found(one: Named, search: Mapping[str, str]) -> tuple[str, str]:
    if "/" in one.name:
        return (
            f"{one.key}: {one.name} is not there, or may not be executed",
            "install it, or mend it",
        )
    words = f"{one.key}: {one.name} is not in PATH {search.get(one.job, DEFAULT_PATH)}"
    return words, "write its full path, or env = { PATH = … }"


def _env_file(file: str) -> tuple[Finding | None, str]:
    """Return what is wrong with a file of assignments, and the PATH that it sets."""
    try:
        return None, read_env_file(Path(file)).get("PATH", "")
    except LaunchError as error:
        words, _, mend = str(error).partition("; ")
        is_closed = os.path.exists(file) and not os.access(file, os.R_OK) and os.geteuid() != 0
        if is_closed:
            return warn("env files", words, _CLOSED), ""
        return fail("env files", words, mend or "write it, or mend its name"), ""


def _places(jobs: Iterable[Job]) -> Iterator[Finding]:
    for job in jobs:
        cwd, stdin = job.command.cwd, job.command.stdin
        if cwd is not None and not os.path.isdir(cwd):
            yield warn(job.name, f"cwd: {cwd} is no directory here", "make it, or mend it")
        elif cwd is not None and (closed := closed_to(job, folder=cwd)):
            words = f"cwd: {closed} by {job.command.user}"
            yield warn(job.name, words, "give that user the right to, or write another cwd")
        if stdin is not None and not os.path.exists(stdin):
            yield warn(job.name, f"stdin: {stdin} is not there", "write it, or mend it")


def _bounded(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the first few, and how many more there are."""
    found = list(findings)
    yield from found[:FEW]
    if len(found) > FEW:
        rest = len(found) - FEW
        yield warn("and more", f"{rest:,} like these", "mend these first, and ask again")
