"""Steps: the parts of a run as it names them, and how long it was in each.

One step at a time: the next one ends it, and so does the end of the run. A step that comes
again goes on being counted under its name. Whatever a run says, it has so many names and no
more, each of so many characters.
"""

MOST_STEPS = 50
OTHER = "other"  # whatever has a name of its own no more
_LONGEST_NAME = 100
_ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/-")


class Steps:
    """The steps of one run; instants and durations in seconds on the steady clock."""

    __slots__ = ("_current", "_since", "_totals")

    def __init__(self) -> None:
        self._totals: dict[str, float] = {}
        self._current: str | None = None
        self._since = 0.0

    @property
    def current(self) -> tuple[str, float] | None:
        """The step that the run is in, and since when."""
        return None if self._current is None else (self._current, self._since)

    def begin(self, name: str, at: float) -> None:
        """A step begins and ends the one before it; no name only ends that."""
        self.end(at)
        name = clean(name)
        if name:
            self._current = name if self._has_room(name) else OTHER
            self._since = max(at, self._since)  # who tells of it may tell late

    def end(self, at: float, took_s: float | None = None) -> None:
        """The step ends; ``took_s``: what the job itself says that it took."""
        if self._current is None:
            return
        self.add(self._current, max(0.0, at - self._since) if took_s is None else took_s)
        self._current, self._since = None, max(at, self._since)

    def add(self, name: str, seconds: float) -> None:
        """Count a step that somebody else has measured."""
        name = name if self._has_room(name) else OTHER
        self._totals[name] = self._totals.get(name, 0.0) + seconds

    def totals(self) -> list[list[object]]:
        """Return the steps that have ended, each with the seconds that it took in all."""
        return [[name, seconds] for name, seconds in self._totals.items()]

    def _has_room(self, name: str) -> bool:
        return name in self._totals or len(self._totals.keys() - {OTHER}) < MOST_STEPS


def clean(name: str) -> str:
    """Return a step's name as it is shown and counted: what may not stand in it becomes _."""
    name = name.strip()[:_LONGEST_NAME]
    return "".join(c if c in _ALLOWED else "_" for c in name)
