"""Activity: what is active, what waits and who holds which pool, over all jobs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from operator import attrgetter
from zoneinfo import ZoneInfo

from aiohttp import web

from jobd.core.claim import ActiveRun
from jobd.core.view import JobView, NodeView, PoolView, RunView, WaitingView
from jobd.web.in_the_way import around
from jobd.web.keys import node_of
from jobd.web.node import Node
from jobd.web.slices import LOOKING, views_in_slices

MOST = 200  # rows of a table: who looks for one of more, looks for its job


@dataclass(frozen=True, slots=True)
class Waits:
    """What waits, and sentences for what is in its way besides."""

    waiting: WaitingView
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool, the runs that have slots of it, and how many ticks wait for one here."""

    view: PoolView
    holders: tuple[ActiveRun, ...]
    waiting: int


@dataclass(slots=True)
class Activity:
    """What goes on; the lists are in the order in which it began."""

    here: list[RunView] = field(default_factory=list)
    elsewhere: list[ActiveRun] = field(default_factory=list)
    waits: list[Waits] = field(default_factory=list)
    holders: dict[str, list[ActiveRun]] = field(default_factory=dict)
    waiting_for: dict[str, int] = field(default_factory=dict)

    def pools(self, view: NodeView) -> list[Pool]:
        """Return every pool, by name."""
        return [
            Pool(pool, tuple(self.holders.get(pool.name, ())), self.waiting_for.get(pool.name, 0))
            for pool in sorted(view.pools, key=lambda pool: pool.name)
        ]


async def activity_of(request: web.Request) -> Activity:
    """Return what goes on, as this node knows it."""
    node = node_of(request)
    async with request.app[LOOKING]:
        return await _look(node, ZoneInfo(node.identity.timezone))


async def _look(node: Node, zone: tzinfo) -> Activity:
    found, view, here = Activity(), node.view(), node.identity.node
    async for views in views_in_slices(node):
        for job in views:
            if job.runs or job.elsewhere or job.waiting:
                _take_in(job, found, _sentences(job, view, here, zone))
    found.here.sort(key=attrgetter("began_at"))
    found.elsewhere.sort(key=lambda run: run.claimed_at)
    found.waits.sort(key=lambda waits: (-waits.waiting.priority, waits.waiting.since))
    return found


def _sentences(job: JobView, view: NodeView, here: str, zone: tzinfo) -> Sequence[str]:
    return tuple(around(job, view, here, zone)) if job.waiting else ()


def _take_in(job: JobView, found: Activity, sentences: Sequence[str]) -> None:
    found.here.extend(job.runs)
    found.elsewhere.extend(job.elsewhere)
    found.waits.extend(Waits(waiting, tuple(sentences)) for waiting in job.waiting)
    if job.job.pool is None:
        return
    pool = job.job.pool.name
    active = (*(shown.run for shown in job.runs), *job.elsewhere)
    found.holders.setdefault(pool, []).extend(active)
    held = sum(waiting.held_by == "pool" for waiting in job.waiting)
    found.waiting_for[pool] = found.waiting_for.get(pool, 0) + held
