"""Exposition: the page of metrics, rendered where something changed and kept where not.

The page of ten thousand jobs is about 40 MB. It is never held in one piece: jobs are
rendered in blocks, each block's lines are kept deflated, and only blocks whose jobs have
changed are rendered anew, with turns of the event loop in between. The counters of a block
are written at one moment, so that on every page ticks = started + skipped holds for every job.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import datetime

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import generate_latest as prometheus_text
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_text

from jobd.core.view import JobView
from jobd.telemetry.families import JOB_FAMILIES
from jobd.telemetry.family import Family
from jobd.telemetry.metrics import Telemetry
from jobd.telemetry.negotiate import Format, accepts_gzip, best_format
from jobd.telemetry.row import Row, escape
from jobd.telemetry.series import STATE, Block, Lines
from jobd.telemetry.stitch import Piece, gzipped, piece, plain

_OPENMETRICS_END = b"# EOF\n"
_Texts = tuple[str, str | None]  # plain, and for OpenMetrics if that differs
_EMPTY = Lines(piece(b""), piece(b""))
# A view may ask its schedule for two fire times; the event loop waits for so many at most.
_VIEWS_AT_ONCE = 32
_FAMILIES_AT_ONCE = 8  # of a block: that many pieces are deflated before it gets its turn
_NODE_TEXT: dict[Format, Callable[[CollectorRegistry], bytes]] = {
    Format.PROMETHEUS: prometheus_text,
    Format.OPENMETRICS: openmetrics_text,
}


class Exposition:
    """Renders the metrics for one scrape at a time, or several at once.

    ``job_view`` returns what the scheduler knows of a job, None if it is not configured.
    """

    def __init__(
        self,
        telemetry: Telemetry,
        job_view: Callable[[str], JobView | None],
        now: Callable[[], datetime],
    ) -> None:
        self._jobs = telemetry.jobs
        self._job_view = job_view
        self._now = now
        self._refreshing = asyncio.Lock()  # so that two scrapes at once do the work once
        self._registry = CollectorRegistry()
        self._registry.register(telemetry.node)
        ProcessCollector(registry=self._registry)

    def render(
        self, accept: str, accept_encoding: str
    ) -> tuple[dict[str, str], AsyncIterator[bytes]]:
        """Return the headers and the body of a scrape with these request headers.

        What cannot be understood or served gets the Prometheus text format, uncompressed.
        """
        chosen = best_format(accept)
        is_gzipped = accepts_gzip(accept_encoding)
        headers = {"Content-Type": chosen.content_type, "Vary": "Accept, Accept-Encoding"}
        if is_gzipped:
            headers["Content-Encoding"] = "gzip"
        return headers, self._body(chosen, gzipped if is_gzipped else plain)

    async def _body(
        self, chosen: Format, encode: Callable[[Iterator[Piece]], Iterator[bytes]]
    ) -> AsyncIterator[bytes]:
        async with self._refreshing:
            blocks = [await self._fresh(block) for block in self._jobs.blocks]
        await asyncio.sleep(0)  # the node's own lines may take as long as a block's
        for chunk in encode(self._page(chosen, blocks)):
            yield chunk
            await asyncio.sleep(0)  # a long page must not keep the scheduler from its ticks

    async def _fresh(self, block: Block) -> Sequence[Lines]:
        """Return the block's lines, by family, once they are up to date."""
        if block.valid_until is not None and self._now() >= block.valid_until:
            block.stale |= STATE
        if block.stale:
            await self._refresh(block)
        return block.lines

    async def _refresh(self, block: Block) -> None:
        stale, block.stale = block.stale, 0
        try:
            rows = [row async for row in self._rows(block)]
            # While lines are written nothing is awaited: all counters are of one moment. What
            # changed while the rows were read may be missing in their views, so those are read
            # again next time; what changes from here on is marked stale anew.
            stale |= block.stale
            texts = _written(rows, stale)
            block.stale &= STATE
            block.lines = await _deflated(texts, block.lines)
        except BaseException:  # a client that hung up
            block.stale |= stale
            raise
        block.valid_until = min((at for row in rows for at in _turns(row.view)), default=None)

    async def _rows(self, block: Block) -> AsyncIterator[Row]:
        for index, series in enumerate(block.series, 1):
            view = self._job_view(series.name)
            if view is not None:  # None: a reload dropped it while this page was rendered
                yield Row(escape(series.name), series, view, self._now())
            if index % _VIEWS_AT_ONCE == 0:
                await asyncio.sleep(0)  # likewise for the ticks

    def _page(self, chosen: Format, blocks: Sequence[Sequence[Lines]]) -> Iterator[Piece]:
        yield piece(self._node_text(chosen))
        for index, family in enumerate(JOB_FAMILIES):
            yield piece(_head(family, chosen))
            for block in blocks:
                lines = block[index]
                yield lines.text if chosen is Format.PROMETHEUS else lines.openmetrics
        if chosen is Format.OPENMETRICS:
            yield piece(_OPENMETRICS_END)

    def _node_text(self, chosen: Format) -> bytes:
        return _NODE_TEXT[chosen](self._registry).removesuffix(_OPENMETRICS_END)


def _written(rows: Sequence[Row], stale: int) -> list[_Texts | None]:
    """Return each family's lines in both formats, None where nothing that they show is stale."""
    has_exemplars = any(row.series.exemplars for row in rows)
    return [
        _texts(family, rows, has_exemplars) if family.depends & stale else None
        for family in JOB_FAMILIES
    ]


def _texts(family: Family, rows: Sequence[Row], has_exemplars: bool) -> _Texts:
    text = "".join(map(family.lines, rows))
    if family.with_exemplars is None or not has_exemplars:
        return text, None
    return text, "".join(map(family.with_exemplars, rows))


async def _deflated(texts: Sequence[_Texts | None], old: Sequence[Lines]) -> tuple[Lines, ...]:
    """Return the lines as they are kept, the old ones where there are no new ones."""
    kept = list(old) or [_EMPTY] * len(JOB_FAMILIES)
    for index, pair in enumerate(texts):
        if pair is not None:
            text = _piece(pair[0])
            kept[index] = Lines(text, text if pair[1] is None else _piece(pair[1]))
        if index % _FAMILIES_AT_ONCE == 0:
            await asyncio.sleep(0)  # likewise for the ticks
    return tuple(kept)


def _piece(text: str) -> Piece:
    return piece(text.encode("utf-8", "replace"))


def _turns(view: JobView) -> Iterator[datetime]:
    """Yield the instants at which the view changes by the clock alone."""
    if view.next_due is not None:
        yield view.next_due
    if view.pause is not None and view.pause.until is not None:
        yield view.pause.until


def _head(family: Family, chosen: Format) -> bytes:
    name, kind = family.name, family.kind
    if chosen is Format.OPENMETRICS:
        name = name.removesuffix("_total").removesuffix("_info")
    elif kind == "info":
        kind = "gauge"
    return f"# HELP {name} {family.help}\n# TYPE {name} {kind}\n".encode()
