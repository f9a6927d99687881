"""Metrics: what has happened, counted from events and effects.

Ticks are counted from the store's answers, never from what was asked of it: so ticks due =
started + skipped holds in every window, and the metrics cannot disagree with the ledger.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from jobd.core import effects as fx
from jobd.core import events as ev
from jobd.core.claim import ClaimDenied, ClaimGranted
from jobd.core.hooks import HookKind, HookResult
from jobd.core.ledger import SkipReason
from jobd.core.outcome import Outcome
from jobd.core.run import RunRecord
from jobd.core.view import NodeView
from jobd.telemetry import series as kept
from jobd.telemetry.node import NodeFigures
from jobd.telemetry.series import JobSeries, JobTable

DueOf = Callable[[str, datetime], datetime | None]


# A tick that is skipped for one of these is as it was wanted; None: it started.
_WANTED = (None, SkipReason.PAUSED, SkipReason.DRAINING, SkipReason.DUTY)

# So many overlaps one after another are no accident any more.
IN_A_ROW = 3


class Telemetry:
    """Folds what passes through the scheduler into the metrics' state.

    ``due_of`` returns a tick's fire time plus jitter, or None for a job that is gone;
    ``node_view`` is asked at each scrape. ``on_overlaps`` is told when a job has skipped
    several ticks in a row because its prior run was still active, and the last of them here;
    again only when one of its runs has let fewer pass meanwhile.
    """

    def __init__(
        self,
        due_of: DueOf,
        node_view: Callable[[], NodeView],
        on_overlaps: Callable[[str, int], None] = lambda job, in_a_row: None,
    ) -> None:
        self.jobs = JobTable()
        self.node = NodeFigures(node_view)
        self._due_of = due_of
        self._on_overlaps = on_overlaps
        # Run to its job, and to its tick if its first attempt has one.
        self._unstarted: dict[str, tuple[str, datetime | None]] = {}
        self._folds: dict[type, Callable[[Any], None]] = {
            ev.Configured: self._configured,
            ev.Recovered: self._recovered,
            ev.ClaimsDecided: self._claims_decided,
            ev.SkipsRecorded: self._skips_recorded,
            ev.RunStarted: self._run_started,
            ev.SupervisorLost: self._supervisor_lost,
            ev.ClockJumped: self._clock_jumped,
            ev.TakenOver: self._taken_over,
            ev.ClusterSeen: self._cluster_seen,
            fx.Claim: self._claim,
            fx.FinishRun: self._finish_run,
            fx.SavePause: self._save_pause,
            fx.SaveSkipNext: self._save_skip_next,
        }

    def observe(self, event: ev.Event, effects: Iterable[fx.Effect], now: datetime) -> None:
        """Count an event that the scheduler has handled, and what it asked for in answer."""
        folds = self._folds
        fold = folds.get(type(event))
        if fold is not None:
            fold(event)
        for effect in effects:
            fold = folds.get(type(effect))
            if fold is not None:
                fold(effect)

    def store_call(self, operation: str, seconds: float, ok: bool) -> None:
        """Count a call to the store, by its method's name; ``ok`` False: it was unavailable."""
        self.node.store_call(operation, seconds, ok)

    def store_trouble(self, trouble: str) -> None:
        """Note why history is not being kept; "" when it is (see ``Store.trouble``)."""
        self.node.is_history_kept = not trouble

    def loop_lag(self, seconds: float) -> None:
        """Note by how much the event loop was late for a timer."""
        self.node.loop_lag(seconds)

    def renewals_failed(self, count: int) -> None:
        """Count leases that could not be renewed when it was tried."""
        self.node.renewals_failed += count

    def end_settled(self, record: RunRecord, is_taken: bool) -> None:
        """Count a run of a job that nodes share which this node had lost, now that the store has
        taken that end. It takes none of a run that another node has ended: who ended it counts."""
        if is_taken and record.outcome is Outcome.LOST:
            self._count_end(record)

    def hook_called(self, job: str, kind: HookKind, result: HookResult) -> None:
        """Count a call about a run of this job, all its tries as one."""
        series = self._mark(job, kept.HOOKS)
        if series is not None:
            if series.hooks is None:
                series.hooks = kept.zeros(len(kept.HOOK_INDEX))
            series.hooks[kept.HOOK_INDEX[kind, result]] += 1

    def clock_offset(self, seconds: float) -> None:
        """Note by how much the store's clock is ahead of this node's; behind it: below 0."""
        self.node.clock_offset_s = seconds

    def config_read(self, ok: bool, at: datetime) -> None:
        """Note that the configuration was read, at the start or for a reload."""
        self.node.did_reload_succeed = ok
        if ok:
            self.node.reload_success_timestamp_s = at.timestamp()

    def _configured(self, event: ev.Configured) -> None:
        self.jobs.configure((*event.jobs, *event.unreached))

    def _recovered(self, event: ev.Recovered) -> None:
        self.node.is_supervisor_up = True
        self.jobs.mark_all(kept.STATE)

    def _supervisor_lost(self, event: ev.SupervisorLost) -> None:
        self.node.is_supervisor_up = False

    def _clock_jumped(self, event: ev.ClockJumped) -> None:
        self.node.clock_jumped(event.by.total_seconds())
        self.jobs.mark_all(kept.STATE)

    def _taken_over(self, event: ev.TakenOver) -> None:
        self._ended_for_others(event.ended)

    def _ended_for_others(self, records: Iterable[RunRecord]) -> None:
        """Count runs of silent nodes that this one has ended: who is gone counts nothing."""
        for record in records:
            self._count_end(record)

    def _claims_decided(self, event: ev.ClaimsDecided) -> None:
        self._ended_for_others(event.lost)
        for answer in event.answers:
            series = self._mark(answer.request.job, kept.STATE)
            if isinstance(answer, ClaimGranted):
                self._granted(answer, series)
                self._follow(series, answer.request.fire_time, None)
            elif series is not None:
                _count_denied(series, answer)
                reason = answer.reason if answer.settled else None
                self._follow(series, answer.request.fire_time if reason else None, reason)

    def _granted(self, answer: ClaimGranted, series: JobSeries | None) -> None:
        request = answer.request
        self._unstarted[request.run_id] = (request.job, request.fire_time)
        if series is None:
            return
        if series.started is None:
            series.started = kept.zeros(len(kept.TRIGGER_INDEX))
        series.started[kept.TRIGGER_INDEX[request.trigger]] += 1
        series.ticks += request.fire_time is not None
        series.block.stale |= kept.TICKS | kept.STARTS

    def _skips_recorded(self, event: ev.SkipsRecorded) -> None:
        for skip in event.skips:
            series = self._mark(skip.ticks.job, kept.STATE)
            if series is not None and skip.ticks.count:
                _count_skips(series, skip.reason, skip.ticks.count)
                self._follow(series, skip.ticks.last, skip.reason, skip.ticks.count)

    def _cluster_seen(self, event: ev.ClusterSeen) -> None:
        for memory in event.view.jobs:
            self._mark(memory.job, kept.STATE)
        for record in event.view.decided:
            series = self.jobs.by_name.get(record.ticks.job)
            count = record.ticks.count
            self._follow(series, record.ticks.last, record.reason, count, is_ours=False)

    def _follow(
        self,
        series: JobSeries | None,
        tick: datetime | None,
        reason: SkipReason | None,
        count: int = 1,
        *,
        is_ours: bool = True,
    ) -> None:
        """Count skips in a row. What has been counted is told again by views of the cluster."""
        if series is None or tick is None or (series.last_tick and tick <= series.last_tick):
            return
        series.last_tick = tick
        before = series.overlaps
        series.overlaps = before + 1 if reason is SkipReason.OVERLAP else 0
        was_unwanted = series.unwanted
        series.unwanted = 0 if reason in _WANTED else was_unwanted + count
        if (series.overlaps, series.unwanted) != (before, was_unwanted):
            series.block.stale |= kept.SKIPS
        if series.overlaps == IN_A_ROW and is_ours and not series.is_warned:
            series.is_warned = True
            self._on_overlaps(series.name, series.overlaps)
        elif not series.overlaps and before < IN_A_ROW:
            series.is_warned = False

    def _run_started(self, event: ev.RunStarted) -> None:
        job, tick = self._unstarted.pop(event.run_id, (None, None))
        if job is None:
            return  # told twice, or a run of the daemon before this one
        self._mark(job, kept.STATE)
        due = None if tick is None else self._due_of(job, tick)
        if due is not None:
            self.node.lateness.observe((event.started_at - due).total_seconds())

    def _claim(self, effect: fx.Claim) -> None:
        for request in effect.requests:
            self._mark(request.job, kept.STATE)

    def _finish_run(self, effect: fx.FinishRun) -> None:
        record = effect.finish.record
        self._unstarted.pop(record.run_id, None)
        series = self._mark(record.job, kept.STATE | kept.ENDS)
        if series is None:
            return
        series.cpu_s += record.cpu_s or 0.0
        for spent in record.steps:
            kept.observe_step(series, spent.step, spent.duration_s)
        if effect.will_retry:
            series.retries += 1
            self._unstarted[record.run_id] = (record.job, None)
        elif not (effect.is_shared and record.outcome is Outcome.LOST):  # see end_settled()
            _count_end(series, record)

    def _save_pause(self, effect: fx.SavePause) -> None:
        for job in effect.jobs:
            self._mark(job, kept.STATE)

    def _save_skip_next(self, effect: fx.SaveSkipNext) -> None:
        self._mark(effect.job, kept.STATE)

    def _count_end(self, record: RunRecord) -> None:
        series = self._mark(record.job, kept.STATE | kept.ENDS)
        if series is not None:
            _count_end(series, record)

    def _mark(self, job: str, changed: int) -> JobSeries | None:
        """Mark the job's block stale and return the series; None if it is not configured."""
        series = self.jobs.by_name.get(job)
        if series is not None:
            series.block.stale |= changed
        return series


