"""Parts: everything that a daemon is made of, put together. Nothing runs yet."""

import secrets
from collections.abc import Callable, Sequence
from datetime import timedelta
from random import Random

from anyio.abc import TaskGroup

from jobd.config.model import Config
from jobd.config.store_url import passwords_of
from jobd.core import picture
from jobd.core.effects import FinishRun
from jobd.core.lease import LeaseTerms
from jobd.core.run import RunRecord
from jobd.core.scheduler import Scheduler
from jobd.daemon.answers import Answers
from jobd.daemon.chores import Chores
from jobd.daemon.gauge import Gauge
from jobd.daemon.hook_commands import HookCommands
from jobd.daemon.hook_delivery import Delivery
from jobd.daemon.hook_post import Poster
from jobd.daemon.hooks import Hooks
from jobd.daemon.inbox import Inbox
from jobd.daemon.loop import Loop, Observer
from jobd.daemon.membership import Membership, Ways
from jobd.daemon.node import DaemonNode, identity_of
from jobd.daemon.outputs import Outputs
from jobd.daemon.peers import Peers
from jobd.daemon.perform import Performer
from jobd.daemon.postbox import Postbox
from jobd.daemon.recall import Recall
from jobd.daemon.reload import Reloader
from jobd.daemon.reports import Reports
from jobd.daemon.routes import Routes
from jobd.daemon.shared_clock import SharedClock
from jobd.daemon.show import Show
from jobd.daemon.timed import timed
from jobd.daemon.to_shared import ToShared
from jobd.daemon.to_store import ToStore
from jobd.daemon.to_supervisor import Forget, ToSupervisor
from jobd.ports import Clock, NodeMemory, SharedStore, Store, Supervisor


