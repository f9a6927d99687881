"""Problems as pages: who follows a link in a browser reads a sentence, not JSON.

The questions and the controls answer in JSON whoever asks: there the shape is promised.
"""

from aiohttp import web

from jobd.web.pages.rendering import render
from jobd.web.problem import Handler, Problem, problem_of

_FOR_PROGRAMS = ("/api/", "/metrics", "/healthz", "/readyz")


def wants_page(request: web.Request) -> bool:
    """Return whether the client names HTML among what it takes. Browsers do, curl does not."""
    kinds = request.headers.get("Accept", "").lower().split(",")
    return any(kind.partition(";")[0].strip() == "text/html" for kind in kinds)


@web.middleware
async def problems_as_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what a page's handler raises into a page."""
    if not wants_page(request) or request.path.startswith(_FOR_PROGRAMS):
        return await handler(request)
    try:
        return await handler(request)
    except Exception as error:
        return _page(request, problem_of(request, error))


def _page(request: web.Request, problem: Problem) -> web.Response:
    page = render(
        request,
        "problem.html",
        title="Not found" if problem.status == 404 else "Something is wrong",
        status=problem.status,
        problem=problem,
    )
    page.headers.update(problem.headers)
    return page
