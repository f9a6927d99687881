"""Decide: what each operation of a store means, on a draft.

The memory and the SQLite store share these functions: both are the only writer of what
they hold, so a decision needs no transaction, only to be kept before it is told. What is
not in mind they look up in a :class:`History`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from jobd.core.claim import (
    ActiveRun,
    ClaimAnswer,
    ClaimDenied,
    ClaimGranted,
    ClaimRequest,
    JobMemory,
    Pause,
)
from jobd.core.ledger import Skip, TickRange, TickRecord
from jobd.core.outcome import Outcome
from jobd.core.overlap import Fate, Obstacle, fate, obstacle
from jobd.core.run import Finish, RunRecord
from jobd.ports import Enrolment
from jobd.store.forgotten import spans_over
from jobd.store.fresh import count_fresh
from jobd.store.roll import Draft, JobState


class History(Protocol):
    """What a store has kept beyond the jobs themselves."""

    def rows_over(self, job: JobState, first: datetime, last: datetime) -> Sequence[TickRange]:
        """Return the job's ledger rows that share an instant with ``first`` to ``last``.

        They come in the order in which they were decided.
        """
        ...

    def skips_after(self, job: JobState, instant: datetime) -> Sequence[TickRecord]:
        """Return the job's skips that reach beyond ``instant``, in the order of decision."""
        ...

    def ended_token(self, run_id: str) -> int | None:
        """Return the fencing token of a run that has ended, or None."""
        ...


def enrol(draft: Draft, enrolments: Sequence[Enrolment], now: datetime) -> Mapping[str, JobMemory]:
    """See :meth:`jobd.ports.Store.enrol`."""
    number = max((state.number for state in draft.jobs.values()), default=0)
    for enrolment in enrolments:
        state = draft.find(enrolment.job)
        if state is None:
            number += 1
            new = JobState(number, enrolment.job, enrolment.schedule, True, settled_until=now)
            draft.edited[enrolment.job] = new
        elif not state.is_on_roll or state.schedule != enrolment.schedule:
            _begin_anew(draft.edit(enrolment.job), enrolment, now)
    wanted = {enrolment.job for enrolment in enrolments}
    for name in [s.name for s in draft.jobs.values() if s.is_on_roll and s.name not in wanted]:
        draft.edit(name).is_on_roll = False
    return {name: draft.look(name).memory() for name in wanted}


def orphans(jobs: Mapping[str, JobState]) -> Sequence[ActiveRun]:
    """See :meth:`jobd.ports.Store.orphans`."""
    return [run for state in jobs.values() if not state.is_on_roll for run in state.active]


def claim(
    draft: Draft, history: History, request: ClaimRequest, node: str, now: datetime
) -> ClaimAnswer:
    """Decide one request; see :meth:`jobd.ports.Store.claim`."""
    state = draft.look(request.job)
    own = state.active_run(request.run_id)
    if own is not None:
        draft.settle(request.job, request.settled_until)
        return ClaimGranted(request, own.token, own.claimed_at)
    if _was_decided(draft, history, state, request):
        draft.settle(request.job, request.settled_until)
        return ClaimDenied(request, None, settled=True)
    found = obstacle(request.demand, state.active, state.rest_until, now)
    if found is not None:
        return _deny(draft, request, found, node, now)
    return _grant(draft, request, node, now)


def skip(draft: Draft, history: History, wish: Skip, node: str, now: datetime) -> Skip:
    """Settle one skip; see :meth:`jobd.ports.Store.skip`."""
    state = draft.look(wish.ticks.job)
    fresh = wish.ticks.count
    if state.decided_until is not None and wish.ticks.first <= state.decided_until:
        rows = _rows_over(draft, history, state, wish.ticks.first, wish.ticks.last)
        fresh = count_fresh(wish.ticks, rows, wish.schedule)
    draft.settle(state.name, wish.settled_until)
    if fresh != wish.ticks.count:
        wish = replace(wish, ticks=replace(wish.ticks, count=fresh))
    if fresh:
        row = TickRecord(wish.ticks, wish.reason, None, wish.detail, wish.blocker, now, node)
        draft.record(row)
    return wish


def finish(draft: Draft, history: History, end: Finish) -> bool:
    """End one run; see :meth:`jobd.ports.Store.finish`."""
    record = end.record
    assert record.ended_at is not None, f"run {record.run_id} is finished without an end"
    state = draft.find(record.job)
    run = None if state is None else state.active_run(record.run_id)
    if run is None or run.token != record.token:
        before = draft.finished.get(record.run_id)
        token = history.ended_token(record.run_id) if before is None else before.token
        return run is None and token == record.token
    state = draft.edit(record.job)
    state.active = tuple(one for one in state.active if one is not run)
    _learn(state, end, record)
    draft.finished[record.run_id] = record
    return True