class Parts:
    """The parts of one daemon. ``shared`` None: this node shares its store with nobody."""

    def __init__(
        self,
        config: Config,
        *,
        clock: Clock,
        store: Store,
        memory: NodeMemory,
        shared: SharedStore | None,
        supervisor: Supervisor,
        observer: Observer,
        on_beat: Callable[[float], None],
    ) -> None:
        self.supervisor = supervisor
        self.memory = memory
        self._machine = clock
        self.clock = clock if shared is None else SharedClock(clock)
        self.inbox, self.answers = Inbox(), Answers()
        self.outputs = Outputs(config.daemon.state_dir)
        self._secrets = passwords_of(config.store.url)
        terms = None if shared is None else LeaseTerms(config.store.lease_ttl)
        self.scheduler = Scheduler(config.daemon.node, secrets.token_hex(8), terms)
        self.show = Show(self.scheduler.state, self.clock)
        told = self.show.telemetry.node
        self.store = timed(store, clock, told.store_call if shared is None else told.node_call)
        self.shared = None if shared is None else timed(shared, clock, told.store_call)
        self._make_hooks(config)
        self.membership = self._make_membership(config)
        self._make_lanes(config.daemon.node, observer, on_beat)
        self._make_keepers(config)
        self.gauge = Gauge(self.inbox, self._store_latency_s)
        self.node = self._make_node(config)
        if self.membership is not None:
            self.postbox = Postbox(self.membership.store, self.node)

    @property
    def lanes(self) -> Sequence[ToStore | ToSupervisor | ToShared]:
        """What must be worked off before a stop, for nothing to be lost."""
        if self.membership is None:
            return self.to_store, self.to_supervisor
        return self.to_store, self.membership.to_shared, self.to_supervisor

    def start(self, tasks: TaskGroup) -> None:
        """Let everything work that works by itself."""
        for work in (
            self.loop.run,
            self.to_store.run,
            self.to_supervisor.run,
            self.reports.run,
            self.hooks.run,
            self.chores.keep_pinging,
            self.chores.keep_pruning,
            self.gauge.run,
        ):
            tasks.start_soon(work)
        if self.membership is not None:
            self.membership.start(tasks)
            tasks.start_soon(self.postbox.run)

    def _make_hooks(self, config: Config) -> None:
        """Make who calls those that want to know of runs."""
        self.poster = Poster(self._machine)
        self.hook_commands = HookCommands(
            self.supervisor,
            config.daemon.state_dir / "hooks",
            self.outputs,
            lambda hook_id: self.to_supervisor.lane.put(Forget(hook_id)),
            self._secrets,
        )
        delivery = Delivery(
            self.poster.post,
            self.hook_commands.execute,
            lambda: self.reloader.config.limits,
            Random(),  # noqa: S311 - spreads retries, hides nothing
        )
        self.hooks = Hooks(delivery.deliver, self.show.telemetry.hook_called)

    def _make_membership(self, config: Config) -> Membership | None:
        if self.shared is None:
            return None
        assert isinstance(self.clock, SharedClock), "a cluster has a time of its own"
        terms = LeaseTerms(config.store.lease_ttl)
        ways = Ways(
            inbox=self.inbox,
            join=lambda: self.reloader.join(),
            forgotten=lambda: self.reloader.forgotten(),
            digest=lambda: self.reloader.digest,
            finished=self._finished,
            settled=self._settled,
            letters=lambda letters: self.postbox.take(letters),
            renewals_failed=self.show.telemetry.renewals_failed,
            chance=Random(),  # noqa: S311 - spreads retries of several nodes, hides nothing
        )
        return Membership(self.shared, self.memory, self.clock, terms, self.scheduler, ways)

    def _make_lanes(self, node: str, observer: Observer, on_beat: Callable[[float], None]) -> None:
        """Make what events come from and effects go to, and the loop between them."""
        inbox, supervisor = self.inbox, self.supervisor
        self.reports = Reports(
            supervisor,
            self.scheduler,
            self.outputs,
            inbox,
            self.hook_commands,
            lambda run_id: self.recall.run(run_id),
            lambda run_id: self.to_supervisor.lane.put(Forget(run_id)),
            self.clock_offset,
        )
        is_wanted = self.scheduler.state.is_starting
        self.to_supervisor = ToSupervisor(
            supervisor, inbox, self.outputs.path, is_wanted, self._secrets
        )
        self.to_store = ToStore(self.store, self.memory, self.clock, node, inbox, self._finished)
        shared = None if self.membership is None else self.membership.to_shared
        self.routes = Routes(self.to_store, shared)
        perform = Performer(
            self.to_store,
            self.to_supervisor,
            self.answers,
            self.routes,
            self.hooks,
            self.membership,
        )
        observers = (self.show.observe, observer)
        self.loop = Loop(self.scheduler, self.clock, inbox, perform, observers, on_beat)

    def _make_keepers(self, config: Config) -> None:
        """Make who sees to the configuration and to the history."""
        self.recall = Recall(self.store, self.shared, self.routes.is_shared)
        self.reloader = Reloader(
            config,
            self.store,
            self.shared,
            self.memory,
            self.clock,
            self.inbox,
            self.routes,
            self.show.reloaded,
        )
        self.chores = Chores(
            self.store,
            self.shared,
            self.clock,
            self.outputs,
            self.scheduler.state.runs,
            lambda: self.reloader.config.store,
            self.show.store_health,
        )

    def _make_peers(self, node: str) -> Peers | None:
        """Make who asks other nodes."""
        if self.membership is None:
            return None
        return Peers(
            self.membership.store,
            node,
            self.clock,
            view=lambda: picture.node_view(self.scheduler.state, self.clock.now()),
            health=self.membership.heartbeat.health,
            silence=self.membership.heartbeat.silence,
        )

    def _make_node(self, config: Config) -> DaemonNode:
        return DaemonNode(
            identity_of(config, self.clock.now()),
            scheduler=self.scheduler,
            supervisor=self.supervisor,
            store=self.recall,
            clock=self.clock,
            clock_offset=self.clock_offset,
            inbox=self.inbox,
            answers=self.answers,
            outputs=self.outputs,
            chores=self.chores,
            reloader=self.reloader,
            peers=self._make_peers(config.daemon.node),
        )

    def clock_offset(self) -> timedelta:
        """Return by how much the cluster's time is ahead of this machine's."""
        return self.clock.offset if isinstance(self.clock, SharedClock) else timedelta(0)

    def _store_latency_s(self) -> float | None:
        """Return what the store that decides most took for its last answer."""
        if self.membership is None:
            return self.chores.health.latency_s
        return self.membership.heartbeat.health().latency_s

    def _finished(self, effects: Sequence[FinishRun]) -> None:
        """After ends are durable: the supervisor may forget, and who waits is told."""
        for effect in effects:
            run_id = effect.finish.record.run_id
            self.to_supervisor.lane.put(Forget(run_id))
            self.answers.ended(run_id)

    def _settled(self, record: RunRecord, is_taken: bool) -> None:
        """The shared store has taken an end, or another node's word on that run counts."""
        self.hooks.settled(record, is_taken)
        self.show.telemetry.end_settled(record, is_taken)
