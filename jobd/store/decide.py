"""Decide: what each operation of a store means, on a draft.

The memory and the SQLite store share these functions: both are the only writer of what
they hold, so a decision needs no transaction, only to be kept before it is told. What is
not in mind they look up in a :class:`History`. Claims are decided in claims.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from jobd.core.claim import ActiveRun, JobMemory, Pause
from jobd.core.frequent import altered
from jobd.core.ledger import Skip, TickRecord
from jobd.core.outcome import Outcome
from jobd.core.run import Finish, RunRecord
from jobd.ports import AuditEntry, Enrolment
from jobd.store.fresh import count_fresh
from jobd.store.history import History, rows_over
from jobd.store.leases import Asker
from jobd.store.roll import Draft, JobState

LATE_END = "late end"  # an end that its holder reported after the lease had passed on


def enrol(
    draft: Draft, enrolments: Sequence[Enrolment], now: datetime, node: str = ""
) -> Mapping[str, JobMemory]:
    """See :meth:`jobd.ports.Store.enrol`. ``node``: one of several that share the store."""
    number = max((state.number for state in draft.jobs.values()), default=0)
    for enrolment in enrolments:
        state = draft.find(enrolment.job)
        if state is None:
            number += 1
            new = JobState(number, enrolment.job, enrolment.schedule, True, settled_until=now)
            draft.edited[enrolment.job] = new
        elif not state.is_on_roll or state.schedule != enrolment.schedule:
            _begin_anew(draft.edit(enrolment.job), enrolment, now)
        if node and node not in draft.look(enrolment.job).enrolled_by:
            draft.edit(enrolment.job).enrolled_by |= {node}
    wanted = {enrolment.job for enrolment in enrolments}
    for name in [s.name for s in draft.jobs.values() if s.name not in wanted]:
        _leave(draft, name, node)
    return {one.job: draft.look(one.job).memory() for one in enrolments}


def orphans(jobs: Mapping[str, JobState], node: str = "") -> Sequence[ActiveRun]:
    """See :meth:`jobd.ports.Store.orphans`. ``node``: as for :func:`enrol`."""
    if not node:
        return [run for state in jobs.values() if not state.is_on_roll for run in state.active]
    left = (state for state in jobs.values() if node not in state.enrolled_by)
    return [run for state in left for run in state.active if run.node == node]


def skip(draft: Draft, history: History, wish: Skip, asker: Asker) -> Skip:
    """Settle one skip; see :meth:`jobd.ports.Store.skip`."""
    state = draft.look(wish.ticks.job)
    fresh = wish.ticks.count
    if state.decided_until is not None and wish.ticks.first <= state.decided_until:
        rows = rows_over(draft, history, state, wish.ticks.first, wish.ticks.last)
        fresh = count_fresh(wish.ticks, rows, wish.schedule)
    draft.settle(state.name, wish.settled_until)
    if fresh != wish.ticks.count:
        wish = replace(wish, ticks=replace(wish.ticks, count=fresh))
    if fresh:
        why = (wish.reason, None, wish.detail, wish.blocker)
        draft.record(TickRecord(wish.ticks, *why, asker.now, asker.node))
    return wish


def finish(draft: Draft, history: History, end: Finish, asker: Asker | None = None) -> bool:
    """End one run; see :meth:`jobd.ports.Store.finish`. ``asker``: of a store with leases."""
    record = end.record
    assert record.ended_at is not None, f"run {record.run_id} is finished without an end"
    state = draft.find(record.job)
    run = None if state is None else state.active_run(record.run_id)
    if run is None or run.token != record.token:
        is_known = run is None and _was_finished(draft, history, record)
        if not is_known and asker is not None:
            draft.notes.append(_late_end(record, asker))
        return is_known
    if run.retried and not record.retried:
        record = altered(record, retried=run.retried)
    _learn(draft.swap(run, None), end, record)
    draft.finished[record.run_id] = record
    return True


def save_run(draft: Draft, run: ActiveRun, started_at: datetime | None) -> None:
    """See :meth:`jobd.ports.Store.save_run`; a run that is not active is left alone."""
    state = draft.find(run.job)
    known = None if state is None else state.active_run(run.run_id)
    if known is None or known.token != run.token:
        return
    where = {"attempt": run.attempt, "retry_at": run.retry_at, "node": run.node}
    saved = altered(known, **where, retried=run.retried or known.retried)
    state = draft.swap(known, saved)
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


def _leave(draft: Draft, name: str, node: str) -> None:
    """Take a job off the roll of a node; it is on the roll while any other has it."""
    state = draft.look(name)
    left = state.enrolled_by - {node}
    if left != state.enrolled_by:
        draft.edit(name).enrolled_by = left
    if state.is_on_roll and not left:
        draft.edit(name).is_on_roll = False


def _was_finished(draft: Draft, history: History, record: RunRecord) -> bool:
    """Whether its holder reported this end before. A run that was given up meanwhile ended
    without its holder, whose word on it is late."""
    before = draft.finished.get(record.run_id)
    if before is not None:
        return before.token == record.token
    is_same = history.ended_token(record.run_id) == record.token
    return is_same and not history.was_given_up(record.run_id)


def _late_end(record: RunRecord, asker: Asker) -> AuditEntry:
    outcome = "unknown" if record.outcome is None else record.outcome.value
    words = f"{outcome}; its lease had passed on"
    assert record.ended_at is not None, "only ends are late"
    # Of when it ended, so that a report which is repeated is the same note.
    return AuditEntry(record.ended_at, asker.node, LATE_END, record.run_id, words)


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
        state.last_duration = timedelta(seconds=record.lasted_s or 0.0)
    if end.smoothed_duration_s is not None:
        state.smoothed_duration_s = end.smoothed_duration_s
    if end.smoothed_lasted_s is not None:
        state.smoothed_lasted_s = end.smoothed_lasted_s
    elif state.smoothed_lasted_s is None:  # an older daemon's end; better than nothing
        state.smoothed_lasted_s = end.smoothed_duration_s
    if record.memory_peak_bytes is not None:
        state.memory_peak_bytes = record.memory_peak_bytes
    if end.expected_memory_bytes is not None:
        state.expected_memory_bytes = end.expected_memory_bytes
    state.rest_until = end.rest_until