def save_run(draft: Draft, run: ActiveRun, started_at: datetime | None) -> None:
    """See :meth:`jobd.ports.Store.save_run`; a run that is not active is left alone."""
    state = draft.find(run.job)
    known = None if state is None else state.active_run(run.run_id)
    if known is None or known.token != run.token:
        return
    saved = replace(known, attempt=run.attempt, retry_at=run.retry_at)
    state = draft.edit(run.job)
    state.active = tuple(saved if one is known else one for one in state.active)
    if started_at is not None:
        state.last_started = started_at
    draft.saved.append((saved, started_at))


def save_pause(draft: Draft, jobs: Sequence[str], pause: Pause | None) -> None:
    """See :meth:`jobd.ports.Store.save_pause`."""
    for job in jobs:
        draft.edit(job).pause = pause


def save_skip_next(draft: Draft, job: str, skip_next: Pause | None) -> None:
    """See :meth:`jobd.ports.Store.save_skip_next`."""
    draft.edit(job).skip_next = skip_next


def _begin_anew(state: JobState, enrolment: Enrolment, now: datetime) -> None:
    state.is_on_roll = True
    state.schedule = enrolment.schedule
    state.settled_until = now


def _was_decided(draft: Draft, history: History, state: JobState, request: ClaimRequest) -> bool:
    instant = request.fire_time
    if instant is None:  # by hand: decided if that very run has been, and ended
        is_known = request.run_id in draft.finished
        return is_known or history.ended_token(request.run_id) is not None
    if state.decided_until is None or instant > state.decided_until:
        return False
    return bool(_rows_over(draft, history, state, instant, instant))


def _rows_over(
    draft: Draft, history: History, state: JobState, first: datetime, last: datetime
) -> list[TickRange]:
    drafted = (row.ticks for row in draft.ticks.get(state.name, ()))
    rows = [ticks for ticks in drafted if ticks.last >= first and ticks.first <= last]
    rows.extend(history.rows_over(state, first, last))
    rows.extend(spans_over(state.name, state.forgotten, first, last))
    return rows


def _grant(draft: Draft, request: ClaimRequest, node: str, now: datetime) -> ClaimGranted:
    state = draft.edit(request.job)
    state.token += 1
    run = ActiveRun(
        request.run_id,
        request.job,
        node,
        state.token,
        request.fire_time,
        request.trigger,
        claimed_at=now,
        requested_by=request.requested_by,
        params=request.params,
    )
    state.active = (*state.active, run)
    draft.granted.append(run)
    if request.fire_time is not None:
        ticks = TickRange(request.job, request.fire_time, request.fire_time, 1)
        draft.record(TickRecord(ticks, None, run.run_id, "", None, now, node))
    draft.settle(request.job, request.settled_until)
    return ClaimGranted(request, state.token, now)


def _deny(
    draft: Draft, request: ClaimRequest, found: Obstacle, node: str, now: datetime
) -> ClaimDenied:
    blocker = found.blocker
    is_skip = fate(request.demand.overlap, found.reason) is Fate.SKIPPED
    if request.fire_time is None or not is_skip:
        return ClaimDenied(request, found.reason, False, blocker, found.until)
    ticks = TickRange(request.job, request.fire_time, request.fire_time, 1)
    detail = f"max_duty: rests until {found.until:%Y-%m-%dT%H:%M:%SZ}" if found.until else ""
    blocked_by = None if blocker is None else blocker.run_id
    draft.record(TickRecord(ticks, found.reason, None, detail, blocked_by, now, node))
    draft.settle(request.job, request.settled_until)
    return ClaimDenied(request, found.reason, True, blocker, found.until)


def _learn(state: JobState, end: Finish, record: RunRecord) -> None:
    """Bring the job's memory up to date; what was not measured leaves what is known."""
    started = record.started_at
    # Where runs may overlap, an older one can end after a younger one.
    if started is not None and (state.last_started is None or started > state.last_started):
        state.last_started = started
    state.last_ended = record.ended_at
    state.last_outcome = None if record.outcome is None else record.outcome.value
    if record.outcome is Outcome.SUCCESS:
        state.last_success = record.ended_at
    if record.duration_s is not None:
        state.last_duration = timedelta(seconds=record.duration_s)
    if end.smoothed_duration_s is not None:
        state.smoothed_duration_s = end.smoothed_duration_s
    if record.memory_peak_bytes is not None:
        state.memory_peak_bytes = record.memory_peak_bytes
    state.rest_until = end.rest_until
