"""Warnings: what a configuration allows that its author will probably regret.

None of them keeps the daemon from running. Many jobs with the same flaw make one line.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from jobd.config import machine
from jobd.config.findings import dotted
from jobd.config.model import NodeLimits, StoreSettings
from jobd.config.problem import Problem
from jobd.config.units import format_duration, format_size
from jobd.core.job import Job, Scope

FEW = 3  # up to so many jobs get a line each
_LEASE_SHARE = 0.25  # of lease_ttl: what a run may take to end without cost to the rest

_NAMES = r"(?:pass(?:word|wd|phrase)?|secret|token|api[-_]?key|access[-_]?key|credentials?)"
_SECRET = re.compile(
    rf"{_NAMES}=(?![\"']?\$)\S"  # PASSWORD=x, but not PASSWORD=$X
    rf"|(?:^|\s)--?[\w-]*{_NAMES}\s+(?![-$\"'])\S"  # --password x
    r"|://[^/\s:@]+:[^/\s:@$]+@",  # https://user:x@host
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Flaw:
    """One kind of warning: said of each job by ``message`` and ``mend``, of many by both."""

    key: str
    message: str
    mend: str
    many_mend: str = ""  # where many jobs are better mended in one place


_NO_TIMEOUT = Flaw(
    "timeout",
    "is missing: a run that hangs holds its place for ever",
    'write timeout = "1h"',
    'write timeout = "1h" in [defaults]',
)
_NO_CEILING = Flaw(
    "memory_max",
    "is missing: a run may take all of the node's memory",
    'write memory_max = "1G"',
    'write memory_max = "1G" in [defaults]',
)
_NEVER_DONE = Flaw(
    "expected_duration",
    "is longer than timeout: every run that takes as long is stopped by it",
    "write a longer timeout, or a shorter expected_duration",
)
_SECRET_SHOWS = Flaw(
    "command",
    "holds what looks like a secret, and everybody on this machine can read arguments",
    "put it into env_file",
)
_NOT_A_SHELL = Flaw(
    "command",
    "has shell syntax in it, but no shell reads it",
    "write shell = true beside it, or a list if it is meant as it is",
)
_UNKNOWN_USER = Flaw("user", "is not known on this machine", "create the user, or mend the name")
_UNKNOWN_GROUP = Flaw("group", "is not known on this machine", "create the group, or mend the name")
_NOT_ROOT = Flaw("user", "cannot be switched to: this is not root", "run jobd as root for it")


def static_warnings(jobs: Mapping[str, Job], shell_like: Sequence[str]) -> tuple[Problem, ...]:
    """Return what can be said without looking at the clock.

    ``shell_like``: jobs whose command, a text without a shell, has shell syntax in it.
    """
    every = list(jobs.values())
    memory = machine.memory_bytes()
    never = Flaw(
        "memory_max",
        f"is more than this node's memory of {format_size(memory)}: no run can be given that much",
        "write less",
    )
    found = (
        warn_of(_NO_TIMEOUT, (job for job in every if job.timeout is None)),
        warn_of(_NO_CEILING, (job for job in every if job.limits.memory_max_bytes is None)),
        warn_of(_NEVER_DONE, (job for job in every if _outlasts_timeout(job))),
        warn_of(never, (job for job in every if (job.limits.memory_max_bytes or 0) > memory)),
        warn_of(_NOT_A_SHELL, (jobs[name] for name in shell_like)),
        warn_of(_SECRET_SHOWS, (job for job in every if shows_secret(job.command.argv))),
        _account_warnings(every),
    )
    return tuple(problem for problems in found for problem in problems)


def budget_warnings(jobs: Mapping[str, Job], limits: NodeLimits) -> Iterator[Problem]:
    """Yield jobs that can never start on this node. Another node may be larger."""
    budget, memory = limits.memory_budget_bytes, machine.memory_bytes()
    flaw = Flaw(
        "memory_max",
        f"is more than limits.memory_budget, {format_size(budget)} here: no run can start on "
        "this node",
        "write less, or a larger memory_budget",
    )
    ceilings = ((job, job.limits.memory_max_bytes or 0) for job in jobs.values())
    yield from warn_of(flaw, (job for job, ceiling in ceilings if budget < ceiling <= memory))


def lease_warnings(jobs: Mapping[str, Job], store: StoreSettings) -> Iterator[Problem]:
    """Yield what the leases of a store that nodes share take from a job."""
    if not store.is_shared:
        return
    longest = store.lease_ttl * _LEASE_SHARE
    flaw = Flaw(
        "kill_after",
        f"is more than a quarter of store.lease_ttl, {format_duration(store.lease_ttl)}: a node "
        "that is cut off from the store gives a run less, for it must be dead before another "
        "node may start it",
        mend := f'write kill_after = "{format_duration(longest)}" or less, or a longer lease_ttl',
        mend.replace(", or", " in [defaults], or"),
    )
    having = (job for job in jobs.values() if job.scope is Scope.CLUSTER)
    yield from warn_of(flaw, (job for job in having if job.kill_after > longest))


def warn_of(flaw: Flaw, jobs: Iterable[Job]) -> Iterator[Problem]:
    """Yield a warning for each of a few jobs, or one for many."""
    having = list(jobs)
    if len(having) <= FEW:
        for job in having:
            yield warn_one(job, flaw.key, flaw.message, flaw.mend)
        return
    message = f"{flaw.key} {flaw.message} ({len(having):,} jobs: {named(having)})"
    yield Problem(having[0].provenance.file, None, "jobs", "", message, flaw.many_mend or flaw.mend)


def warn_one(job: Job, key: str, message: str, mend: str) -> Problem:
    """Return a warning about one key of one job."""
    origin = job.provenance
    return Problem(
        origin.file, origin.line or None, dotted(("jobs", job.name, key)), "", message, mend
    )


def named(jobs: Sequence[Job]) -> str:
    """Return the first few names, and how many more there are."""
    shown = ", ".join(job.name for job in jobs[:FEW])
    return f"{shown} and {len(jobs) - FEW:,} more" if len(jobs) > FEW else shown


def _outlasts_timeout(job: Job) -> bool:
    expected, timeout = job.expected_duration, job.timeout
    return expected is not None and timeout is not None and expected > timeout


def shows_secret(argv: Sequence[str]) -> bool:
    """Return whether arguments hold what looks like a secret."""
    return _SECRET.search(" ".join(argv)) is not None


def _account_warnings(jobs: Sequence[Job]) -> Iterator[Problem]:
    switching = [job for job in jobs if job.command.user or job.command.group]
    if not switching:
        return
    unknown_users = _unknown({job.command.user for job in switching}, machine.has_user)
    unknown_groups = _unknown({job.command.group for job in switching}, machine.has_group)
    yield from warn_of(_UNKNOWN_USER, (j for j in switching if j.command.user in unknown_users))
    yield from warn_of(_UNKNOWN_GROUP, (j for j in switching if j.command.group in unknown_groups))
    if not machine.is_root():
        yield from warn_of(_NOT_ROOT, switching)


def _unknown(names: set[str | None], is_known: Callable[[str], bool]) -> set[str]:
    return {name for name in names if name is not None and not is_known(name)}
