"""Routes: which of the two stores of a node an effect is for.

Jobs of the cluster are decided by the store that the nodes share, jobs of the node by the
one in its state directory. An effect about both is cut in two. A run stays with the store
that granted it, when a reload has given its job another scope meanwhile.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from jobd.core.effects import (
    Claim,
    Effect,
    FinishRun,
    RecordSkips,
    SavePause,
    SaveRun,
    SaveSkipNext,
    StopElsewhere,
    TakeRuns,
    VoidSkips,
)
from jobd.core.job import Job, Scope

StoreEffect = (
    Claim
    | RecordSkips
    | FinishRun
    | SaveRun
    | SavePause
    | SaveSkipNext
    | VoidSkips
    | TakeRuns
    | StopElsewhere
)
T = TypeVar("T")


class StoreLane(Protocol):
    """Performs store effects in order."""

    def put(self, effect: StoreEffect) -> None:
        """Take an effect over; never blocks."""
        ...


class Routes:
    """Hands store effects on. ``shared`` None: this node shares its store with nobody."""

    def __init__(self, local: StoreLane, shared: StoreLane | None) -> None:
        self._local = local
        self._shared = shared
        self._shared_jobs: set[str] = set()

    def is_shared(self, job: str) -> bool:
        """Whether the shared store decides a job; known as soon as it was configured once."""
        return job in self._shared_jobs

    def configure(self, jobs: Iterable[Job]) -> None:
        """Learn the scopes of jobs. One that has left keeps its own: its runs still end."""
        for job in jobs if self._shared is not None else ():
            known = self._shared_jobs
            (known.add if job.scope is Scope.CLUSTER else known.discard)(job.name)

    def learn(self, jobs: Iterable[str]) -> None:
        """These jobs, which are configured no more, have runs that the shared store granted."""
        self._shared_jobs.update(jobs)

    def put(self, effect: StoreEffect) -> None:
        """Hand an effect on."""
        if self._shared is None:
            self._local.put(effect)
            return
        for way, is_shared in ((self._shared, True), (self._local, False)):
            part = self._part(effect, is_shared)
            if part is not None:
                way.put(part)

    def _part(self, effect: StoreEffect, is_shared: bool) -> StoreEffect | None:
        def of(items: Sequence[T], job: Callable[[T], str]) -> tuple[T, ...]:
            return tuple(item for item in items if self.is_shared(job(item)) is is_shared)

        match effect:
            case Claim(requests):
                mine = of(requests, lambda request: request.job)
                return Claim(mine) if mine else None
            case RecordSkips(skips):
                ours = of(skips, lambda skip: skip.ticks.job)
                return RecordSkips(ours) if ours else None
            case SavePause(jobs):
                names = of(jobs, lambda name: name)
                return replace(effect, jobs=names) if names else None
            case VoidSkips(after, schedules):
                names = of(tuple(schedules), lambda name: name)
                return VoidSkips(after, {name: schedules[name] for name in names})
            case _:
                return effect if self._concerns(effect) is is_shared else None

    def _concerns(self, effect: Effect) -> bool:
        """Return whether an effect about one job, or about the others, is for the shared store."""
        match effect:
            case FinishRun():
                return effect.is_shared
            case SaveRun(run):
                return run.lease_until is not None
            case SaveSkipNext(job):
                return self.is_shared(job)
            case _:
                return True
