"""Wish: what somebody wants to see of the timeline, as its form and links write it."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlencode

from aiohttp import web

from jobd.ports import Window
from jobd.web.pages.period import Period, nearer, period_in
from jobd.web.pages.selection import CHOICES, Selection
from jobd.web.query import check_names, one_line, one_of, page_number
from jobd.web.shapes import iso

KEYS = ("by", "span", "to", "q", "show", "look", "page")
LANES = ("job", "node")
TABLE = "table"
LOOKS = ("", TABLE)  # "": a picture


@dataclass(frozen=True, slots=True)
class Wish:
    """A stretch of time, whose lanes, which of them, drawn or told in a table."""

    period: Period = field(default_factory=lambda: Period("6h"))
    by: str = "job"
    selection: Selection = field(default_factory=Selection)
    look: str = ""
    page: int = 1

    def url(self, **changes: object) -> str:
        """Return the address of another wish, from the first page on."""
        # The names are fields: replace() refuses any other. Only the callers know the types.
        other = replace(self, **{"page": 1, **changes})  # type: ignore[arg-type]
        words = {
            "by": "" if other.by == "job" else other.by,
            "span": other.period.span,
            "to": iso(other.period.to) or "",
            "q": other.selection.q,
            "show": other.selection.show,
            "look": other.look,
            "page": "" if other.page == 1 else str(other.page),
        }
        return f"/timeline?{urlencode({key: word for key, word in words.items() if word})}"

    def of_span(self, span: str) -> str:
        """Return the address of a longer or shorter window with the same end."""
        return self.url(period=replace(self.period, span=span))

    def earlier(self, window: Window) -> str:
        """Return the address of the window before this one."""
        return self.url(period=replace(self.period, to=self.period.earlier(window)))

    def later(self, window: Window, now: datetime) -> str:
        """Return the address of the window after this one."""
        return self.url(period=replace(self.period, to=self.period.later(window, now)))

    def present(self) -> str:
        """Return the address of the window that follows the clock."""
        return self.url(period=Period(self.period.span))

    def closer(self, begun: datetime, ended: datetime) -> str:
        """Return the address of a closer look at a time; "" when there is none."""
        period = nearer(begun, ended, self.period.span)
        return "" if period is None else self.url(period=period, page=self.page)


def wish_in(request: web.Request, now: datetime, usual_span: str) -> Wish:
    """Return what the address wishes, with ``usual_span`` if it names none; what cannot be meant
    is a problem that says so."""
    query = request.query
    check_names(query, KEYS, "query parameter")
    return Wish(
        period_in(query.get("span", usual_span), query.get("to", ""), now),
        one_of(request, "by", LANES, "job"),
        Selection(one_line(request, "q"), one_of(request, "show", CHOICES)),
        one_of(request, "look", LOOKS),
        page_number(request),
    )