def _count_denied(series: JobSeries, answer: ClaimDenied) -> None:
    is_tick = answer.request.fire_time is not None
    if answer.settled and answer.reason is not None and is_tick:
        _count_skips(series, answer.reason, 1)


def _count_skips(series: JobSeries, reason: SkipReason, count: int) -> None:
    if series.skipped is None:
        series.skipped = kept.zeros(len(kept.REASON_INDEX))
    series.skipped[kept.REASON_INDEX[reason]] += count
    series.ticks += count
    series.block.stale |= kept.TICKS | kept.SKIPS


def _count_end(series: JobSeries, record: RunRecord) -> None:
    assert record.outcome is not None, f"run {record.run_id} ended without an outcome"
    if series.ended is None:
        series.ended = kept.zeros(len(kept.OUTCOME_INDEX))
    series.ended[kept.OUTCOME_INDEX[record.outcome]] += 1
    if record.duration_s is None:
        return  # it never started
    if series.durations is None:
        series.durations = kept.zeros(len(kept.DURATION_BOUNDS_S) + 1)
    bucket = bisect_left(kept.DURATION_BOUNDS_S, record.duration_s)
    series.durations[bucket] += 1
    series.duration_s += record.duration_s
    if record.ended_at is not None:
        series.exemplars = series.exemplars or {}
        series.exemplars[bucket] = kept.Exemplar(record.run_id, record.duration_s, record.ended_at)
