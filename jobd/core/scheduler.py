"""Scheduler: the whole of jobd's thinking, one function from events to effects.

The law: ``handle`` is told what happened and at what instant; it returns what is to be
done, in order. It reads no clock, waits for nothing and fails for nothing that the world
does. The shell performs the effects and feeds their results back as events, and calls
``handle(Woke(), now)`` at ``next_wakeup()``.

Where to look: ticks.py (from schedule to candidate), candidates.py (from candidate to
claim), runs.py (from claim to outcome), operate.py (operators), enrol.py (jobs, restarts),
jumps.py (the clock was set). Where several nodes share a store: turns.py (who tries a tick
when), leases.py (no renewal, no run), sight.py (what the store shows of the others).
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from jobd.core import (
    candidates,
    draining,
    enrol,
    jumps,
    leases,
    operate,
    runs,
    sight,
    silence,
    tell,
    ticks,
    turns,
    waiting,
)
from jobd.core.admission import Room
from jobd.core.claim import ClaimGranted
from jobd.core.effects import Effect
from jobd.core.events import (
    AttemptEnded,
    CancelAsked,
    ClaimsDecided,
    ClaimsFailed,
    ClockJumped,
    ClusterSeen,
    Configured,
    DrainAsked,
    Event,
    LeasesRenewed,
    NodeMeasured,
    PauseAsked,
    Recovered,
    RenewalDue,
    RenewalFailed,
    ResumeAsked,
    RunNotStarted,
    RunSaid,
    RunStarted,
    ShutdownAsked,
    SkipNextAsked,
    SkipsRecorded,
    StoreSilent,
    SupervisorLost,
    TakenOver,
    TriggerAsked,
    Woke,
)
from jobd.core.lease import LeaseTerms
from jobd.core.line import Line
from jobd.core.neighbours import Neighbours
from jobd.core.outcome import StopCause
from jobd.core.run import RunState
from jobd.core.schedule import AfterSchedule
from jobd.core.state import Candidate, JobTrack, SchedulerState
from jobd.core.timers import TimerKind


class Scheduler:
    """Decides for one node. ``incarnation`` must differ from one start to the next;
    ``terms`` are those of the leases that a shared store gives, if there is one."""

    def __init__(self, node: str, incarnation: str, terms: LeaseTerms | None = None) -> None:
        room = Room(max_running=0, is_closed=True)
        neighbours = None if terms is None else Neighbours(node, terms)
        line = Line[Candidate](0)
        self.state = SchedulerState(node, incarnation, room, line, neighbours=neighbours)

    def handle(self, event: Event, now: datetime) -> list[Effect]:
        """Take in one event; return the effects that it asks for, in order."""
        self.state.now = now
        _HANDLERS[type(event)](self.state, event, now)
        _follow_up(self.state, now)
        return self.state.take_effects()

    def next_wakeup(self) -> datetime | None:
        """Return when ``Woke`` is wanted, or None while nothing lies ahead."""
        return None if self.state.is_stopping else self.state.timers.next()

    def is_quiet(self) -> bool:
        """Whether nothing runs and nothing is about to: no process, no claim in flight."""
        tracks = self.state.runs.values()
        is_idle = all(track.state is RunState.BACKOFF for track in tracks)
        return is_idle and not self.state.claiming

    def failure_pattern(self, job: str, run_id: str) -> str | None:
        """Return the pattern that judges a run's output: of the definition it started with,
        or of the job as it is configured now."""
        run_track = self.state.runs.get(run_id)
        if run_track is not None:
            return run_track.job.failure_pattern
        track = self.state.tracks.get(job)
        return None if track is None else track.job.failure_pattern


def _woke(state: SchedulerState, _: Woke, now: datetime) -> None:
    if state.is_stopping:
        return
    for kind, key in state.timers.pop_due(now):
        _TIMERS[kind](state, key, now)


def _follow_up(state: SchedulerState, now: datetime) -> None:
    """After something was settled: who waited for it goes on, then who waits for room."""
    while True:
        if state.touched and state.wait_for_pool:
            waiting.pool_has_changed(state, now)
        while state.touched:
            _go_on(state, state.touched.pop(), now)
        waiting.admit_waiting(state, now)
        if not state.touched:
            return


def _go_on(state: SchedulerState, track: JobTrack, now: datetime) -> None:
    if not state.is_stopping:
        if track.queued is not None:
            waiting.prior_run_ended(state, track, now)
        if track.backlog and track.job.name not in state.spread:
            ticks.work_off_backlog(state, track, now)
    if isinstance(track.job.schedule, AfterSchedule):
        ticks.look_ahead(state, track)
    if track.is_removed:
        enrol.forget_if_gone(state, track)


def _tick_timer(state: SchedulerState, name: str, now: datetime) -> None:
    ticks.tick_due(state, state.tracks[name], now)


def _retry_timer(state: SchedulerState, run_id: str, now: datetime) -> None:
    run_track = state.runs[run_id]
    if run_track.is_trusted or not run_track.is_leased:
        candidates.retry(state, run_track, now)  # else once its lease has been renewed


def _deadline_timer(state: SchedulerState, run_id: str, now: datetime) -> None:
    waiting.too_late(state, run_id)


def _pause_timer(state: SchedulerState, name: str, now: datetime) -> None:
    operate.time_pause(state, state.tracks[name])


def _store_timer(state: SchedulerState, _: str, now: datetime) -> None:
    silence.ask_again(state, now)


def _configured(state: SchedulerState, event: Configured, now: datetime) -> None:
    enrol.configured(state, event, now)
    waiting.room_has_changed(state, now)
    if state.wait_for_pool:
        waiting.pool_has_changed(state, now)  # it may be larger now


def _node_measured(state: SchedulerState, event: NodeMeasured, _: datetime) -> None:
    state.room.pressure.measure(event.strains)


def _claims_decided(state: SchedulerState, event: ClaimsDecided, now: datetime) -> None:
    tell.given_up(state, event.lost)
    for answer in event.answers:
        if isinstance(answer, ClaimGranted):
            candidates.granted(state, answer, event.sent_s)
        else:
            candidates.denied(state, answer, now)


def _claims_failed(state: SchedulerState, event: ClaimsFailed, now: datetime) -> None:
    for request in event.requests:
        silence.unanswered(state, request.run_id, now)


def _run_started(state: SchedulerState, event: RunStarted, _: datetime) -> None:
    run_track = state.runs.get(event.run_id)
    if run_track is not None and run_track.state is RunState.STARTING:
        runs.started(run_track, event.started_at)
        tell.begun(state, run_track, event.started_at)


def _run_not_started(state: SchedulerState, event: RunNotStarted, now: datetime) -> None:
    run_track = state.runs.get(event.run_id)
    if run_track is not None and run_track.state is RunState.STARTING:
        runs.not_started(state, run_track, event.reason, now)


def _attempt_ended(state: SchedulerState, event: AttemptEnded, _: datetime) -> None:
    run_track = state.runs.get(event.run_id)
    if run_track is not None and run_track.state is not RunState.BACKOFF:
        runs.attempt_ended(state, run_track, event)


def _supervisor_lost(state: SchedulerState, _: SupervisorLost, now: datetime) -> None:
    enrol.supervisor_lost(state, now)


def _clock_jumped(state: SchedulerState, event: ClockJumped, now: datetime) -> None:
    jumps.clock_jumped(state, event.by, now)


def _shutdown_asked(state: SchedulerState, event: ShutdownAsked, now: datetime) -> None:
    """Start nothing more. Ticks still open stay undecided, for the next daemon to catch up."""
    state.is_stopping = True
    if event.stop_runs:
        state.is_grace_over = True
        for run_track in tuple(state.runs.values()):
            if run_track.state is not RunState.BACKOFF:
                runs.stop(state, run_track, StopCause.SHUTDOWN, now)


def _cluster_seen(state: SchedulerState, event: ClusterSeen, now: datetime) -> None:
    sight.cluster_seen(state, event, now)
    if state.wait_for_pool:
        waiting.pool_has_changed(state, now)


def _store_silent(state: SchedulerState, _: StoreSilent, now: datetime) -> None:
    sight.store_silent(state, now)


def _renewal_due(state: SchedulerState, _: RenewalDue, __: datetime) -> None:
    leases.renew(state)


def _renewal_failed(state: SchedulerState, _: RenewalFailed, __: datetime) -> None:
    leases.doubt(state)


def _turn_timer(state: SchedulerState, key: str, _: datetime) -> None:
    turns.turn_has_come(state, key)


def _backlog_timer(state: SchedulerState, name: str, now: datetime) -> None:
    ticks.give_up_old_backlog(state, state.tracks[name], now)


def _skips_recorded(state: SchedulerState, event: SkipsRecorded, _: datetime) -> None:
    if state.doubtful:
        for skip in event.skips:
            silence.skip_recorded(state, skip)


_TIMERS: dict[TimerKind, Callable[[SchedulerState, str, datetime], None]] = {
    TimerKind.TICK_DUE: _tick_timer,
    TimerKind.RETRY_DUE: _retry_timer,
    TimerKind.START_DEADLINE: _deadline_timer,
    TimerKind.PAUSE_ENDS: _pause_timer,
    TimerKind.STORE_RETRY: _store_timer,
    TimerKind.TURN: _turn_timer,
    TimerKind.BACKLOG_TOO_OLD: _backlog_timer,
    TimerKind.SPREAD: ticks.next_catches_up,
}

_HANDLERS: dict[type, Callable[[SchedulerState, Any, datetime], None]] = {
    Woke: _woke,
    Configured: _configured,
    Recovered: enrol.recovered,
    NodeMeasured: _node_measured,
    ClaimsDecided: _claims_decided,
    ClaimsFailed: _claims_failed,
    SkipsRecorded: _skips_recorded,
    RunStarted: _run_started,
    RunSaid: runs.said,
    RunNotStarted: _run_not_started,
    AttemptEnded: _attempt_ended,
    SupervisorLost: _supervisor_lost,
    ClockJumped: _clock_jumped,
    ClusterSeen: _cluster_seen,
    StoreSilent: _store_silent,
    RenewalDue: _renewal_due,
    LeasesRenewed: leases.renewed,
    RenewalFailed: _renewal_failed,
    TakenOver: leases.taken_over,
    DrainAsked: draining.drain,
    TriggerAsked: operate.trigger,
    CancelAsked: operate.cancel,
    PauseAsked: operate.pause,
    ResumeAsked: operate.resume,
    SkipNextAsked: operate.skip_next,
    ShutdownAsked: _shutdown_asked,
}
