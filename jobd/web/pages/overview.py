"""The overview: every job, what needs attention first.

Which one that is, is told from what the scheduler remembers: the store is asked one question.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiohttp import web

from jobd.core.view import JobView
from jobd.web.attention import Concern, Worry, interval_use, urgency, worries
from jobd.web.keys import node_of
from jobd.web.node import Node
from jobd.web.pages.paging import paged
from jobd.web.pages.rendering import render_apart
from jobd.web.pages.selection import CHOICES, Selection, selection_in
from jobd.web.skips import Skips, skips_of_a_day
from jobd.web.slices import LOOKING, views_in_slices

PER_PAGE = 100
SUGGESTED = 200  # tags and owners that the form suggests


@dataclass(frozen=True, slots=True)
class Row:
    """A job as the overview shows it."""

    view: JobView
    worries: tuple[Worry, ...]
    skips: tuple[tuple[str, int], ...]  # most first
    use: float | None  # of its interval


@dataclass(slots=True)
class Findings:
    """All that was seen on the way through the jobs."""

    order: list[tuple[tuple[int, float], str]] = field(default_factory=list)  # of those selected
    by_concern: Counter[Concern] = field(default_factory=Counter)  # of all
    total: int = 0
    tags: set[str] = field(default_factory=set)
    owners: set[str] = field(default_factory=set)


async def show_overview(request: web.Request) -> web.Response:
    """Show the jobs that are selected, a page of them."""
    node, wanted = node_of(request), selection_in(request)
    skips = await skips_of_a_day(node)
    async with request.app[LOOKING]:
        found = await look_through(node, wanted, skips or {})
    page = paged(found.order, wanted.page, PER_PAGE)
    return await render_apart(
        request,
        "overview.html",
        title="Overview",
        wanted=wanted,
        choices=CHOICES,
        found=found,
        tags=sorted(found.tags)[:SUGGESTED],
        owners=sorted(found.owners)[:SUGGESTED],
        concerns=[(concern, n) for concern in Concern if (n := found.by_concern[concern])],
        rows=_rows(node, [name for _, name in page.items], skips or {}),
        are_skips_known=skips is not None,
        page=page,
    )


async def look_through(node: Node, wanted: Selection, skips: Skips) -> Findings:
    """Return what was seen of all jobs, and in order the names of those that are wanted."""
    found = Findings()
    async for views in views_in_slices(node):
        now = node.now()
        for view in views:
            seen = tuple(worries(view, skips.get(view.job.name, {}), now))
            _take_in(view, seen, wanted, found)
    found.order.sort()
    return found


def _take_in(view: JobView, seen: Sequence[Worry], wanted: Selection, found: Findings) -> None:
    concerns = {worry.concern for worry in seen}
    found.total += 1
    found.by_concern.update(concerns)
    found.tags.update(view.job.about.tags)
    found.owners.add(view.job.about.owner)
    if wanted.holds(view, concerns):
        found.order.append((urgency(seen), view.job.name))


def _rows(node: Node, names: Sequence[str], skips: Skips) -> list[Row]:
    now = node.now()
    views = [view for name in names if (view := node.job_view(name)) is not None]
    return [
        Row(
            view,
            tuple(worries(view, (of_job := skips.get(view.job.name, {})), now)),
            tuple(sorted(of_job.items(), key=lambda pair: (-pair[1], pair[0]))),
            interval_use(view),
        )
        for view in views
    ]
