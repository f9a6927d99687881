"""A job's page: where it stands, its last day, what its runs take, why, its limits, its runs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from aiohttp import web

from jobd.core.ceilings import usage_of
from jobd.core.run import RunRecord
from jobd.core.scales import time_marks
from jobd.core.schedule import AfterSchedule, CronSchedule
from jobd.core.ticks import due_of
from jobd.core.usage import RunUse
from jobd.core.view import JobView
from jobd.errors import StoreUnavailable
from jobd.ports import AuditEntry, Happened, RunFilter
from jobd.web.api import AUDIT_SHOWN, defined_in, differs_on, job_of
from jobd.web.attention import Concern, Worry, worries
from jobd.web.fleet import known_nodes
from jobd.web.forecast_words import KINDS, sentence, step_sentence
from jobd.web.keys import is_control, node_of
from jobd.web.node import Node
from jobd.web.pages.bars import place_of
from jobd.web.pages.lanes import Light, lane_of
from jobd.web.pages.measures import charts_of
from jobd.web.pages.period import Period
from jobd.web.pages.rendering import render_apart
from jobd.web.pages.selection import Selection
from jobd.web.pages.steps import steps_lately
from jobd.web.pages.wish import Wish
from jobd.web.query import check_names, whole_number
from jobd.web.report import SAMPLE, usage_shape
from jobd.web.setting_words import drift_words, setting_rows
from jobd.web.settings import settings_shape
from jobd.web.skips import skips_of_a_day
from jobd.web.when import parse_when
from jobd.web.why import reason_of, tries_of
from jobd.web.why_page import Told, what_became, what_hinders

RUNS_SHOWN = 25
MOST_PAGES = 40  # of runs: a thousand, as many as are kept unless somebody wants more
TICKS_SHOWN = 8  # of the past, and of what is to come
DAY = Period("1d")


@dataclass(frozen=True, slots=True)
class Past:
    """What the store knows of a job; ``trouble``: why it says nothing."""

    happened: Happened = field(default_factory=Happened)
    uses: Sequence[RunUse] = ()
    runs: Sequence[RunRecord] = ()
    audit: Sequence[AuditEntry] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Coming:
    """A tick to come: when it is due with its jitter, and what a change of the clock does."""

    fire_time: datetime
    due: datetime
    note: str


async def show_job(request: web.Request) -> web.Response:
    """Show a job. Its command, and who did what, are for those who may control the daemon."""
    check_names(request.query, ("at", "page"), "query parameter")
    node, view = node_of(request), await job_of(request)
    now, page = node.now(), min(max(whole_number(request, "page", 1, MOST_PAGES), 1), MOST_PAGES)
    at = request.query.get("at")
    when = parse_when(at, ZoneInfo(view.job.timezone), now) if at else None
    past = await _past(request, view, page)
    told = await what_became(node, view, when, TICKS_SHOWN)
    places: Any = await differs_on(node, view, may_ask=is_control(request))
    return await render_apart(
        request,
        "job.html",
        _drawn(node, view, past),
        title=view.job.name,
        view=view,
        past=past,
        runs=past.runs[(page - 1) * RUNS_SHOWN : page * RUNS_SHOWN],
        first=(page - 1) * RUNS_SHOWN + 1,
        page=page,
        has_more=len(past.runs) > page * RUNS_SHOWN and page < MOST_PAGES,
        told=told,
        why=reason_of,
        tries=tries_of,
        asked_at=at,
        needs=await _needs(node, view),
        hinders=what_hinders(node, view),
        runbook=web_address(view.job.about.runbook),
        defined_in=defined_in(view),
        differs_on=drift_words(places),
        names_nodes=_names_nodes(node, past, told),
        enforcement=node.enforcement,
        is_control=is_control(request),
    )


async def _needs(node: Node, view: JobView) -> Sequence[Worry]:
    """Return what of the job needs attention, by the rule of the overview, but for what is said
    at more length to be in the way."""
    skips = (await skips_of_a_day(node) or {}).get(view.job.name, {})
    said = (Concern.PAUSED, Concern.UNDECIDED)
    return [worry for worry in worries(view, skips, node.now()) if worry.concern not in said]


def _drawn(node: Node, view: JobView, past: Past) -> Callable[[], Mapping[str, object]]:
    """Return what makes the pictures and tables that take a while, of frozen data."""
    now, zone, name = node.now(), ZoneInfo(node.identity.timezone), view.job.name
    window, wish = DAY.window(now, (name,)), Wish(DAY, selection=Selection(q=name))
    light = Light(window, now, zone, wish.closer)
    settings = settings_shape(view, node.view(), node.enforcement, node.hook_limits)
    return lambda: {
        "lane": lane_of(name, past.happened.runs, past.happened.skips, light, view),
        "marks": time_marks(window.start, window.end, zone.key),
        "now_place": place_of(now, window),
        "timeline": wish.url(),
        "coming": [*islice(_coming(view), TICKS_SHOWN)],
        "settings": [*setting_rows(settings)],
        "steps": steps_lately(past.uses),
        **_forecasts(view, past.uses, now, zone),
    }


def web_address(address: str) -> str:
    """Return an address that a link may lead to: what a configuration says is not trusted to
    be one, and ``javascript:`` would run in the page. Else ""."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return address if parts.scheme in ("http", "https") and parts.netloc else ""


async def _past(request: web.Request, view: JobView, page: int) -> Past:
    node, name = node_of(request), view.job.name
    try:
        window = DAY.window(node.now(), (name,))
        uses = await node.store.usage([name], SAMPLE)
        return Past(
            await node.store.happened(window),
            uses.get(name, ()),
            await node.store.runs(RunFilter(name, limit=page * RUNS_SHOWN + 1)),
            await node.store.audit(name, AUDIT_SHOWN) if is_control(request) else (),
        )
    except StoreUnavailable as error:
        return Past(trouble=f"the store does not answer: {error}")


def _forecasts(
    view: JobView, uses: Sequence[RunUse], now: datetime, zone: ZoneInfo
) -> dict[str, object]:
    """Return charts, and a sentence for each limit."""
    usage = usage_of(view.job, view.interval, uses, now)
    shape = usage_shape(usage, 0)
    limits = [kind for kind in KINDS if shape[kind] is not None] if uses else []
    grown = shape["grown_step"]
    steps = [step_sentence(grown)] if isinstance(grown, dict) else []
    return {
        "charts": charts_of(usage, uses, now, zone),
        "forecasts": [*(sentence(kind, shape, now) for kind in limits), *steps],
    }


def _coming(view: JobView) -> Iterator[Coming]:
    job, tick = view.job, view.next_fire
    while tick is not None:
        note = job.schedule.note(tick) if isinstance(job.schedule, CronSchedule) else ""
        yield Coming(tick, due_of(job, tick), note)
        if job.schedule is None or isinstance(job.schedule, AfterSchedule):
            return
        tick = job.schedule.next_after(tick)


def _names_nodes(node: Node, past: Past, told: Told) -> bool:
    """Whether the page has to say which node did something."""
    names = {run.node for run in past.runs} | {v.row.node for v in told.verdicts if v.row}
    return len(known_nodes(node.view())) > 1 or bool(names - {node.identity.node})
