"""Signs: what is drawn under the bars of a lane: ticks that were skipped, and runs that ended
badly. Signs of a kind that would cover one another are one, with a line to the last of them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter

from jobd.ports import SkipCell, Window
from jobd.web.pages.bars import FAILED, Bar, place_of

NEAR = 1.2  # per cent of the window: nearer signs would cover one another


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign at ``first``; ``kind`` is a skip's reason or a run's outcome."""

    kind: str
    first: datetime
    last: datetime
    count: int
    detail: str = ""
    blocker: str | None = None  # of skips: the run that was in the way
    run_id: str | None = None  # of a run that ended badly
    is_skip: bool = True


def skip_signs(cells: Iterable[SkipCell], window: Window) -> list[Sign]:
    """Return the signs of skipped ticks, from left to right."""
    signs = [
        Sign(cell.reason.value, cell.first, cell.last, cell.ticks, cell.detail, cell.blocker)
        for cell in cells
    ]
    return _gathered(signs, window)


def failure_signs(bars: Iterable[Bar], window: Window) -> list[Sign]:
    """Return the signs of runs that ended badly, at their ends."""
    return _gathered(_failures(bars), window)


def _failures(bars: Iterable[Bar]) -> Iterator[Sign]:
    for bar in bars:
        for outcome in bar.outcomes.keys() & FAILED:
            count = bar.outcomes[outcome]
            yield Sign(
                outcome,
                bar.begun if count > 1 else bar.ended,
                bar.ended,
                count,
                run_id=None if bar.level else bar.run_id,
                is_skip=False,
            )


def _gathered(signs: Iterable[Sign], window: Window) -> list[Sign]:
    """Return the signs, those of a kind as one as long as each is near the last."""
    done: list[Sign] = []
    by_kind: dict[str, Sign] = {}
    for sign in sorted(signs, key=attrgetter("first", "kind")):
        last = by_kind.get(sign.kind)
        if last is not None and _is_near(last, sign, window):
            by_kind[sign.kind] = _together(last, sign)
            continue
        if last is not None:
            done.append(last)
        by_kind[sign.kind] = sign
    return sorted([*done, *by_kind.values()], key=attrgetter("first", "kind"))


def _is_near(last: Sign, sign: Sign, window: Window) -> bool:
    return place_of(sign.first, window) - place_of(last.last, window) < NEAR


def _together(one: Sign, other: Sign) -> Sign:
    return replace(
        one,
        last=max(one.last, other.last),
        count=one.count + other.count,
        detail=other.detail or one.detail,
        blocker=other.blocker or one.blocker,
        run_id=None,
    )
