"""A daemon's heart: it beats at the store, once a second or sooner, and keeps the store's time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from jobd.core.claim import JobMemory
from jobd.core.cluster import ClusterView, NodeWord
from jobd.core.events import ClusterSeen, StoreSilent
from jobd.core.run import Finish
from jobd.daemon.heartbeat import BEAT_S, SOONEST_S
from jobd.ports import Enrolment
from tests.sim.world import run_now

if TYPE_CHECKING:
    from tests.sim.cluster.daemon import Daemon

GONE_WITHIN_S = 4.0  # of a trouble: from when on one that vanished may count as gone
SLOW_SHARE = 0.02  # of the beats of a calm day: they take their time
VAGUE_S = 0.05  # a beat that took longer is followed by another


class Heart:
    """Beats at the phase of its node; see world.py for when it does not have to."""

    def __init__(self, daemon: "Daemon") -> None:
        self.daemon, self.node, self.world = daemon, daemon.node, daemon.node.world
        self.is_failing = True  # until the first answer
        self.is_leaving = False
        self._since: datetime | None = None  # the store's clock in the last view
        self._is_out = False  # a beat is on its way
        self._planned_s = float("inf")
        self._last_sent_s = float("-inf")
        self._wants_look = False
        self._seen_news = -1
        self._is_vague = False  # the last beat was slow, and left doubts about the time
        self._anchored_s = 0.0
        disk = f"disk of {self.node.name}"
        self._last_word = NodeWord(
            self.node.name, daemon.incarnation, disk, "1", "d", max_running=self.world.max_running
        )
        self._failing_since_s = 0.0
        self._rests_until_s = 0.0  # it is known to beat in vain; see World.pause_s

    @property
    def last_regular_s(self) -> float:
        """Return when it beat last of those beats that come each second and are heard: one
        that is on its way may not arrive."""
        now_s = self._last_sent_s - 1e-6 if self._is_out else self.world.now_s
        return now_s - (now_s - self.node.phase_s) % BEAT_S

    def plan(self, not_before_s: float = 0.0) -> None:
        """Beat at the next second of this node."""
        if not self._is_out and self.world.now_s >= self._rests_until_s:
            now_s, phase_s = max(self.world.now_s, not_before_s), self.node.phase_s
            next_s = now_s + (BEAT_S - (now_s - phase_s) % BEAT_S)
            self._plan_at(max(next_s, self._last_sent_s + SOONEST_S))

    def look_around(self) -> None:
        """Beat as soon as may be."""
        if self._is_out:
            self._wants_look = True
        elif self.world.now_s >= self._rests_until_s:
            self._plan_at(max(self.world.now_s, self._last_sent_s + SOONEST_S))

    def beat(self) -> None:
        """Send a beat."""
        node, sent_s = self.node, self.node.steady_s()
        self._is_out, self._planned_s = True, float("inf")
        self._last_sent_s, self._seen_news = self.world.now_s, self.world.news
        word, since = self._word(), self._since

        def act() -> ClusterView:
            self.world.refresh_board()
            self._seen_news = self.world.news
            return run_now(node.shared.beat(word, since))

        if self.world.is_calm(node, "beat") and self.world.random.random() > SLOW_SHARE:
            self.world.count_request("beat", node)
            self._answered(act(), sent_s)
            return
        self.world.ask(
            self.daemon,
            act,
            lambda view: self._answered(view, sent_s),
            self._failed,
            "beat",
        )

    @property
    def time_is_old(self) -> bool:
        """Whether several beats must have told the time since one was simulated."""
        return self.world.now_s - self._anchored_s > 20 * BEAT_S

    def keep_time(self) -> None:
        """Anchor the clock as the beats did that were not worth an event."""
        if self.daemon.is_seen:
            self._anchored_s = self.world.now_s
            steady_s = self.node.steady_s()
            self.daemon.clock.anchor(self.world.store_now(), steady_s, steady_s)

    def beat_now(self) -> None:
        """Say farewell."""
        if not self._is_out:
            self.beat()

    def _answered(self, view: ClusterView, sent_s: float) -> None:
        clock = self.daemon.clock
        has_stepped = clock.anchor(view.at, sent_s, clock.steady_s())
        self._is_vague = clock.steady_s() - sent_s > VAGUE_S
        self._anchored_s = self.world.now_s
        if self.daemon.is_joined:
            self._hear(view, sent_s, has_stepped)
        else:
            self._join(lambda: self._hear(view, sent_s, has_stepped))

    def _join(self, then: Callable[[], None]) -> None:
        """Enrol at the store before a first view of it is shown."""
        daemon, node = self.daemon, self.node
        wanted = [
            Enrolment(j.name, j.schedule.identity) for j in self.world.shared.values() if j.schedule
        ]

        def enrolled(memories: Mapping[str, JobMemory]) -> None:
            daemon.is_joined = True
            daemon.configure(_without_ended(memories, node.outbox))
            then()

        self.world.ask(
            self.daemon,
            lambda: run_now(node.shared.enrol(wanted, self.world.store_now())),
            enrolled,
            self._failed,
            "enrol",
        )

    def _hear(self, view: ClusterView, sent_s: float, has_stepped: bool) -> None:
        self._is_out, self.is_failing = False, False
        self._since = view.at
        self.daemon.handle(ClusterSeen(view, sent_s, has_stepped))
        self._go_on()

    def _failed(self) -> None:
        self._is_out = False
        if not self.is_failing:
            self.is_failing, self._failing_since_s = True, self.world.now_s
        if not self.daemon.is_configured:
            self.daemon.configure({})
        self.daemon.handle(StoreSilent())
        self._go_on()

    def _go_on(self) -> None:
        if not self.daemon.is_alive:
            return
        has_news = self._seen_news != self.world.news
        if self.is_failing:
            pause_s = self.world.pause_s(self.node, "beat", self._failing_since_s, BEAT_S)
            if pause_s > BEAT_S:
                self._wants_look = False
                self._rests_until_s = self.world.now_s + pause_s
                self._plan_at(self._rests_until_s)
                return
        if self._wants_look:
            self._wants_look = False
            self.look_around()
        elif has_news or self.is_failing or self._is_vague:
            self.plan()
        elif self.world.now_s < self.world.stirred_until_s:
            # Until one that is gone has been away for so long, nothing changes for the others.
            self.plan(self.world.stirred_until_s - GONE_WITHIN_S)

    def _plan_at(self, when_s: float) -> None:
        if when_s >= self._planned_s:
            return
        self._planned_s = when_s

        def due() -> None:
            if self._planned_s == when_s and not self._is_out:
                self.daemon.when_running(lambda: self._beat_if_planned(when_s))

        self.world.at(when_s, due)

    def _beat_if_planned(self, when_s: float) -> None:
        if self._planned_s == when_s and not self._is_out:
            self.beat()

    def _word(self) -> NodeWord:
        neighbours = self.daemon.scheduler.state.neighbours
        assert neighbours is not None
        word, is_draining = self._last_word, self.node.drain is not None
        doubts_until = neighbours.doubts_until(self.daemon.clock.now())
        told = (is_draining, self.is_leaving, doubts_until)
        if told != (word.is_draining, word.is_leaving, word.doubts_until):
            word = self._last_word = replace(
                word,
                is_draining=is_draining,
                is_leaving=self.is_leaving,
                doubts_until=doubts_until,
            )
        return word


def _without_ended(
    memories: Mapping[str, JobMemory], outbox: Sequence[Finish]
) -> Mapping[str, JobMemory]:
    """Return what is remembered, less the runs whose ends wait in the outbox."""
    ended = {(end.record.run_id, end.record.token) for end in outbox}
    return {
        name: replace(m, active=tuple(r for r in m.active if (r.run_id, r.token) not in ended))
        for name, m in memories.items()
    }
