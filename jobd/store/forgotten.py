"""Forgotten: ticks whose rows the ledger has dropped, and that must not run again.

They are kept as spans, each from a first to a last tick. A span counts as decided as a
whole, so spans that lie far apart must stay apart: while the clock was years ahead, ticks
of those years may have run, and the years between have still to come.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from jobd.core.ledger import TickRange

Span = tuple[datetime, datetime]  # both ends included

# Nearer spans become one. More than a week, so that only the rarest jobs have several.
APART = timedelta(days=8)


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return the spans in order, those that lie near each other as one."""
    found: list[Span] = []
    for first, last in sorted(spans):
        if found and first - found[-1][1] <= APART:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)


def spans_over(
    job: str, spans: Sequence[Span], first: datetime, last: datetime
) -> Iterator[TickRange]:
    """Yield the spans that share an instant with ``first`` to ``last``, as rows would be.

    Nobody knows any more how many ticks such a row has; its count says 0.
    """
    for start, end in spans:
        if end >= first and start <= last:
            yield TickRange(job, start, end, 0)
