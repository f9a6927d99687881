"""Half a minute of chaos: ``make chaos MINUTES=60`` is the same for longer."""

import pytest

from tests.system import chaos

SEED = 7  # which faults come, and in which order; it says what to look at when this fails


@pytest.mark.timeout(240)
def test_half_a_minute_of_faults_at_random_breaks_no_promise(needs_postgres: None) -> None:
    assert chaos.run(0.5, SEED) == []
