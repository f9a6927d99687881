"""Tell: whom to call about a run, decided where its start and its end are.

What a node knows of a run's end is not always what counts: where another node may have
taken the run over, the store decides which of the two told the truth. Such a call is
doubtful, and made only once the store has taken the end from this node.
"""

from collections.abc import Iterable
from datetime import datetime

from jobd.core.effects import CallHooks
from jobd.core.hooks import calls_at_end, calls_at_start
from jobd.core.outcome import Outcome
from jobd.core.run import RunRecord, record_of
from jobd.core.state import RunTrack, SchedulerState


def begun(state: SchedulerState, run_track: RunTrack, at: datetime) -> None:
    """Tell that a run has begun: of its first attempt, and as it happens. A start that a
    daemon finds out later was told by the one before it, or is told by the run's end."""
    if run_track.run.attempt > 1:
        return
    calls = calls_at_start(run_track.job.hooks)
    if calls:
        state.emit(CallHooks(run_track.job, record_of(run_track.run, at), calls))


def ended(state: SchedulerState, run_track: RunTrack, record: RunRecord, prior: str | None) -> None:
    """Tell how a run ended; ``prior``: how the one before it did."""
    calls = calls_at_end(run_track.job.hooks, record.outcome, prior)
    if calls:
        is_doubtful = _is_doubtful(run_track, record)
        state.emit(CallHooks(run_track.job, record, calls, prior, is_doubtful=is_doubtful))


def given_up(state: SchedulerState, records: Iterable[RunRecord]) -> None:
    """Tell of runs of silent nodes that this one has ended as lost."""
    for record in records:
        track = state.tracks.get(record.job)
        calls = () if track is None else calls_at_end(track.job.hooks, record.outcome)
        if track is not None and calls:
            state.emit(CallHooks(track.job, record, calls))


def _is_doubtful(run_track: RunTrack, record: RunRecord) -> bool:
    """Whether another node may have told of this run, or be about to."""
    if run_track.run.lease_until is None:
        return False  # no other node could have
    is_held = run_track.is_leased and not run_track.is_canceled
    return record.outcome is Outcome.LOST or not is_held
