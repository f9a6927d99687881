"""Unit: what a unit file and its drop-ins assign, and which of it has been looked at."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from jobd.config.importers.systemd.specifiers import UnitName
from jobd.config.importers.systemd.syntax import Assignment, Stray


@dataclass(slots=True, eq=False)
class Unit:
    """A unit as read. Whoever takes a key has answered for it; :meth:`left` is what nobody took."""

    name: UnitName
    file: str
    assignments: tuple[Assignment, ...]
    strays: tuple[Stray, ...] = ()
    _taken: set[tuple[str, str]] = field(default_factory=set)

    def take_all(self, section: str, *keys: str) -> list[Assignment]:
        """Return all assignments of these keys, in order; an empty one takes back those before."""
        self._taken.update((section, key) for key in keys)
        kept: list[Assignment] = []
        for one in self.assignments:
            if one.section != section or one.key not in keys:
                continue
            kept = [*kept, one] if one.value else []
        return kept

    def take(self, section: str, *keys: str) -> Assignment | None:
        """Return the assignment that holds, which is the last; None if there is none."""
        found = self.take_all(section, *keys)
        return found[-1] if found else None

    def text(self, section: str, key: str, default: str = "") -> str:
        """Return the value that holds."""
        found = self.take(section, key)
        return found.value if found else default

    def pass_over(self, section: str, keys: Iterable[str]) -> None:
        """Take keys that mean nothing to a job."""
        self._taken.update((section, key) for key in keys)

    def left(self) -> list[Assignment]:
        """Return what nobody has taken; empty assignments say nothing and are none."""
        return [
            one
            for one in self.assignments
            if (one.section, one.key) not in self._taken and one.value
        ]
