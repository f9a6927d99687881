"""Reload: all or nothing, and per job: what did not change feels nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import anyio
from anyio import to_thread

from jobd.config.load import load
from jobd.config.model import Config
from jobd.config.problem import ConfigErrors
from jobd.core.events import Configured
from jobd.core.job import Job, Jobs, Provenance
from jobd.daemon.inbox import Inbox
from jobd.errors import ConfigError
from jobd.ports import AuditEntry, Clock, Enrolment, ReloadResult, Store

# Of [daemon] and [store], these take effect at a restart only.
_AT_RESTART = ("node", "state_dir", "socket", "http", "labels")


class Reloader:
    """Holds the configuration in force and puts a new one in its place.

    ``tell(ok, result, by)`` is called after each attempt.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        clock: Clock,
        inbox: Inbox,
        tell: Callable[[ReloadResult, str], None],
    ) -> None:
        self.config = config
        self.was_good = True
        self.last_good: datetime = clock.now()
        self._store = store
        self._clock = clock
        self._inbox = inbox
        self._tell = tell
        self._one_at_a_time = anyio.Lock()

    async def reload(self, by: str) -> ReloadResult:
        """Read the configuration again; return what changed, or the errors that kept the old
        one in force."""
        async with self._one_at_a_time:
            result = await self._reload()
            self.was_good = not result.errors
            if self.was_good:
                self.last_good = self._clock.now()
            self._tell(result, by)
            detail = "; ".join(result.errors) if result.errors else summary(result)
            await self._store.note(AuditEntry(self._clock.now(), by, "reload", "", detail[:1000]))
            return result

    async def configured(self, config: Config, current: Jobs) -> Configured:
        """Return the event that puts ``config`` in force in place of the jobs ``current``."""
        now = self._clock.now()
        memories = await self._store.enrol(enrolments(config.jobs), now)
        anew = {
            name: memories[name]
            for name, job in config.jobs.items()
            if name not in current or identity(job) != identity(current[name])
        }
        orphans = tuple(await self._store.orphans())
        limits = config.limits
        return Configured(config.jobs, anew, limits.max_running, limits.max_waiting, orphans)

    async def _reload(self) -> ReloadResult:
        try:
            config = await to_thread.run_sync(load, self.config.path)
        except ConfigErrors as refused:
            return ReloadResult(errors=tuple(str(problem) for problem in refused.problems))
        except ConfigError as refused:
            return ReloadResult(errors=(str(refused),))
        before = self.config
        self._inbox.put(await self.configured(config, before.jobs))
        self.config = config
        return _difference(before, config)


def enrolments(jobs: Jobs) -> list[Enrolment]:
    """Return the jobs as the store needs to know them."""
    return [Enrolment(job.name, identity(job)) for job in jobs.values()]


def identity(job: Job) -> str:
    """Return what must not change if the job's past ticks are to count.

    A disabled job has no schedule in force: what passed meanwhile is not owed later.
    """
    return job.schedule.identity if job.schedule is not None and job.enabled else ""


def summary(result: ReloadResult) -> str:
    """Return in words what a reload changed."""
    parts = [
        f"{len(names)} {word}"
        for word, names in (
            ("added", result.added),
            ("changed", result.changed),
            ("removed", result.removed),
        )
        if names
    ]
    return ", ".join(parts) or "nothing changed"


def _difference(before: Config, after: Config) -> ReloadResult:
    both = before.jobs.keys() & after.jobs.keys()
    changed = [n for n in both if _plain(before.jobs[n]) != _plain(after.jobs[n])]
    return ReloadResult(
        added=tuple(sorted(after.jobs.keys() - both)),
        changed=tuple(sorted(changed)),
        removed=tuple(sorted(before.jobs.keys() - both)),
        warnings=(*map(str, after.warnings), *_needs_restart(before, after)),
    )


def _plain(job: Job) -> Job:
    """Return the job without where it stands: moving it to another line changes nothing."""
    return replace(job, provenance=Provenance())


def _needs_restart(before: Config, after: Config) -> list[str]:
    keys = [f"daemon.{key}" for key in _AT_RESTART if _differs(before, after, key)]
    if before.store.url != after.store.url:
        keys.append("store.url")
    return [f"{key} has changed; it takes effect at the next start" for key in keys]


def _differs(before: Config, after: Config, key: str) -> bool:
    return bool(getattr(before.daemon, key) != getattr(after.daemon, key))
