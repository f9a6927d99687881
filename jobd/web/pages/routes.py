"""Routes: where the pages are, and which of them the navigation shows."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from jobd.web.pages import assets
from jobd.web.pages.cluster import show_cluster
from jobd.web.pages.job import show_job
from jobd.web.pages.node import show_node
from jobd.web.pages.overview import show_overview
from jobd.web.pages.problems import wants_page
from jobd.web.pages.rendering import environment
from jobd.web.pages.run import show_run
from jobd.web.pages.timeline import show_timeline
from jobd.web.problem import Handler


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its path as the router writes it, who shows it, its label in the navigation."""

    path: str
    show: Callable[[web.Request], Awaitable[web.Response]]
    label: str = ""  # "": not in the navigation


PAGES = (
    Page("/", show_overview, "Overview"),
    Page("/timeline", show_timeline, "Timeline"),
    Page("/node", show_node, "Node"),
    Page("/cluster", show_cluster, "Cluster"),
    Page("/jobs/{job}", show_job),
    Page("/runs/{run}", show_run),
)


def add_pages(app: web.Application, index: Handler) -> None:
    """Add the pages; at ``/`` a client that does not name HTML still gets ``index``."""
    environment().globals["navigation"] = PAGES
    for page in PAGES:
        app.router.add_get(page.path, _either(page.show, index) if page.path == "/" else page.show)
    app.router.add_get(assets.PATH, assets.get_asset)


def _either(page: Handler, index: Handler) -> Handler:
    async def show(request: web.Request) -> web.StreamResponse:
        return await (page(request) if wants_page(request) else index(request))

    return show
