"""The timeline: what ran and what was skipped, a lane for each job or each node.

The store gathers what lies too near together, so that a page is no longer for a week of a busy
cluster than for a quiet hour.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from aiohttp import web

from jobd.core.scales import time_marks
from jobd.core.view import JobView
from jobd.errors import StoreUnavailable
from jobd.ports import Happened, RunCell, SkipCell, Window
from jobd.ports.window import WINDOW_SEEN
from jobd.web.fleet import known_nodes
from jobd.web.keys import node_of
from jobd.web.node import Node
from jobd.web.pages.bars import place_of
from jobd.web.pages.lanes import Item, Lane, Light, lane_of
from jobd.web.pages.overview import look_through
from jobd.web.pages.paging import Paged, paged
from jobd.web.pages.period import SPANS, span_for
from jobd.web.pages.rendering import render_apart
from jobd.web.pages.selection import CHOICES
from jobd.web.pages.wish import TABLE, Wish, wish_in
from jobd.web.skips import skips_of_a_day
from jobd.web.slices import LOOKING

PER_PAGE = 20  # lanes: a page has some thousand things to draw at most
MOST_ROWS = 500  # of the table
JUDGED_BY = 50  # jobs


@dataclass(frozen=True, slots=True)
class Picked:
    """The lanes of a page: their names, and what is known of the jobs among them."""

    page: Paged[str]
    views: Mapping[str, JobView]  # empty where lanes are nodes


async def show_timeline(request: web.Request) -> web.Response:
    """Show a window of time."""
    node = node_of(request)
    now, zone = node.now(), ZoneInfo(node.identity.timezone)
    wish = wish_in(request, now, _usual_span(node))
    picked = await _picked(request, wish)
    jobs = None if wish.by == "node" else tuple(picked.page.items)
    window = wish.period.window(now, jobs)
    happened, trouble = await _happened(node, window)
    light = Light(window, now, zone, wish.closer)
    if jobs is None:
        picked = _nodes(node, happened, wish.page)

    def facts() -> Mapping[str, object]:
        lanes = _lanes(picked, happened, light)
        return {
            "lanes": lanes,
            "entries": _entries(lanes) if wish.look == TABLE else (),
            "marks": time_marks(window.start, window.end, node.identity.timezone),
        }

    return await render_apart(
        request,
        "timeline.html",
        facts,
        title="Timeline",
        wish=wish,
        window=window,
        light=light,
        page=picked.page,
        trouble=trouble,
        choices=CHOICES,
        spans=SPANS,
        now_place=place_of(now, window) if window.start <= now < window.end else None,
        is_cut=jobs is None and sum(cell.runs for cell in happened.runs) >= WINDOW_SEEN,
        most_rows=MOST_ROWS,
    )


def _usual_span(node: Node) -> str:
    """Return how much of time to show unasked, by the first jobs: all of 10,000 are too many."""
    views = map(node.job_view, node.job_names()[:JUDGED_BY])
    return span_for(view.interval for view in views if view is not None and view.interval)


async def _picked(request: web.Request, wish: Wish) -> Picked:
    """Return the jobs of the page, in the order of the overview."""
    node = node_of(request)
    if wish.by == "node":
        return Picked(paged((), 1, PER_PAGE), {})
    skips = await skips_of_a_day(node)
    async with request.app[LOOKING]:
        found = await look_through(node, wish.selection, skips or {})
    page = paged([name for *_, name in found.order], wish.page, PER_PAGE)
    views = {name: view for name in page.items if (view := node.job_view(name)) is not None}
    return Picked(replace(page, items=[*views]), views)


def _nodes(node: Node, happened: Happened, wanted: int) -> Picked:
    """Return every node that is known, or did something in the window."""
    names = {node.identity.node, *known_nodes(node.view())}
    names |= {ran.lane for ran in happened.runs} | {skipped.lane for skipped in happened.skips}
    return Picked(paged(sorted(names), wanted, PER_PAGE), {})


async def _happened(node: Node, window: Window) -> tuple[Happened, str]:
    """Return what happened, and why nothing is known of it."""
    try:
        return await node.store.happened(window), ""
    except StoreUnavailable as error:
        return Happened(), f"the store does not answer: {error}"


def _lanes(picked: Picked, happened: Happened, light: Light) -> list[Lane]:
    runs: dict[str, list[RunCell]] = {}
    for ran in happened.runs:
        runs.setdefault(ran.lane, []).append(ran)
    skips: dict[str, list[SkipCell]] = {}
    for skipped in happened.skips:
        skips.setdefault(skipped.lane, []).append(skipped)
    return [
        lane_of(name, runs.get(name, ()), skips.get(name, ()), light, picked.views.get(name))
        for name in picked.page.items
    ]


def _entries(lanes: Sequence[Lane]) -> list[tuple[str, Item]]:
    """Return what the lanes show, as rows of a table, newest first."""

    def began(entry: tuple[str, Item]) -> datetime:
        return entry[1].begun

    signs = [(lane.name, sign) for lane in lanes for sign in lane.signs if sign.kind == "skipped"]
    bars = [(lane.name, bar) for lane in lanes for bar in lane.bars]
    return sorted((*signs, *bars), key=began, reverse=True)[:MOST_ROWS]
