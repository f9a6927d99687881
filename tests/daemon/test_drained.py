"""Drained: what an operator said of this node outlives its daemon."""

from datetime import UTC

from hypothesis import given
from hypothesis import strategies as st

from jobd.core.claim import Pause
from jobd.daemon.drained import drain_of, text_of

INSTANTS = st.datetimes(timezones=st.just(UTC))


@given(st.builds(Pause, by=st.text(), since=INSTANTS, reason=st.text()))
def test_a_drain_comes_back_as_it_was(drain: Pause) -> None:
    assert drain_of(text_of(drain)) == drain


def test_no_drain_is_no_text() -> None:
    assert (text_of(None), drain_of(None)) == (None, None)
