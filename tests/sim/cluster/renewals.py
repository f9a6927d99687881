"""Renewals, as jobd/daemon/renewals.py sends them: their own way, on the steady clock."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobd.core.cluster import Holding
from jobd.core.effects import RenewLeases
from jobd.core.events import LeasesRenewed, RenewalDue, RenewalFailed
from tests.sim.world import run_now

if TYPE_CHECKING:
    from tests.sim.cluster.daemon import Daemon

HURRY = 4  # after a renewal that was not answered the next one comes so many times sooner


class Renewals:
    """One request at a time; of several that wait, the last counts."""

    def __init__(self, daemon: "Daemon") -> None:
        self.daemon, self.world = daemon, daemon.node.world
        self.every_s = self.world.terms.renew_every.total_seconds()
        self._is_out = False
        self._next: RenewLeases | None = None
        self._turn = 0
        self._is_due = False  # it is time for the regular renewal
        self._answer: tuple[Sequence[Holding], Sequence[bool], float] | None = None

    def start(self) -> None:
        self._due(self._turn)

    def renew(self, effect: RenewLeases) -> None:
        if self._is_out:
            self._next = effect
        else:
            self.send(effect.holdings)

    def send(self, holdings: Sequence[Holding]) -> None:
        """Ask the store."""
        sent_s, node = self.daemon.clock.steady_s(), self.daemon.node

        def act() -> Sequence[bool]:
            return run_now(node.shared.renew(holdings))

        if self._is_due and self.world.is_calm(node, "renewed"):
            self.world.count_request("renew", node)
            self._answer = (holdings, act(), sent_s)  # once the event is over that asked for it
            return
        self._is_out = True
        self.world.ask(
            self.daemon,
            act,
            lambda answers: self._answered(holdings, answers, sent_s),
            self._failed,
            "renew",
        )

    def trusted_from(self, sent_s: float) -> float:
        """Return from when a lease counts: the mutant of this counts from the answer."""
        return sent_s

    def _answered(
        self, holdings: Sequence[Holding], answers: Sequence[bool], sent_s: float
    ) -> None:
        kept, lost = tuple(holdings), tuple[Holding, ...]()
        if not all(answers):
            told = list(zip(holdings, answers, strict=True))
            kept = tuple(holding for holding, is_kept in told if is_kept)
            lost = tuple(holding for holding, is_kept in told if not is_kept)
        self._is_out = False
        self.daemon.handle(LeasesRenewed(kept, lost, self.trusted_from(sent_s)))
        self._go_on()

    def _failed(self) -> None:
        self._is_out = False
        self._plan(self.every_s / HURRY)
        self.daemon.handle(RenewalFailed())
        self._go_on()

    def _go_on(self) -> None:
        effect, self._next = self._next, None
        if effect is not None:
            self.renew(effect)

    def _plan(self, delay_s: float) -> None:
        self._turn += 1
        turn = self._turn
        self.world.after(delay_s, lambda: self.daemon.when_running(lambda: self._due(turn)))

    def _due(self, turn: int) -> None:
        if turn != self._turn:
            return
        self._plan(self.every_s)
        # Nothing to renew, nothing to handle: half of all events of a quiet night.
        if any(track.is_leased for track in self.daemon.scheduler.state.runs.values()):
            self._is_due = True
            self.daemon.handle(RenewalDue())
            self._is_due = False
            if self._answer is not None:
                answer, self._answer = self._answer, None
                self._answered(*answer)
