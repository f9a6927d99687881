"""Each checker of the cluster catches the mutant made for it: the mistakes that people make."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from jobd.core import enrol, needs, runs, ticks, turns
from jobd.core.effects import Claim
from jobd.core.outcome import Outcome
from jobd.core.schedule import Tick, due_time
from jobd.core.state import RunTrack, SchedulerState
from jobd.store import claims, decide, leases
from jobd.store.leases import Asker
from tests.sim.cluster import checkers, heart
from tests.sim.cluster.daemon import Daemon
from tests.sim.cluster.lanes import SharedLane
from tests.sim.cluster.nights import Night, night
from tests.sim.cluster.renewals import Renewals
from tests.sim.cluster.supervisor import Supervisor
from tests.sim.cluster.world import World

SEEDS = range(30)  # most are caught by the first or second


def is_caught(check: Callable[[World], list[str]], *kinds: str, an_hour: float = 4.0) -> bool:
    plan = Night(hours=10, kinds=kinds, faults_an_hour=an_hour)
    return any(check(night(seed, plan)) for seed in SEEDS)


def test_no_double_start_catches_a_store_that_forgets_its_ledger(monkeypatch):
    numbers = count()
    monkeypatch.setattr(
        claims,
        "_was_decided",
        lambda draft, history, _, request: (
            request.run_id in draft.finished or history.ended_token(request.run_id) is not None
        ),
    )
    monkeypatch.setattr(SchedulerState, "run_id", lambda *_: f"{next(numbers):016x}")
    assert is_caught(checkers.no_double_start, "cut")


def test_no_overlap_catches_a_store_that_grants_beside_an_active_run(monkeypatch):
    monkeypatch.setattr(claims, "obstacle", lambda *_: None)
    assert is_caught(checkers.no_overlap)


def test_no_needless_kill_catches_an_unfenced_finish(monkeypatch):
    """A late holder's report ends the run that has its job now: that is stopped, for nothing."""
    fenced = decide.finish

    def unfenced(draft, history, end, asker=None):
        state = draft.find(end.record.job)
        for run in state.active if state is not None else ():
            record = replace(end.record, run_id=run.run_id, token=run.token)
            return fenced(draft, history, replace(end, record=record), asker)
        return fenced(draft, history, end, asker)

    monkeypatch.setattr(decide, "finish", unfenced)
    assert is_caught(checkers.no_needless_kill, "cut", "freeze", an_hour=12)


def test_no_overlap_catches_trust_that_is_counted_from_the_answer(monkeypatch):
    """An answer that lay unread while the daemon was frozen says nothing about now."""
    for lane in (Renewals, SharedLane):
        monkeypatch.setattr(lane, "trusted_from", lambda self, _: self.daemon.clock.steady_s())
    assert is_caught(checkers.no_overlap, "freeze", "slow", an_hour=12)


def test_no_overlap_catches_a_takeover_by_the_local_clock(monkeypatch):
    honest = Asker.may_take

    def by_the_wall(asker, run):
        wrong = timedelta(minutes=10) if asker.node == "n2" else timedelta(0)
        return honest(replace(asker, now=asker.now + wrong), run)

    monkeypatch.setattr(Asker, "may_take", by_the_wall)
    assert is_caught(checkers.no_overlap)


def test_no_overlap_catches_a_held_run_that_is_trusted_without_a_lease(monkeypatch):
    """What a daemon that comes back finds in its supervisor may be another node's by now."""

    def unleased(*facts, is_leased=False, **more):
        return RunTrack(*facts, **more)

    monkeypatch.setattr(enrol, "RunTrack", unleased)
    assert is_caught(checkers.no_overlap, "daemon", an_hour=12)


def test_dead_in_time_catches_a_supervisor_that_waits_for_its_daemon(monkeypatch):
    monkeypatch.setattr(Supervisor, "_watch", lambda *_: None)
    assert is_caught(checkers.dead_in_time, "daemon", "cut")


def test_all_accounted_catches_late_ticks_that_are_passed_over(monkeypatch):
    monkeypatch.setattr(ticks, "_skip_late", lambda *_: None)
    assert is_caught(checkers.all_accounted, "store")


def test_outcomes_kept_catches_a_flattering_history(monkeypatch):
    honest = runs._record

    def flattering(run_track, outcome, at, reason, *exit_):
        return replace(honest(run_track, outcome, at, reason, *exit_), outcome=Outcome.SUCCESS)

    monkeypatch.setattr(runs, "_record", flattering)
    assert is_caught(checkers.outcomes_kept)


