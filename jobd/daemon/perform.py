"""Perform: each effect goes to the lane of the one who can do it. Nothing here waits."""

from collections.abc import Sequence

from jobd.core.effects import (
    Accepted,
    CallHooks,
    Effect,
    ExtendRun,
    FinishRun,
    LookAround,
    Refused,
    RenewLeases,
    SaveDrain,
    StartRun,
    StopRun,
)
from jobd.daemon.answers import Answers
from jobd.daemon.hooks import Hooks
from jobd.daemon.membership import Membership
from jobd.daemon.routes import Routes
from jobd.daemon.to_store import ToStore
from jobd.daemon.to_supervisor import ToSupervisor


class Performer:
    """Hands effects on, in order. ``membership`` None: this node shares its store with nobody."""

    def __init__(
        self,
        store: ToStore,
        supervisor: ToSupervisor,
        answers: Answers,
        routes: Routes,
        hooks: Hooks,
        membership: Membership | None,
    ) -> None:
        self._store = store
        self._supervisor = supervisor
        self._answers = answers
        self._routes = routes
        self._hooks = hooks
        self._membership = membership

    def __call__(self, effects: Sequence[Effect]) -> None:
        """Take effects over; each is under way when this returns."""
        for effect in effects:
            self._perform(effect)

    def _perform(self, effect: Effect) -> None:
        match effect:
            case StartRun() | StopRun() | ExtendRun():
                self._supervisor.lane.put(effect)
            case Accepted() | Refused():
                self._answers.give(effect)
            case FinishRun(will_retry=True):
                pass  # the lease stays, so there is nothing to do; telemetry has taken note
            case CallHooks():
                self._hooks.put(effect)
            case SaveDrain():
                self._store.lane.put(effect)
            case RenewLeases() | LookAround():
                self._look_after(effect)
            case _:
                self._routes.put(effect)

    def _look_after(self, effect: RenewLeases | LookAround) -> None:
        assert self._membership is not None, "there is nothing to renew and nobody to look at"
        if isinstance(effect, RenewLeases):
            self._membership.renewals.lane.put(effect)
        else:
            self._membership.heartbeat.look_around()
