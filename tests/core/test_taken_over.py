"""A daemon that comes back finds runs in its supervisor that are another node's by now."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from jobd.core.claim import ActiveRun, JobMemory, Trigger
from jobd.core.effects import Effect, FinishRun, SaveRun, StartRun, StopRun
from jobd.core.events import Configured, HeldRun, Recovered, Woke
from jobd.core.job import Command, Job, Limits, Retries, Scope
from jobd.core.lease import LeaseTerms
from jobd.core.outcome import Exit, Outcome, StopCause
from jobd.core.scheduler import Scheduler

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RETRIES = Retries(max=3, delay=timedelta(0), on=frozenset({Outcome.LOST}))
JOB = Job("a", Command(("true",)), scope=Scope.CLUSTER, retries=RETRIES)
OURS = ActiveRun("run", "a", "e", 1, None, Trigger.MANUAL, NOON - timedelta(minutes=1))
THEIRS = replace(OURS, node="f", token=2, lease_until=NOON + timedelta(seconds=10))


def come_back(exit_: Exit | None) -> list[Effect]:
    """Return what a daemon asks for that finds the run, and whatever follows in a minute."""
    scheduler = Scheduler("e", "1", LeaseTerms(timedelta(seconds=10)))
    memory = JobMemory("a", settled_until=NOON, token=2, active=(THEIRS,))
    effects = scheduler.handle(Configured({"a": JOB}, {"a": memory}, 10, 10), NOON)
    held = HeldRun(OURS, OURS.claimed_at, exit_, ended_at=NOON if exit_ else None)
    effects += scheduler.handle(Recovered((held,), NOON - timedelta(hours=1)), NOON)
    return [*effects, *scheduler.handle(Woke(), NOON + timedelta(minutes=1))]


def test_one_that_has_ended_is_told_and_not_retried() -> None:
    """The store refuses what is told under an old token, and keeps it as a note."""
    effects = come_back(Exit(None, 15, StopCause.TRUST, False, 50.0, 0.1, None))
    (finish,) = (effect for effect in effects if isinstance(effect, FinishRun))
    assert (finish.finish.record.token, finish.will_retry) == (1, False)
    assert [effect for effect in effects if isinstance(effect, (StartRun, SaveRun))] == []


def test_one_that_still_runs_is_stopped() -> None:
    effects = come_back(None)
    assert StopRun("run", StopCause.TRUST) in effects
    assert [effect for effect in effects if isinstance(effect, (StartRun, SaveRun))] == []


def test_while_its_store_is_away_it_holds_as_much_of_the_node_as_it_may_take() -> None:
    """Else what is started beside it meanwhile is more than the node can bear."""
    job = replace(JOB, limits=Limits(memory_max_bytes=200 << 20))
    scheduler = Scheduler("e", "1", LeaseTerms(timedelta(seconds=10)))
    scheduler.handle(Configured({}, {}, 10, 10, unreached={"a": job}), NOON)
    held = HeldRun(OURS, OURS.claimed_at, None)
    scheduler.handle(Recovered((held,), NOON - timedelta(hours=1)), NOON)
    assert scheduler.state.room.reserved_bytes == 200 << 20


def test_after_the_node_was_given_another_name_what_was_leased_to_it_is_let_go_of() -> None:
    """In a cluster another name is another node: its own lease on the run has to run out."""
    scheduler = Scheduler("renamed", "1", LeaseTerms(timedelta(seconds=10)))
    leased = replace(OURS, lease_until=NOON + timedelta(seconds=10))
    memory = JobMemory("a", settled_until=NOON, token=1, active=(leased,))
    scheduler.handle(Configured({"a": JOB}, {"a": memory}, 10, 10), NOON)
    held = (HeldRun(leased, leased.claimed_at, None),)
    effects = scheduler.handle(Recovered(held, NOON - timedelta(hours=1)), NOON)
    assert StopRun("run", StopCause.TRUST) in effects


def test_after_the_node_was_given_another_name_its_jobs_of_its_own_are_not_stuck() -> None:
    """Nobody else sees its own store: no lease of such a run could run out."""
    scheduler = Scheduler("renamed", "1", LeaseTerms(timedelta(seconds=10)))
    own = replace(JOB, scope=Scope.NODE, retries=Retries())
    memory = JobMemory("a", settled_until=NOON, token=1, active=(OURS,))
    scheduler.handle(Configured({"a": own}, {"a": memory}, 10, 10), NOON)
    effects = scheduler.handle(Recovered((), NOON), NOON)
    (finish,) = (effect for effect in effects if isinstance(effect, FinishRun))
    assert finish.finish.record.outcome is Outcome.LOST
