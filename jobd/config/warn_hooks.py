"""Warnings about hooks and pings."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from jobd.config.problem import Problem
from jobd.config.warn import Flaw, shows_secret, warn_of
from jobd.core.hooks import HookKind
from jobd.core.job import Job

_SHELL_WORDS = frozenset({"|", "||", "&&", ";", "&", ">", ">>", "<", "2>", "2>&1", "&>"})
_COMMANDS = (HookKind.ON_FAILURE, HookKind.ON_RECOVERY, HookKind.ON_SUCCESS)

_SHARED_CHECK = Flaw(
    "ping_url",
    "is that of another job too: the check behind it takes the one's success for the other's",
    'give each job a check of its own, or write {job} where its name belongs: "https://…/{job}"',
)


def hook_warnings(jobs: Mapping[str, Job]) -> Iterator[Problem]:
    """Yield what the jobs' hooks and pings will probably not do as they are meant to."""
    every = [job for job in jobs.values() if job.hooks.kinds]
    for kind in _COMMANDS:
        yield from warn_of(_not_a_shell(kind), _with_words(every, kind))
        yield from warn_of(_secret_shows(kind), _with_secrets(every, kind))
    urls = Counter(job.hooks.ping_url.url for job in every if job.hooks.ping_url)
    pinged = (job for job in every if job.hooks.ping_url)
    yield from warn_of(_SHARED_CHECK, (j for j in pinged if urls[_ping_url(j)] > 1))


def _not_a_shell(kind: HookKind) -> Flaw:
    return Flaw(
        kind.value,
        "has shell syntax in it, but no shell reads it",
        'write ["/bin/sh", "-c", "…"] if it is meant for one',
    )


def _secret_shows(kind: HookKind) -> Flaw:
    return Flaw(
        kind.value,
        "holds what looks like a secret, and everybody on this machine can read arguments",
        "put it into the job's env_file, which its hooks have too",
    )


def _with_words(jobs: Iterable[Job], kind: HookKind) -> Iterator[Job]:
    return (job for job in jobs if not _SHELL_WORDS.isdisjoint(_argv(job, kind)))


def _with_secrets(jobs: Iterable[Job], kind: HookKind) -> Iterator[Job]:
    return (job for job in jobs if shows_secret(_argv(job, kind)))


def _argv(job: Job, kind: HookKind) -> tuple[str, ...]:
    hook = job.hooks.of(kind)
    return () if hook is None else hook.argv


def _ping_url(job: Job) -> str:
    return "" if job.hooks.ping_url is None else job.hooks.ping_url.url
