"""Bulletin: what runs say of themselves, passed on to a daemon that wants to know it.

In bounded number: each run once a second at most, so many runs a second, and nothing while
the daemon does not read. It is for people to look at, and whoever talks without end must not
cost the daemon its time, nor us the memory for what a daemon that hangs will not see.
"""

from collections.abc import Callable, Mapping

from jobd.supervisor.instants import steady_s
from jobd.supervisor.loop import Loop
from jobd.supervisor.voice import Voice

_EVERY_S = 1.0
_AT_ONCE = 50

Frame = dict[str, object]


class Bulletin:
    """Collects who has news, and reports it in frames (``said``)."""

    def __init__(self, loop: Loop, report: Callable[[Frame], None]) -> None:
        self._loop = loop
        self._report = report
        self._news: dict[str, Voice] = {}
        self._has_room: Callable[[], bool] | None = None  # None: the daemon wants no news
        self._is_armed = False
        self._next_s = 0.0

    def greet(self, voices: Mapping[str, Voice], has_room: Callable[[], bool] | None) -> None:
        """A daemon has come: whatever there is is news to it. ``has_room`` tells whether it
        has read what it was told before; None: it wants to know nothing."""
        self._has_room = has_room
        self._news.clear()
        for run_id, voice in voices.items():
            if voice.has_spoken:
                self.note(run_id, voice)

    def note(self, run_id: str, voice: Voice) -> None:
        """A run has something new to show."""
        if self._has_room is None:
            return
        self._news[run_id] = voice
        self._arm()

    def forget(self, run_id: str) -> None:
        """A run is over: what it said last does not matter any more."""
        self._news.pop(run_id, None)

    def _arm(self) -> None:
        if not self._is_armed:
            self._is_armed = True
            self._loop.call_at(self._next_s, self._tell)

    def _tell(self) -> None:
        self._is_armed = False
        self._next_s = steady_s() + _EVERY_S
        has_room = self._has_room is not None and self._has_room()
        for run_id in list(self._news)[:_AT_ONCE] if has_room else ():
            self._report({"ev": "said", "run": run_id, **self._news.pop(run_id).words()})
        if self._news:
            self._arm()
