"""SharedClock: the cluster's time, which is that of the store.

It is anchored with every beat that was fast: the store said ``at`` in the middle of the beat's
round trip, and from then on the steady clock counts. What somebody does to this machine's
wall clock changes nothing. Until the first beat it is the wall clock.
"""

from datetime import datetime, timedelta

from jobd.ports import Clock

# A store's clock that differs by more from what the last beats made us expect has been set.
STEP = timedelta(seconds=1)

# By how much two clocks may drift apart in a second: what a bad quartz does, and then some.
DRIFT = 1e-3


class SharedClock:
    """See :class:`jobd.ports.Clock`; ``now`` jumps when the store's clock has been set."""

    def __init__(self, machine: Clock) -> None:
        self._machine = machine
        self._anchor: tuple[datetime, float] | None = None
        self._doubt = timedelta(0)  # by how much the anchor may be wrong

    def now(self) -> datetime:
        """Return the store's time, in UTC."""
        if self._anchor is None:
            return self._machine.now()
        at, at_s = self._anchor
        return at + timedelta(seconds=self._machine.steady_s() - at_s)

    def steady_s(self) -> float:
        """Return seconds on this machine's steady clock."""
        return self._machine.steady_s()

    @property
    def offset(self) -> timedelta:
        """Return by how much the store's clock is ahead of this machine's."""
        return self.now() - self._machine.now()

    def anchor(self, at: datetime, sent_s: float, received_s: float) -> bool:
        """Take the store's word for the time; return whether its clock has been set since.

        ``at`` lies somewhere between request and answer, in the middle at best: a difference
        is a step only if it is greater than that doubt, and the doubt of the beat before.
        """
        middle_s, doubt = (sent_s + received_s) / 2, timedelta(seconds=(received_s - sent_s) / 2)
        before, known = self._anchor, self._doubt_at(middle_s)
        has_stepped = False
        if before is not None:
            expected = before[0] + timedelta(seconds=middle_s - before[1])
            has_stepped = abs(at - expected) > STEP + doubt + known
        if before is None or has_stepped or doubt <= known:
            self._anchor, self._doubt = (at, middle_s), doubt
        return has_stepped

    def _doubt_at(self, steady_s: float) -> timedelta:
        """Return by how much the anchor may be wrong by now: a slow beat is no better than one
        of a minute ago that was fast."""
        age_s = 0.0 if self._anchor is None else steady_s - self._anchor[1]
        return self._doubt + timedelta(seconds=max(age_s, 0.0) * DRIFT)
