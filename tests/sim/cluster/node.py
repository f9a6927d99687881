"""A node: a machine with clocks of its own, a disk, a supervisor and a daemon."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from jobd.core.claim import Pause
from jobd.core.run import Finish
from jobd.store.memory import MemoryStore
from tests.sim.cluster.daemon import Daemon
from tests.sim.cluster.supervisor import Supervisor

if TYPE_CHECKING:
    from tests.sim.cluster.world import World

DRIFT = 2e-4  # clocks run at different speed: crystals by 1e-4 at most


class Node:
    """What stays when its daemon dies: disk (local store, outbox, drain), supervisor, clocks."""

    daemon_class = Daemon

    def __init__(self, world: "World", name: str) -> None:
        self.world, self.name = world, name
        chance = world.random
        self.wall_error_s = chance.choice([0.0, chance.uniform(-3, 3), chance.uniform(-90, 90)])
        self.rate = 1.0 + chance.uniform(-DRIFT, DRIFT)
        self._booted_s, self._steady_base_s = 0.0, chance.uniform(10, 1e6)
        self.phase_s = chance.random()
        self.patience_s = min(3.0, world.terms.renew_every.total_seconds() * 0.8)
        self.shared = world.store.at(name)
        self.local = MemoryStore()
        self.outbox: list[Finish] = []
        self.drain: Pause | None = None
        self._drained_s = float("inf")
        self.cut_until_s = 0.0
        self._pressed_until_s = 0.0
        self.incarnations = 0
        self.supervisor = Supervisor(self)
        self.daemon: Daemon | None = None

    @property
    def is_cut(self) -> bool:
        """Whether no packet gets from here to the store, or back."""
        return self.world.now_s < self.cut_until_s

    def wall(self) -> datetime:
        """Return what the clock on this node's wall says."""
        return self.world.store_now() + timedelta(
            seconds=self.wall_error_s - self.world.store_offset_s
        )

    def steady_s(self) -> float:
        return self._steady_base_s + (self.world.now_s - self._booted_s) * self.rate

    def steady_left_s(self, until_s: float) -> float:
        """Return how long it is, in the world's time, to an instant of the steady clock."""
        return (until_s - self.steady_s()) / self.rate

    def hear_of_news(self) -> None:
        if self.daemon is not None:
            self.daemon.heart.plan()

    def keep_time(self) -> None:
        if self.daemon is not None:
            self.daemon.heart.keep_time()

    def start_daemon(self) -> None:
        if self.daemon is None:
            self.world.stir()
            self.incarnations += 1
            self.daemon = self.daemon_class(self, f"{self.name}.{self.incarnations}")
            self.daemon.start()

    def kill_daemon(self, down_s: float) -> None:
        if self.daemon is None:
            return
        self._trouble(down_s + 15)
        self.daemon.is_alive = False
        self.daemon = None
        self.world.after(down_s, self.start_daemon)

    def kill_supervisor(self) -> None:
        self._trouble(10)
        self.supervisor.die()
        self.supervisor = Supervisor(self)
        daemon = self.daemon
        if daemon is not None:
            # What it said before its death is still read, then the end of the stream.
            self.world.after(0.006, lambda: daemon.when_running(daemon.lose_supervisor))
            delay_s = self.world.random.uniform(0.01, 2)
            self.world.after(delay_s, lambda: daemon.when_running(daemon.meet_supervisor))

    def kill_machine(self, down_s: float) -> None:
        self.supervisor.die()
        self.kill_daemon(down_s)
        self._booted_s, self._steady_base_s = self.world.now_s, self.world.random.uniform(10, 99)
        self.supervisor = Supervisor(self)

    def stop_daemon(self, for_s: float) -> None:
        """SIGSTOP, and SIGCONT after a while; the supervisor goes on."""
        if self.daemon is not None:
            self._trouble(for_s + 15)
            self.daemon.freeze(for_s)

    def cut(self, for_s: float) -> None:
        """Let every packet between this node and the store vanish for a while."""
        self._trouble(for_s + 15)
        self.cut_until_s = max(self.cut_until_s, self.world.now_s + for_s)
        self.world.after(for_s + 1e-6, self.world.stir)

    @property
    def is_pressed(self) -> bool:
        """Whether its memory is so scarce that nothing new should start."""
        return self.world.now_s < self._pressed_until_s

    def press(self, for_s: float) -> None:
        """Let something else on this machine take its memory for a while."""
        self._trouble(for_s + 15)
        self._pressed_until_s = max(self._pressed_until_s, self.world.now_s + for_s)
        self._measure()
        self.world.after(for_s + 1e-6, self._measure)

    def _measure(self) -> None:
        daemon = self.daemon
        if daemon is not None:
            daemon.when_running(daemon.measure)

    def jump_wall(self, by_s: float) -> None:
        """Let somebody set the clock on this node's wall."""
        self.wall_error_s += by_s
        if self.daemon is not None:
            self.daemon.wall_jumped()

    def restart(self, down_s: float) -> None:
        """Stop the daemon as a package upgrade does: its runs go on with the supervisor."""
        if self.daemon is not None:
            self._trouble(down_s + 25)
            self.daemon.leave(down_s)

    def toggle_drain(self) -> None:
        if self.daemon is not None:
            self.world.stir()
            self.daemon.ask_drain(is_on=self.drain is None)

    def keep_drain(self, drain: Pause | None) -> None:
        """Write on disk that this node is drained, or no more."""
        now_s = self.world.now_s
        if self.drain is not None:
            self.world.journal.trouble(self.name, self._drained_s, now_s + 15)
        self._drained_s = now_s if drain is not None else float("inf")
        self.drain = drain
        self.world.stir()

    def _trouble(self, for_s: float) -> None:
        now_s = self.world.now_s
        self.world.journal.trouble(self.name, now_s, now_s + for_s)
        self.world.stir()
