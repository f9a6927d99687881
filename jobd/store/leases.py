"""Leases: until when a run is its node's alone, by the store's clock, and what follows then.

A store of one node gives none: its runs have no ``lease_until`` and are never overdue.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from jobd.core.attempt import EndedAttempt, followed
from jobd.core.claim import ActiveRun
from jobd.core.cluster import Holding, TakeOver
from jobd.core.frequent import altered
from jobd.core.outcome import Outcome
from jobd.core.run import RunRecord, record_of
from jobd.store.roll import Draft, JobState


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks a store to decide, and when by its clock. ``ttl`` None: it gives no leases."""

    node: str
    now: datetime
    ttl: timedelta | None = None
    may_take_over: bool = True  # False: a lease that has run out counts as valid

    @property
    def lease_until(self) -> datetime | None:
        """Return until when a lease lasts that is given now."""
        return None if self.ttl is None else self.now + self.ttl

    def may_take(self, run: ActiveRun) -> bool:
        """Whether a run's lease has run out and counts no more."""
        return self.may_take_over and is_overdue(run, self.now)


def is_overdue(run: ActiveRun, now: datetime) -> bool:
    """Whether a run's lease has run out."""
    return run.lease_until is not None and run.lease_until <= now


def believable(run: ActiveRun, asker: Asker) -> ActiveRun:
    """Return a run with a lease no longer than one that is given now: a longer one is left
    from before the store's clock was set back, and would bar its job for as long."""
    most = asker.lease_until
    if most is None or run.lease_until is None or run.lease_until <= most:
        return run
    return replace(run, lease_until=most)


def believe(draft: Draft, jobs: Iterable[JobState], asker: Asker) -> None:
    """Shorten the leases of these jobs' runs to what can be right."""
    for state in jobs:
        for run in state.active:
            shorter = believable(run, asker)
            if shorter is not run:
                draft.swap(run, shorter)


def end_overdue(draft: Draft, job: str, asker: Asker) -> None:
    """End the runs of a job whose lease has run out, if this asker may."""
    for run in draft.look(job).active:
        if asker.may_take(run):
            draft.lost.append(end_as_lost(draft, run, asker.now))


def end_as_lost(draft: Draft, run: ActiveRun, now: datetime) -> RunRecord:
    """End a run whose holder has not been heard of; its job rests no longer than before."""
    state = draft.swap(run, None)
    state.last_ended, state.last_outcome = now, Outcome.LOST.value
    words = lost_words(run.node)
    record = record_of(run, ended_at=now, outcome=Outcome.LOST, reason=words)
    draft.finished[run.run_id] = record
    return record


def renew(draft: Draft, job: str | None, holding: Holding, asker: Asker) -> bool:
    """See :meth:`jobd.ports.SharedStore.renew`; ``job``: whose active run it is, if any's."""
    run = None if job is None else draft.look(job).active_run(holding.run_id)
    if run is None or (run.token, run.node) != (holding.token, asker.node):
        return False
    draft.swap(run, altered(run, lease_until=asker.lease_until))
    return True


def take_over(draft: Draft, wish: TakeOver, asker: Asker) -> ActiveRun | RunRecord | None:
    """See :meth:`jobd.ports.SharedStore.take_over`."""
    state = draft.find(wish.run.job)
    run = None if state is None else state.active_run(wish.run.run_id)
    if run is None or run.token != wish.run.token or not is_overdue(run, asker.now):
        return None
    if wish.retry_at is None:
        return end_as_lost(draft, run, asker.now)
    return _go_on(draft, run, wish.retry_at, asker)


def _go_on(draft: Draft, run: ActiveRun, retry_at: datetime, asker: Asker) -> ActiveRun:
    state = draft.edit(run.job)
    state.token += 1
    retried = run.retried
    if run.retry_at is None:  # else it was between two attempts
        words = lost_words(run.node)
        gone = EndedAttempt(run.attempt, run.node, None, asker.now, Outcome.LOST, words)
        retried = followed(retried, gone)
    mine = replace(
        run,
        node=asker.node,
        retried=retried,
        token=state.token,
        retry_at=retry_at,
        lease_until=asker.lease_until,
    )
    draft.swap(run, mine)
    draft.saved.append((mine, None))
    return mine


def lost_words(node: str) -> str:
    """Return why a run is lost whose lease ran out."""
    return f"its lease ran out on {node}"


def overdue_runs(jobs: Iterable[JobState], now: datetime) -> Sequence[ActiveRun]:
    """Return the active runs whose lease has run out."""
    return [run for state in jobs for run in state.active if is_overdue(run, now)]
