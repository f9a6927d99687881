"""Leases: the runs of this node that others would take over if it fell silent, and theirs.

No renewal, no run: the supervisor kills a run at the instant until which its lease is
trusted. Here is decided which leases to renew, what a lost one means, and which of the
overdue runs of other nodes this one ends or goes on with.
"""

from datetime import datetime, timedelta

from jobd.core import placement, runs, tell
from jobd.core.claim import ActiveRun
from jobd.core.cluster import ClusterView, Holding, StopAsked, TakeOver
from jobd.core.effects import ExtendRun, RenewLeases, TakeRuns
from jobd.core.events import LeasesRenewed, TakenOver
from jobd.core.job import Job
from jobd.core.outcome import Outcome, StopCause
from jobd.core.run import RunState
from jobd.core.state import RunTrack, SchedulerState
from jobd.core.timers import TimerKind

_PATIENCE = timedelta(seconds=1)  # between the nodes that might end an overdue run


def renew(state: SchedulerState) -> None:
    """Ask for the renewal of every lease that this node holds."""
    leased = (track.run for track in state.runs.values() if track.is_leased)
    holdings = tuple(Holding(run.run_id, run.token) for run in leased)
    if holdings:
        state.emit(RenewLeases(holdings))


def renewed(state: SchedulerState, event: LeasesRenewed, now: datetime) -> None:
    """Go on trusting what was kept; stop what has passed on to another node."""
    assert state.neighbours is not None, "only a shared store renews leases"
    until_s = state.neighbours.terms.trusted_until_s(event.sent_s)
    for holding in event.kept:
        run_track = _held(state, holding)
        if run_track is not None:
            _trust(state, run_track, until_s)
    for holding in event.lost:
        run_track = _held(state, holding)
        if run_track is not None:
            _lose(state, run_track, now)


def doubt(state: SchedulerState) -> None:
    """A renewal was not answered: no further attempt starts until one is, also none that is due
    already and waits for room."""
    for run_track in state.runs.values():
        if run_track.is_leased:
            run_track.is_trusted = False
            runs.leave_backoff(state, run_track.run.run_id)


def obey(state: SchedulerState, stops: tuple[StopAsked, ...], now: datetime) -> None:
    """Stop those runs of this node that somebody elsewhere wants stopped."""
    for asked in stops:
        run_track = state.runs.get(asked.run_id)
        if run_track is not None and not run_track.is_canceled:
            runs.stop(state, run_track, asked.cause, now)


def see_overdue(state: SchedulerState, view: ClusterView, now: datetime) -> None:
    """End, or go on with, runs whose holder has let their lease run out."""
    neighbours = state.neighbours
    assert neighbours is not None, "only a shared store has leases that run out"
    if not neighbours.may_take_over(now) or not state.is_recovered or state.is_stopping:
        return
    ours = [run for run in view.overdue if _is_our_turn(state, run, view.at)]
    neighbours.taking.update(run.run_id for run in ours)
    if ours:
        state.emit(TakeRuns(tuple(TakeOver(run, _retry_at(state, run, now)) for run in ours)))


def taken_over(state: SchedulerState, event: TakenOver, _: datetime) -> None:
    """Hold what was taken over; its next attempt is due at its ``retry_at``."""
    assert state.neighbours is not None, "only a shared store lets runs be taken over"
    state.neighbours.taking.clear()
    tell.given_up(state, event.ended)
    for run in event.runs:
        track = state.tracks.get(run.job)
        if track is None or run.run_id in state.runs or run.retry_at is None:
            continue  # its job left meanwhile: the lease runs out, and another node sees to it
        run_track = RunTrack(run, track.job, RunState.BACKOFF, is_leased=True, is_trusted=True)
        run_track.until_s = state.neighbours.terms.trusted_until_s(event.sent_s)
        track.elsewhere = tuple(r for r in track.elsewhere if r.run_id != run.run_id)
        runs.keep(state, track, run_track)
        state.timers.set(TimerKind.RETRY_DUE, run.run_id, run.retry_at)


def _held(state: SchedulerState, holding: Holding) -> RunTrack | None:
    run_track = state.runs.get(holding.run_id)
    is_same = run_track is not None and run_track.run.token == holding.token
    return run_track if is_same else None


def _trust(state: SchedulerState, run_track: RunTrack, until_s: float) -> None:
    run_track.until_s, was_trusted = until_s, run_track.is_trusted
    run_track.is_trusted = True
    if run_track.state is RunState.BACKOFF:
        _resume_backoff(state, run_track.run, was_trusted=was_trusted)
    elif run_track.is_sent:
        state.emit(ExtendRun(run_track.run.run_id, until_s))
    elif not state.room.is_closed and state.is_recovered:
        runs.send(state, run_track)


def _resume_backoff(state: SchedulerState, run: ActiveRun, *, was_trusted: bool) -> None:
    """Let the next attempt come, unless it waits for room already."""
    is_waiting = state.waiting.get(run.run_id) is not None
    if not was_trusted and not is_waiting and run.retry_at is not None:
        state.timers.set(TimerKind.RETRY_DUE, run.run_id, run.retry_at)


def _lose(state: SchedulerState, run_track: RunTrack, now: datetime) -> None:
    """Stop a run that is another node's by now; the store refuses what we say of its end."""
    run_track.is_leased = False
    runs.stop(state, run_track, StopCause.TRUST, now)


def _is_our_turn(state: SchedulerState, run: ActiveRun, at: datetime) -> bool:
    """Whether this node sees to an overdue run: the likeliest new holder first, then the next."""
    assert state.neighbours is not None, "only a shared store has leases that run out"
    assert run.lease_until is not None, f"run {run.run_id} has no lease that could run out"
    is_known = run.run_id in state.runs or run.run_id in state.neighbours.taking
    is_asked_for = any(c.key == run.run_id for c in state.doubtful.values())
    if is_known or is_asked_for or run.run_id in state.claiming or run.run_id in state.store_down:
        return False  # ours, or will be: a claim of ours was granted, and its answer was lost
    track = state.tracks.get(run.job)
    others = state.neighbours.eligible(track.job if track is not None else None)
    place = placement.rank(run.job, state.node, others)
    if track is None or not state.neighbours.is_home_of(track.job) or state.drain is not None:
        place = len(others) + 1
    return at - run.lease_until >= place * _PATIENCE


def _retry_at(state: SchedulerState, run: ActiveRun, now: datetime) -> datetime | None:
    """Return when this node starts the next attempt of a lost run; None if there is none."""
    track = state.tracks.get(run.job)
    if track is None or track.is_removed or not _may_go_on(state, track.job, run):
        return None
    if run.retry_at is not None:  # it was between two attempts: nothing of it was lost
        return max(now, run.retry_at)
    return now + runs.retry_delay(track.job.retries, run.run_id, run.attempt)


def _may_go_on(state: SchedulerState, job: Job, run: ActiveRun) -> bool:
    assert state.neighbours is not None
    is_retried = Outcome.LOST in job.retries.on and run.attempt <= job.retries.max
    is_wanted = run.retry_at is not None or is_retried
    return is_wanted and state.drain is None and state.neighbours.is_home_of(job)
