"""Reload: all or nothing, and per job: what did not change feels nothing.

What goes through all jobs is done on another thread: with ten thousand of them it takes a third of
a second, in which no claim has to wait.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import anyio
from anyio import to_thread

from jobd.config.digest import shared_digest
from jobd.config.load import load
from jobd.config.model import Config
from jobd.config.problem import ConfigErrors
from jobd.core.claim import ActiveRun, JobMemory
from jobd.core.events import Configured
from jobd.core.job import Job, Jobs
from jobd.daemon.drained import drain_of
from jobd.daemon.inbox import Inbox
from jobd.daemon.routes import Routes
from jobd.errors import ConfigError, StoreUnavailable
from jobd.ports import AuditEntry, Clock, Enrolment, NodeMemory, SharedStore, Store
from jobd.web.node import ReloadResult

# Of [daemon] and [store], these take effect at a restart only.
_AT_RESTART = ("node", "state_dir", "socket", "http", "labels")
_STORE_AT_RESTART = ("url", "lease_ttl")


class Reloader:
    """Holds the configuration in force and puts a new one in its place.

    ``shared`` is where the cluster's jobs are enrolled; while it has never been reached, they
    are left out. ``tell(result, by)`` is called after each attempt.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        shared: SharedStore | None,
        memory: NodeMemory,
        clock: Clock,
        inbox: Inbox,
        routes: Routes,
        tell: Callable[[ReloadResult, str], None],
    ) -> None:
        self.config = config
        self.digest = "" if shared is None else shared_digest(config)
        self.was_good = True
        self.last_good: datetime = clock.now()
        self._store = store
        self._shared = shared
        self._memory = memory
        self._routes = routes
        self._has_begun = False
        self._has_joined = False  # the cluster's jobs are in force
        self._is_enrolled = False  # and the shared store knows that this node has them
        self._clock = clock
        self._inbox = inbox
        self._tell = tell
        self._at_start = config
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
            await self._note(result, by)
            return result

    async def configured(self, config: Config, current: Jobs) -> Configured:
        """Return the event that puts ``config`` in force in place of the jobs ``current``.

        Active runs are not in it: the scheduler knows them all, and one that ends while this
        is being read must not come back to life by it.
        """
        begin = await to_thread.run_sync(_that_begin_anew, config.jobs, current)
        memories = dict(await self._enrol(config, is_shared=False))
        if self._shared is not None:
            memories |= await self._enrol(config, is_shared=True)
        anew = {n: replace(memories[n], active=self._elsewhere(memories[n])) for n in begin}
        return _event(config, anew)

    async def at_start(self) -> Configured:
        """Return the event that puts the first configuration in force, on all that the stores
        remember: runs of the daemon before this one, too."""
        memories = dict(await self._enrol(self.config, is_shared=False))
        orphans = list(await self._store.orphans())
        if self._shared is not None:
            with suppress(StoreUnavailable):  # the heartbeat says so, and joins later
                of_cluster = await self._enrol(self.config, is_shared=True)
                orphans += await self._orphans_of_cluster(self._shared)
                memories |= of_cluster
                self._has_joined = True
        self._has_begun = True
        drain = drain_of(await self._memory.fact("drain"))
        event = _event(self.config, memories, tuple(orphans))
        known = {name: job for name, job in self.config.jobs.items() if name in memories}
        unreached = {n: job for n, job in self.config.jobs.items() if n not in memories}
        return replace(event, jobs=known, unreached=unreached, drain=drain)

    async def join(self) -> None:
        """Put the cluster's jobs in force, if their store was away when the daemon started;
        enrol them again, if it has forgotten this node since."""
        if self._has_begun and not self._is_member:
            async with self._one_at_a_time:
                await self._join()

    def forgotten(self) -> None:
        """Take note that the shared store does not know this node: the next join enrols it."""
        self._is_enrolled = False

    @property
    def _is_member(self) -> bool:
        return self._has_joined and self._is_enrolled

    async def _join(self) -> None:
        if self._shared is None or self._is_member:
            return
        await self._shared.open()
        memories = await self._enrol(self.config, is_shared=True)
        if self._has_joined:
            return  # the scheduler knows what has become of its jobs, and better
        orphans = tuple(await self._orphans_of_cluster(self._shared))
        self._has_joined = True
        self._inbox.put(_event(self.config, memories, orphans))

    def _elsewhere(self, memory: JobMemory) -> tuple[ActiveRun, ...]:
        """Return the runs of other nodes: this one's are better known to the scheduler, and
        its own store has no others."""
        if not self._routes.is_shared(memory.job):
            return ()
        here = self._at_start.daemon.node  # another name takes effect at a restart
        return tuple(run for run in memory.active if run.node != here)

    async def _enrol(self, config: Config, *, is_shared: bool) -> Mapping[str, JobMemory]:
        """Enrol the jobs of one of the two stores there."""
        self._routes.configure(config.jobs.values())
        store = self._shared if is_shared else self._store
        assert store is not None, "there is no shared store"
        ours = {n: job for n, job in config.jobs.items() if self._routes.is_shared(n) is is_shared}
        was_enrolled = self._is_enrolled
        self._is_enrolled |= is_shared  # before it answers: what is heard meanwhile is newer
        try:
            enrolled = await to_thread.run_sync(enrolments, ours)
            memories = await store.enrol(enrolled, self._clock.now())
        except StoreUnavailable:
            self._is_enrolled = was_enrolled
            raise
        if not is_shared:
            return memories
        ended = await self._ended()
        return {n: replace(m, active=_but_for(m.active, ended)) for n, m in memories.items()}

    async def _ended(self) -> Set[tuple[str, int]]:
        """Return which runs have ended though the shared store takes them for active: their
        ends are in the outbox. The supervisor has forgotten them; they must not start again."""
        posted = (one.finish.record for one in await self._memory.posted())
        return {(record.run_id, record.token) for record in posted}

    async def _orphans_of_cluster(self, shared: SharedStore) -> Sequence[ActiveRun]:
        orphans = _but_for(await shared.orphans(), await self._ended())
        self._routes.learn(run.job for run in orphans if run.job not in self.config.jobs)
        return orphans

    async def _reload(self) -> ReloadResult:
        try:
            config = await to_thread.run_sync(load, self.config.path)
        except ConfigErrors as refused:
            return ReloadResult(errors=tuple(str(problem) for problem in refused.problems))
        except ConfigError as refused:
            return ReloadResult(errors=(str(refused),))
        before = self.config
        try:
            await self._join()  # first: what is in force before tells what is new
            self._inbox.put(await self.configured(config, before.jobs))
        except StoreUnavailable as error:
            return ReloadResult(errors=(f"the store does not answer, try again later: {error}",))
        self.config = config
        if self._shared is not None:
            self.digest = await to_thread.run_sync(shared_digest, config)
        warnings = (*map(str, config.warnings), *_needs_restart(self._at_start, config))
        result = await to_thread.run_sync(_difference, before, config)
        return replace(result, warnings=warnings)

    async def _note(self, result: ReloadResult, by: str) -> None:
        detail = "; ".join(result.errors) if result.errors else summary(result)
        # What was done stays done when it cannot be written down; the log has it too.
        with suppress(StoreUnavailable):
            await self._store.note(AuditEntry(self._clock.now(), by, "reload", "", detail[:1000]))


