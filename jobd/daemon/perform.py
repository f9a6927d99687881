"""Perform: each effect goes to the lane of the one who can do it. Nothing here waits."""

from collections.abc import Sequence

from jobd.core.effects import Accepted, Effect, FinishRun, Refused, StartRun, StopRun
from jobd.daemon.answers import Answers
from jobd.daemon.to_store import ToStore
from jobd.daemon.to_supervisor import ToSupervisor


class Performer:
    """Hands effects on, in order."""

    def __init__(self, store: ToStore, supervisor: ToSupervisor, answers: Answers) -> None:
        self._store = store
        self._supervisor = supervisor
        self._answers = answers

    def __call__(self, effects: Sequence[Effect]) -> None:
        """Take effects over; each is under way when this returns."""
        for effect in effects:
            self._perform(effect)

    def _perform(self, effect: Effect) -> None:
        match effect:
            case StartRun() | StopRun():
                self._supervisor.lane.put(effect)
            case Accepted() | Refused():
                self._answers.give(effect)
            case FinishRun(will_retry=True):
                pass  # the lease stays, so there is nothing to do; telemetry has taken note
            case _:
                self._store.lane.put(effect)