def test_attempts_kept_catches_a_node_that_takes_over_and_tells_nothing(monkeypatch):
    monkeypatch.setattr(leases, "followed", lambda retried, _: retried)
    assert is_caught(checkers.attempts_kept, "machine", "cut")


def test_no_double_start_or_wrong_outcome_catches_an_outbox_that_is_read_too_late(monkeypatch):
    """Whose end is in the outbox is active for the store and unknown to the supervisor."""
    monkeypatch.setattr(heart, "_without_ended", lambda memories, _: memories)
    broken = (checkers.no_double_start, checkers.outcomes_kept)
    assert is_caught(lambda w: [c for check in broken for c in check(w)], "daemon", an_hour=20)


def test_outcomes_kept_catches_an_outbox_that_dies_with_its_daemon(monkeypatch):
    start = Daemon.start

    def forgetful(daemon):
        daemon.node.outbox.clear()
        start(daemon)

    monkeypatch.setattr(Daemon, "start", forgetful)
    assert is_caught(checkers.outcomes_kept, "daemon", "locked", an_hour=30)


def test_in_time_catches_nodes_that_leave_each_tick_to_the_first(monkeypatch):
    monkeypatch.setattr(turns, "turn_has_come", lambda state, key: state.turns.pop(key, None))
    assert is_caught(checkers.in_time, "daemon", "cut")


def test_prompt_catches_nodes_that_wait_for_a_dead_one(monkeypatch):
    monkeypatch.setattr(turns.placement, "STEP", timedelta(seconds=30))
    assert is_caught(checkers.prompt, "daemon", "freeze", an_hour=8)


def test_nothing_early_catches_jitter_that_is_drawn_by_each_node(monkeypatch):
    def drawn(job, fire_time):
        if not job.jitter:
            return fire_time
        lot = Tick(f"{job.name}{id(job)}", fire_time)
        return due_time(lot, job.jitter, job.jitter_mode, job.schedule.next_after(fire_time))

    monkeypatch.setattr(ticks, "due_of", drawn)
    assert is_caught(checkers.nothing_early)


def test_load_is_bounded_catches_one_who_looks_around_all_the_time(monkeypatch):
    monkeypatch.setattr(heart, "BEAT_S", 0.2)
    monkeypatch.setattr(heart, "SOONEST_S", 0.1)
    assert is_caught(checkers.load_is_bounded, "cut")


def test_load_is_bounded_catches_claims_that_every_node_makes_at_once(monkeypatch):
    monkeypatch.setattr(turns, "_wait", lambda *_: timedelta(0))
    assert is_caught(checkers.load_is_bounded)


def test_load_is_bounded_catches_claims_that_leave_one_by_one(monkeypatch):
    """At the full hour a node would knock once for each of its jobs."""
    send_batch = SharedLane._send_batch

    def send_one(lane):
        requests = [request for claim in lane._claims for request in claim.requests]
        lane._claims = [Claim(tuple(requests[:1]))] if requests else []
        send_batch(lane)
        lane._claims = [Claim(tuple(requests[1:]))] if requests[1:] else []

    monkeypatch.setattr(SharedLane, "_send_batch", send_one)
    assert is_caught(checkers.load_is_bounded)


def test_no_needless_kill_catches_renewals_that_queue_behind_claims(monkeypatch):
    """One claim that is repeated for want of an answer, and every run of the node dies."""
    send = Renewals.send

    def in_line(renewals, holdings):
        lane = renewals.daemon.shared
        if lane._is_out or lane._failures or lane._claims or lane._is_posting:
            renewals.world.after(0.1, lambda: in_line(renewals, holdings))
        else:
            send(renewals, holdings)

    monkeypatch.setattr(Renewals, "send", in_line)
    assert is_caught(checkers.no_needless_kill, "locked")


@pytest.fixture(autouse=True)
def fresh_demands():
    yield
    ticks._demand.cache_clear()


def test_within_budget_catches_a_room_that_reserves_no_memory(monkeypatch):
    """A place under max_running is all that a run takes then."""
    monkeypatch.setattr(needs, "reservation", lambda *_: 0)
    needs._need.cache_clear()
    try:
        assert is_caught(checkers.within_budget)
    finally:
        needs._need.cache_clear()
