"""Overlap and duty: what stands in a run's way, and what the denied tick becomes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.claim import ActiveRun, Demand, Trigger
from jobd.core.job import Overlap
from jobd.core.ledger import SkipReason
from jobd.core.overlap import Fate, fate, obstacle, rest_until

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def active(run_id: str = "r1") -> ActiveRun:
    return ActiveRun(run_id, "a", "node", 1, NOON, Trigger.SCHEDULE, NOON)


def test_nothing_forbids_the_first_run() -> None:
    assert obstacle(Demand(Overlap.SKIP), (), None, NOON) is None


@pytest.mark.parametrize("policy", [Overlap.SKIP, Overlap.QUEUE, Overlap.REPLACE])
def test_an_active_run_forbids_another_whatever_max_instances_says(policy: Overlap) -> None:
    found = obstacle(Demand(policy, max_instances=5), (active(),), None, NOON)
    assert found is not None


def test_the_oldest_run_is_named_as_the_blocker() -> None:
    found = obstacle(Demand(Overlap.SKIP), (active("old"), active("new")), None, NOON)
    assert found is not None
    assert found.blocker == active("old")


@given(st.integers(1, 20), st.integers(0, 20))
def test_allow_admits_up_to_max_instances(places: int, running: int) -> None:
    runs = [active(f"r{n}") for n in range(running)]
    found = obstacle(Demand(Overlap.ALLOW, places), runs, None, NOON)
    assert (found is None) == (running < places)


def test_a_resting_job_may_not_run() -> None:
    found = obstacle(Demand(Overlap.SKIP), (), NOON + MINUTE, NOON)
    assert found is not None
    assert (found.reason, found.until) == (SkipReason.DUTY, NOON + MINUTE)


def test_the_rest_is_over_at_its_very_end() -> None:
    assert obstacle(Demand(Overlap.SKIP), (), NOON, NOON) is None


def test_a_person_need_not_wait_for_the_rest() -> None:
    demand = Demand(Overlap.SKIP, ignores_duty=True)
    assert obstacle(demand, (), NOON + MINUTE, NOON) is None


def test_a_person_too_must_wait_for_the_prior_run() -> None:
    """The most frequent complaint about peers: their manual runs go around the lock."""
    demand = Demand(Overlap.SKIP, ignores_duty=True)
    assert obstacle(demand, (active(),), None, NOON) is not None


def test_an_overlap_is_told_before_the_rest() -> None:
    found = obstacle(Demand(Overlap.SKIP), (active(),), NOON + MINUTE, NOON)
    assert found is not None
    assert found.reason is SkipReason.OVERLAP


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Overlap.SKIP, Fate.SKIPPED),
        (Overlap.QUEUE, Fate.WAITS),
        (Overlap.REPLACE, Fate.REPLACES),
        (Overlap.ALLOW, Fate.SKIPPED),
    ],
)
def test_the_policy_says_what_an_overlap_becomes(policy: Overlap, expected: Fate) -> None:
    assert fate(policy, SkipReason.OVERLAP) is expected


@given(st.sampled_from(Overlap), st.sampled_from(SkipReason))
def test_only_an_overlap_or_a_full_pool_is_ever_waited_for(
    policy: Overlap, reason: SkipReason
) -> None:
    if reason is SkipReason.POOL:
        assert fate(policy, reason) is Fate.WAITS
    elif reason is not SkipReason.OVERLAP:
        assert fate(policy, reason) is Fate.SKIPPED


def test_a_run_of_14_minutes_at_half_duty_rests_14_minutes() -> None:
    assert rest_until(NOON, 14 * MINUTE, 0.5) == NOON + 14 * MINUTE


def test_a_job_that_may_always_run_never_rests() -> None:
    assert rest_until(NOON, 14 * MINUTE, 1.0) is None


@given(st.floats(0.01, 0.99), st.integers(1, 86_400))
def test_running_time_over_running_and_rest_is_the_share_allowed(share: float, run_s: int) -> None:
    duration = timedelta(seconds=run_s)
    until = rest_until(NOON, duration, share)
    assert until is not None
    assert duration / (duration + (until - NOON)) == pytest.approx(share, rel=1e-4)
