"""Rows of a window: what SQL has gathered of it, as values of the port."""

from collections.abc import Iterable

from jobd.core.ledger import SkipReason
from jobd.ports import Happened, RunCell, SkipCell
from jobd.store.columns import Row, instant_of, instant_or_none


def happened_of(runs: Iterable[Row], skips: Iterable[Row]) -> Happened:
    """Return what such columns say; durations are in microseconds."""
    return Happened([_run_cell_of(row) for row in runs], [_skip_cell_of(row) for row in skips])


def _run_cell_of(row: Row) -> RunCell:
    lane, cell, outcome, runs, begun, ended, took, longest, run_id = row
    span = (instant_of(begun), instant_or_none(ended))
    return RunCell(lane, cell, outcome, runs, *span, took / 1e6, longest / 1e6, run_id)


def _skip_cell_of(row: Row) -> SkipCell:
    lane, cell, reason, ticks, first, last, detail, blocker = row
    span = (instant_of(first), instant_of(last))
    return SkipCell(lane, cell, SkipReason(reason), ticks, *span, detail, blocker)
