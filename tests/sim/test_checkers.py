"""Each checker catches the mutant made for it: a promise nobody can break is not tested."""

from dataclasses import replace
from itertools import count

from jobd.core import admit, candidates, enrol, jumps, overlap, runs, ticks
from jobd.core.admission import Room
from jobd.core.outcome import Outcome
from jobd.core.state import JobTrack, SchedulerState
from jobd.store import claims, decide
from tests.sim import checkers
from tests.sim.nights import night

SEEDS = range(8)


def is_caught(check, kinds=()):
    return any(check(night(seed, hours=8, kinds=kinds)) for seed in SEEDS)


def test_no_overlap_catches_a_store_that_grants_beside_an_active_run(monkeypatch):
    monkeypatch.setattr(claims, "obstacle", lambda *_: None)
    monkeypatch.setattr(overlap, "obstacle", lambda *_: None)
    assert is_caught(checkers.no_overlap)


def test_no_double_start_catches_a_store_that_forgets_its_ledger(monkeypatch):
    numbers = count()
    monkeypatch.setattr(claims, "_was_decided", lambda *_: False)
    monkeypatch.setattr(SchedulerState, "run_id", lambda *_: f"{next(numbers):016x}")
    assert is_caught(checkers.no_double_start, ("jump",))


def test_nothing_early_catches_ticks_that_ignore_their_jitter(monkeypatch):
    monkeypatch.setattr(ticks, "due_of", lambda _, fire_time: fire_time)
    assert is_caught(checkers.nothing_early)


def test_all_accounted_catches_a_watermark_beyond_a_tick_that_still_waits(monkeypatch):
    monkeypatch.setattr(JobTrack, "settled_until", lambda track, _=None: track.cursor)
    assert is_caught(checkers.all_accounted, ("daemon", "machine"))


def test_all_accounted_catches_late_ticks_that_are_passed_over(monkeypatch):
    monkeypatch.setattr(ticks, "_skip_late", lambda *_: None)
    assert is_caught(checkers.all_accounted, ("daemon",))


def test_outcomes_kept_catches_a_flattering_history(monkeypatch):
    honest = runs._record

    def flattering(run_track, outcome, at, reason, *exit_):
        return replace(honest(run_track, outcome, at, reason, *exit_), outcome=Outcome.SUCCESS)

    monkeypatch.setattr(runs, "_record", flattering)
    assert is_caught(checkers.outcomes_kept)


def test_outcomes_kept_catches_ends_that_nobody_took_over(monkeypatch):
    monkeypatch.setattr(enrol, "_resume", lambda *_: None)
    assert is_caught(checkers.outcomes_kept, ("daemon",))


def test_attempts_kept_catches_a_run_that_forgets_one(monkeypatch):
    monkeypatch.setattr(runs, "followed", lambda retried, _: retried)
    assert is_caught(checkers.attempts_kept)


def test_attempts_kept_catches_a_flattering_run(monkeypatch):
    honest = runs._ended
    monkeypatch.setattr(runs, "_ended", lambda record: replace(honest(record), exit_code=0))
    assert is_caught(checkers.attempts_kept)


def test_attempts_kept_catches_a_store_that_forgets_them_over_a_restart(monkeypatch):
    honest = decide.save_run
    monkeypatch.setattr(
        decide, "save_run", lambda draft, run, at: honest(draft, replace(run, retried=()), at)
    )
    assert is_caught(checkers.attempts_kept, ("daemon",))


def test_no_crowd_catches_a_node_without_bounds(monkeypatch):
    monkeypatch.setattr(Room, "obstacle", lambda *_: None)
    assert is_caught(checkers.no_crowd)


def test_in_time_catches_ticks_that_wait_for_ever(monkeypatch):
    for module in (admit, candidates):
        monkeypatch.setattr(module, "set_deadline", lambda *_: None)
    assert is_caught(checkers.in_time)


def test_not_silent_catches_skips_that_outlive_the_wrong_clock(monkeypatch):
    for module in (enrol, jumps):
        monkeypatch.setattr(module, "void_skips", lambda *_: None)
    assert is_caught(checkers.not_silent, ("astray",))


def test_not_silent_catches_a_wait_counted_from_the_wrong_clock(monkeypatch):
    monkeypatch.setattr(jumps, "_bring_back", lambda _, track, now: setattr(track, "cursor", now))
    assert is_caught(checkers.not_silent, ("astray",))
