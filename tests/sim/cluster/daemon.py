"""A daemon's shell in virtual time, around the production scheduler and the production clock.

It does what jobd/daemon does: one inbox, a lane to each store, a heart, and renewals on a way
of their own. SIGSTOP freezes all of it: what comes meanwhile waits, the world goes on.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from jobd.core.claim import ActiveRun, JobMemory
from jobd.core.effects import (
    Accepted,
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
from jobd.core.events import (
    ClockJumped,
    Configured,
    DrainAsked,
    Event,
    NodeMeasured,
    Recovered,
    ShutdownAsked,
    SupervisorLost,
    Woke,
)
from jobd.core.job import Job
from jobd.core.pressure import Strain
from jobd.core.scheduler import Scheduler
from jobd.daemon.loop import JUMP
from jobd.daemon.shared_clock import SharedClock
from jobd.ports import Enrolment, Report
from tests.sim.cluster.heart import Heart
from tests.sim.cluster.lanes import LocalLane, SharedLane
from tests.sim.cluster.renewals import Renewals
from tests.sim.cluster.supervisor import Supervisor
from tests.sim.world import run_now

if TYPE_CHECKING:
    from tests.sim.cluster.node import Node

T = TypeVar("T")
NOTABLE = timedelta(milliseconds=20)


class MachineClock:
    """See :class:`jobd.ports.Clock`."""

    def __init__(self, node: "Node") -> None:
        self.now, self.steady_s = node.wall, node.steady_s


class Daemon:
    """One life of a node's daemon."""

    shared_lane_class = SharedLane
    renewals_class = Renewals

    def __init__(self, node: "Node", incarnation: str) -> None:
        self.node, self.world, self.incarnation = node, node.world, incarnation
        self.clock = SharedClock(MachineClock(node))
        self.scheduler = Scheduler(node.name, incarnation, node.world.terms)
        self.heart = Heart(self)
        self.shared = self.shared_lane_class(self)
        self.local = LocalLane(self)
        self.renewals = self.renewals_class(self)
        self.is_alive = True
        self.is_configured = False  # the core may be shown things
        self.is_joined = False  # the shared store has said what it remembers
        self.link: Supervisor | None = None
        self._frozen_until_s = 0.0
        self._inbox: list[Callable[[], None]] = []
        self._wakeup: datetime | None = None
        self._letter: list[Callable[[Supervisor], None]] = []  # to the supervisor, of _letter_s
        self._letter_s = -1.0
        self._offset_s = self._measure_offset_s()
        self._last_anchor: tuple[datetime, float] | None = None

    @property
    def is_seen(self) -> bool:
        """Whether the store hears it every second, be it only in vain."""
        if not self.is_joined or self.heart.is_failing:
            return False
        away_until_s = max(self.world.down_until_s, self.node.cut_until_s, self._frozen_until_s)
        return self.world.now_s >= away_until_s

    @property
    def is_frozen(self) -> bool:
        return self.world.now_s < self._frozen_until_s

    def start(self) -> None:
        """Beat first: then it is known what time it is, and whether the store is there."""
        self.heart.beat()

    def when_running(self, act: Callable[[], None]) -> None:
        """Do something now, or when SIGCONT comes; a dead daemon does nothing."""
        if not self.is_alive:
            return
        if self.is_frozen:
            self._inbox.append(act)
        else:
            act()

    def freeze(self, for_s: float) -> None:
        """SIGSTOP until then."""
        until_s = self.world.now_s + for_s
        if until_s > self._frozen_until_s:
            self._frozen_until_s = until_s
            self.world.at(until_s + 1e-6, self._thaw)

    def configure(self, memories: Mapping[str, JobMemory]) -> None:
        """Put the configuration in force; ``memories`` of the shared store's jobs, if it is there.

        The jobs of the cluster are not known to the core before.
        """
        world, mine = self.world, self._node_jobs()
        orphans: tuple[ActiveRun, ...] = ()
        if self.is_joined:
            mine = dict(world.jobs)
            orphans = tuple(run_now(self.node.shared.orphans()))
        if not self.is_configured:
            memories = {**memories, **self._local_memories()}
        unreached = {name: job for name, job in world.jobs.items() if name not in mine}
        room = {"memory_budget_bytes": world.memory_budget, "pressure": {Strain.MEMORY: 20.0}}
        places = (world.max_running, 20, orphans)
        more = {"drain": self.node.drain, "unreached": unreached}
        self.handle(Configured(mine, memories, *places, **more, **room))
        if not self.is_configured:
            self.is_configured = True
            self.measure()
            self.meet_supervisor()
            self.renewals.start()
            self.shared.start()

    def measure(self) -> None:
        """Read how much the node is under pressure."""
        if self.is_configured:
            self.handle(NodeMeasured({Strain.MEMORY: 90.0 if self.node.is_pressed else 0.0}))

    def _node_jobs(self) -> dict[str, Job]:
        shared = self.world.shared
        return {name: job for name, job in self.world.jobs.items() if name not in shared}

    def _local_memories(self) -> Mapping[str, JobMemory]:
        jobs = self._node_jobs().values()
        enrolments = [Enrolment(j.name, j.schedule.identity) for j in jobs if j.schedule]
        return run_now(self.node.local.enrol(enrolments, self.clock.now()))

    def lose_supervisor(self) -> None:
        self.link = None
        self.handle(SupervisorLost())

    def meet_supervisor(self) -> None:
        """Connect; what it holds is told a moment later, when more may have happened."""
        link = self.link = self.node.supervisor
        snapshot, since_s = link.holding(), link.since_s

        def told() -> None:
            held = tuple(map(self.in_cluster_time, snapshot))
            here_s = self.clock.steady_s() - since_s
            self.handle(Recovered(held, self.clock.now() - timedelta(seconds=here_s)))

        self.world.after(
            self.world.random.uniform(0, 0.01),
            lambda: self.when_running(told) if self.link is link else None,
        )

    def report(self, event: Report) -> None:
        """Take in what the supervisor reports."""
        self.handle(self.in_cluster_time(event))

    def in_cluster_time(self, told: T) -> T:
        """Return a report with its instants by the cluster's clock: the supervisor looks at the
        clock on the wall."""
        off, now = self.clock.now() - self.node.wall(), self.clock.now()
        moved = {
            name: min(at + off, now)
            for name in ("started_at", "ended_at")
            if (at := getattr(told, name, None)) is not None
        }
        return replace(told, **moved) if moved else told

    def wall_jumped(self) -> None:
        """The loop turns at least once a second, and looks at its clock then."""
        delay_s = self.world.random.uniform(0, 1)
        self.world.after(delay_s, lambda: self.when_running(self._notice_jump))

    def ask_drain(self, *, is_on: bool) -> None:
        """Let an operator drain this node, or end that."""
        self.when_running(lambda: self.handle(DrainAsked("r", "anna", is_on)))

    def leave(self, down_s: float) -> None:
        """Stop cleanly: nothing new starts, what is known is written down, the runs stay."""

        def stop() -> None:
            self.handle(ShutdownAsked())
            self.heart.is_leaving = True
            self.world.after(1.0, lambda: self.when_running(self.heart.beat_now))
            self.world.after(2.0, gone)

        def gone() -> None:
            if self.is_alive:
                self.node.kill_daemon(down_s)

        self.when_running(stop)

    def handle(self, event: Event) -> None:
        """Let the core decide one event and perform what it asks for."""
        if not self.is_alive:
            return
        heart, anchor = self.heart, self.clock._anchor
        if heart.time_is_old or anchor is not self._last_anchor or anchor is None:
            self._notice_jump()
        self._decide(event)

    def _decide(self, event: Event) -> None:
        for effect in self.scheduler.handle(event, self.clock.now()):
            self._perform(effect)
        self._plan_wakeup()

    def _notice_jump(self) -> None:
        """As the production loop does; by the cluster's clock, once that is known."""
        if not self.is_alive or not self.is_configured:
            return
        if self.heart.time_is_old:
            self.heart.keep_time()
        anchor = self.clock._anchor
        if anchor is self._last_anchor and anchor is not None:
            return  # nothing can have moved: what is on the wall counts for nothing
        self._last_anchor = anchor
        offset_s = self._measure_offset_s()
        moved = timedelta(seconds=offset_s - self._offset_s)
        self._offset_s = offset_s
        if abs(moved) > NOTABLE:
            self._wakeup = None  # planned by a wrong clock; the loop looks once a second
            self._plan_wakeup()
        if abs(moved) > JUMP:
            self._decide(ClockJumped(moved))

    def _measure_offset_s(self) -> float:
        anchor = self.clock._anchor
        if anchor is None:
            return self.clock.now().timestamp() - self.node.steady_s()
        return anchor[0].timestamp() - anchor[1]

    def _plan_wakeup(self) -> None:
        due = self.scheduler.next_wakeup()
        if due is None or due == self._wakeup:
            return
        self._wakeup = due
        delay_s = max((due - self.clock.now()).total_seconds() / self.node.rate, 0.0)
        late_s = self.world.random.uniform(0, 0.01)
        self.world.after(delay_s + late_s, lambda: self.when_running(lambda: self._wake(due)))

    def _wake(self, planned: datetime) -> None:
        if not self.is_alive or self._wakeup != planned:
            return  # another instant was planned since
        self._wakeup = None
        self._notice_jump()
        due = self.scheduler.next_wakeup()
        if due is not None and due <= self.clock.now():
            self._decide(Woke())
        else:
            self._plan_wakeup()

    def _thaw(self) -> None:
        if self.is_frozen or not self.is_alive:
            return
        waiting, self._inbox = self._inbox, []
        for act in waiting:
            self.when_running(act)
        if self.is_joined:
            self.heart.plan()

    def _perform(self, effect: Effect) -> None:
        match effect:
            case StartRun():
                self._send(lambda link: self._order(effect, link))
            case StopRun(run_id, cause):
                self._send(lambda link: link.stop(run_id, cause))
            case ExtendRun(run_id, until_s):
                self._send(lambda link: link.extend(run_id, until_s))
            case FinishRun(will_retry=True) | Accepted() | Refused():
                pass
            case SaveDrain(drain):
                self.node.keep_drain(drain)
            case RenewLeases():
                self.renewals.renew(effect)
            case LookAround():
                self.heart.look_around()
            case _:
                self.shared.put(effect)
                self.local.put(effect)

    def _order(self, effect: StartRun, link: Supervisor) -> None:
        """Have a run executed, unless it was given up while its order was on its way."""
        if self.scheduler.state.is_starting(effect.run):
            link.start(effect.run, effect.job, effect.until_s)

    def _send(self, act: Callable[[Supervisor], None]) -> None:
        """Let the supervisor do something shortly, unless one of both is gone by then."""
        now_s = self.world.now_s
        if self._letter and self._letter_s == now_s:
            self._letter.append(act)  # goes with the one before
            return
        self._letter, self._letter_s = letter, _ = [act], now_s

        def arrive() -> None:
            for one in letter:
                if self.is_alive and self.link is not None and self.link.is_alive:
                    one(self.link)

        self.world.after(0.001, arrive)

    def forget(self, run_id: str) -> None:
        """Tell the supervisor that an end is durable."""
        self._send(lambda link: link.forget(run_id))