def _event(
    config: Config, memories: Mapping[str, JobMemory], orphans: tuple[ActiveRun, ...] = ()
) -> Configured:
    limits = config.limits
    return Configured(
        config.jobs,
        memories,
        limits.max_running,
        limits.max_waiting,
        orphans,
        labels=config.daemon.labels,
        pools=config.pools,
        memory_budget_bytes=limits.memory_budget_bytes,
        pressure=limits.pressure,
    )


def _but_for(runs: Sequence[ActiveRun], ended: Set[tuple[str, int]]) -> tuple[ActiveRun, ...]:
    return tuple(run for run in runs if (run.run_id, run.token) not in ended)


def enrolments(jobs: Jobs) -> list[Enrolment]:
    """Return the jobs as the store needs to know them."""
    return [Enrolment(job.name, job.schedule_identity) for job in jobs.values()]


def _that_begin_anew(jobs: Jobs, current: Jobs) -> list[str]:
    return [
        name
        for name, job in jobs.items()
        if name not in current or job.schedule_identity != current[name].schedule_identity
    ]


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
    changed = [n for n in both if not _is_same(before.jobs[n], after.jobs[n])]
    return ReloadResult(
        added=tuple(sorted(after.jobs.keys() - both)),
        changed=tuple(sorted(changed)),
        removed=tuple(sorted(before.jobs.keys() - both)),
    )


def _is_same(before: Job, after: Job) -> bool:
    """Whether nothing changed but where it stands: moving it to another line changes nothing."""
    return before == after or before == replace(after, provenance=before.provenance)


def _needs_restart(at_start: Config, now: Config) -> list[str]:
    keys = [f"daemon.{key}" for key in _AT_RESTART if _differs(at_start.daemon, now.daemon, key)]
    keys += [
        f"store.{key}" for key in _STORE_AT_RESTART if _differs(at_start.store, now.store, key)
    ]
    return [f"{key} has changed; it takes effect at the next start" for key in keys]


def _differs(at_start: object, now: object, key: str) -> bool:
    return bool(getattr(at_start, key) != getattr(now, key))
