"""Gather: runs and skips of a window by its cells, as the SQL stores do it; see
:meth:`jobd.ports.Store.happened`."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from jobd.core.ledger import SkipReason, TickRecord
from jobd.core.run import RunRecord
from jobd.ports import RunCell, SkipCell, Window
from jobd.ports.window import ACTIVE
from jobd.store.shelf import Shelf

_NOTHING = timedelta(0)


def run_cells(records: Iterable[RunRecord], window: Window) -> list[RunCell]:
    """Return the cells of those runs that are in the window."""
    gathered: dict[tuple[str, int, str], list[RunRecord]] = {}
    for run in records:
        if not _is_within(run, window):
            continue
        lane = run.node if window.jobs is None else run.job
        outcome = run.outcome.value if run.outcome else ACTIVE
        key = (lane, window.cell_of(run.claimed_at), outcome)
        gathered.setdefault(key, []).append(run)
    return [_run_cell(*key, runs) for key, runs in gathered.items()]


def skip_cells(shelves: Mapping[str, Shelf], window: Window) -> list[SkipCell]:
    """Return the cells of those skips that are in the window."""
    gathered: dict[tuple[str, int, SkipReason], list[TickRecord]] = {}
    for lane, at, row in _skips(shelves, window):
        assert row.reason is not None, "a tick that was started is no skip"
        key = (lane, window.cell_of(at), row.reason)
        gathered.setdefault(key, []).append(row)
    return [_skip_cell(*key, rows, window) for key, rows in gathered.items()]


def _is_within(run: RunRecord, window: Window) -> bool:
    if window.jobs is not None and run.job not in window.jobs:
        return False
    return run.claimed_at < window.end and (run.ended_at is None or run.ended_at >= window.start)


def _run_cell(lane: str, cell: int, outcome: str, runs: list[RunRecord]) -> RunCell:
    took = [max((run.ended_at or run.claimed_at) - run.claimed_at, _NOTHING) for run in runs]
    return RunCell(
        lane,
        cell,
        outcome,
        len(runs),
        min(run.claimed_at for run in runs),
        max((run.ended_at for run in runs if run.ended_at is not None), default=None),
        sum(took, _NOTHING).total_seconds(),
        max(took).total_seconds(),
        max(run.run_id for run in runs),
    )


def _skips(
    shelves: Mapping[str, Shelf], window: Window
) -> Iterator[tuple[str, datetime, TickRecord]]:
    """Yield lane, place and row."""
    for job, shelf in shelves.items():
        rows = [row for row in (*shelf.singles.values(), *shelf.ranges) if row.reason is not None]
        if window.jobs is None:
            decided = [row for row in rows if window.start <= row.decided_at < window.end]
            yield from ((row.node, row.decided_at, row) for row in decided)
        elif job in window.jobs:
            meant = [r for r in rows if r.ticks.last >= window.start and r.ticks.first < window.end]
            yield from ((job, row.ticks.first, row) for row in meant)


def _skip_cell(
    lane: str, cell: int, reason: SkipReason, rows: list[TickRecord], window: Window
) -> SkipCell:
    is_of_node = window.jobs is None
    return SkipCell(
        lane,
        cell,
        reason,
        sum(row.ticks.count for row in rows),
        min(row.decided_at if is_of_node else row.ticks.first for row in rows),
        max(row.decided_at if is_of_node else row.ticks.last for row in rows),
        max(row.detail for row in rows),
        max((row.blocker for row in rows if row.blocker is not None), default=None),
    )
