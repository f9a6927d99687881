"""Rendering: a template and facts in, a reply out, with all that every page has."""

from collections.abc import Callable, Mapping
from functools import cache
from zoneinfo import ZoneInfo

from aiohttp import web
from anyio import to_thread
from jinja2 import Environment, PackageLoader, StrictUndefined

from jobd.web.keys import node_of
from jobd.web.pages import filters
from jobd.web.pages.assets import asset_url
from jobd.web.pages.headers import PAGE
from jobd.web.pages.headline import headline_of

REFRESH_S = 5  # how often the script looks for something new


def render(
    request: web.Request, template: str, *, title: str, status: int = 200, **facts: object
) -> web.Response:
    """Return a page. Besides ``facts`` a template has ``now``, ``zone``, ``identity`` and
    ``headline``; instants are told in the daemon's time zone, which the page names."""
    given = _of_every_page(request, title, status)
    return _reply(_filled(template, given, facts), status)


async def render_apart(
    request: web.Request,
    template: str,
    more: Callable[[], Mapping[str, object]] = dict,
    *,
    title: str,
    **facts: object,
) -> web.Response:
    """Return a page like :func:`render`, made on another thread: one with thousands of things on
    it takes a tenth of a second, in which no claim has to wait. ``more`` returns further facts,
    on that thread. All facts are frozen data."""
    given = {**_of_every_page(request, title), **facts}
    return _reply(
        await to_thread.run_sync(lambda: _filled(template, given, more()), abandon_on_cancel=True),
        200,
    )


def _of_every_page(request: web.Request, title: str, status: int = 200) -> dict[str, object]:
    node = node_of(request)
    zone = ZoneInfo(node.identity.timezone)
    return {
        "title": title,
        "path": request.path,
        "now": node.now(),
        "zone": zone,
        "identity": node.identity,
        "headline": headline_of(node, zone),
        "refresh_s": REFRESH_S if status < 400 else 0,  # 0: there is nothing to look for
    }


def _filled(template: str, given: Mapping[str, object], facts: Mapping[str, object]) -> str:
    return environment().get_template(template).render({**given, **facts})


def _reply(text: str, status: int) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html", headers=PAGE)


@cache
def environment() -> Environment:
    """Return the environment of the templates: all values escaped, none missing."""
    made = Environment(
        loader=PackageLoader("jobd.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(filters.FILTERS)
    made.globals["asset"] = asset_url
    return made
