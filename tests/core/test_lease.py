"""Lease: how long a run may live without word from the store."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.lease import LeaseTerms

TTLS = st.timedeltas(timedelta(seconds=10), timedelta(hours=1))


@pytest.mark.parametrize(("ttl_s", "margin_s"), [(10, 1), (5, 1), (30, 3), (60, 5), (3600, 5)])
def test_the_margin_is_a_tenth_between_one_and_five_seconds(ttl_s: int, margin_s: int) -> None:
    assert LeaseTerms(timedelta(seconds=ttl_s)).margin == timedelta(seconds=margin_s)


@given(TTLS, st.floats(0.0, 1e9))
def test_a_run_is_dead_a_margin_before_anybody_else_may_start(ttl: timedelta, sent: float) -> None:
    """The store cannot have begun to count before the request was sent."""
    terms = LeaseTerms(ttl)
    left_s = sent + ttl.total_seconds() - terms.trusted_until_s(sent)
    assert left_s == pytest.approx(terms.margin.total_seconds(), abs=1e-5)


@given(TTLS)
def test_a_renewal_that_fails_leaves_time_for_another(ttl: timedelta) -> None:
    terms = LeaseTerms(ttl)
    assert 2 * terms.renew_every.total_seconds() < terms.trusted_until_s(0.0)
