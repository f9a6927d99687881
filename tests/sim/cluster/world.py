"""A cluster in virtual time: real schedulers on every node, one memory store, honest trouble.

What is real: the schedulers, the store's decisions, the leases. What is simulated: the
network with its latencies and losses, each node's clocks, its daemon's shell, and a
supervisor that kills by itself whom nobody trusts any more. The journal says what the
"processes" really did, in the world's own time, which no node can read.

Beats are simulated only where one of them could tell its node, or the others, something.
A node whose daemon is up and reaches the store beats every second; while nothing has
happened at the store, all that such a beat would change is when the node was last seen,
so that is written, as if it had, whenever somebody looks (``refresh_board``). Every commit
that changes something, every fault and its end, and every lease that runs out makes all
nodes really beat at their next second, as they would have. After a fault they also do while
those that it took away cease to count as live, some five seconds later. What production would
learn, a node here learns at the same instant.

A renewal on a calm day is committed and answered in the instant in which it is sent: nobody
looks at a lease meanwhile. So are most beats of such a day: they look, and change nothing.
When a fault is near, either takes its way as every request.

Nor is every request simulated that a node sends in vain. For ``RESOLVED_S`` after the store
has vanished all of them are: claims whose answer is open, leases that run out, requests that
arrive after all. From then on a daemon knows all that silence can tell it, and one more
failure changes nothing in it, so it sends one every ``SELDOM_S`` only (which may still arrive
late), until the store is back; then it sends the next at some instant of the pause in which
production would (see :meth:`World.pause_s`).
"""

import heapq
import itertools
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from jobd.core.cluster import NodeSeen
from jobd.core.job import Job, Scope
from jobd.core.lease import LeaseTerms
from jobd.store.memory import MemoryStore
from tests.sim.cluster.journal import LOCKED, Journal, Process
from tests.sim.cluster.node import Node

if TYPE_CHECKING:
    from tests.sim.cluster.daemon import Daemon

EPOCH = datetime(2026, 3, 27, 22, 0, tzinfo=UTC)  # a DST night in Europe lies ahead
Duration = Callable[[random.Random], tuple[float, int]]  # seconds, exit code
WRITES = ("settle", "other")
COMMITS = {"settle": "commit", "other": "commit", "enrol": "commit", "renew": "renewed"}
RESOLVED_S = 30.0  # how long requests in vain are all sent; longer than any late one takes
SELDOM_S = 30.0
REFRESHED_S = 1.0
TROUBLE_LASTS_S = 8.0  # a node that vanished counts as live for five seconds; see LIVE_FOR


@dataclass
class Moment:
    """A fault that waits for a dangerous instant: the first of that kind after ``after_s``."""

    kind: str  # "commit", "renewed", "kill", "start", "posted"
    after_s: float
    strike: Callable[[Node], None]


@dataclass
class World:
    """Time, chance, the network, and the nodes."""

    seed: int
    jobs: Mapping[str, Job]
    durations: Mapping[str, Duration]
    names: tuple[str, ...]
    terms: LeaseTerms
    max_running: int = 100
    memory_budget: int | None = None  # of every node, in bytes
    node_class: type[Node] = Node
    now_s: float = 0.0
    calm_s: float = 0.0  # from then on nothing goes wrong any more
    journal: Journal = field(default_factory=Journal)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self.store_offset_s = 0.0
        self._told_now_s, self._told_now = -1.0, EPOCH  # what the store's clock said last, and when
        self.down_until_s = 0.0  # until then the store is away
        self.slow_until_s = 0.0
        self.locked_until_s = 0.0  # until then nobody's writes get through
        self.trouble_ends_s = float("inf")  # no fault lasts much longer
        self.news = 0  # counts what has changed at the store
        self.stirred_until_s = 0.0
        self._refreshed_s = -1.0
        self.moments: list[Moment] = []
        self.store = MemoryStore(self.terms.ttl, clock=self.store_now)
        self._watched_s = float("inf")
        self.nodes = {name: self.node_class(self, name) for name in self.names}

    @property
    def store_is_down(self) -> bool:
        return self.now_s < self.down_until_s

    def back_at_s(self, node: Node, kind: str) -> float:
        """Return when requests of a kind get through again, as far as is known now."""
        locked_until_s = self.locked_until_s if kind in WRITES else 0.0
        return max(self.down_until_s, node.cut_until_s, locked_until_s)

    @property
    def shared(self) -> dict[str, Job]:
        """Return the jobs that any node may run."""
        return {name: job for name, job in self.jobs.items() if job.scope is Scope.CLUSTER}

    def store_now(self) -> datetime:
        """Return the store's clock."""
        if self._told_now_s != self.now_s:
            self._told_now_s = self.now_s
            self._told_now = EPOCH + timedelta(seconds=self.now_s + self.store_offset_s)
        return self._told_now

    def at(self, when_s: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (when_s, next(self._numbers), act))

    def after(self, delay_s: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (self.now_s + delay_s, next(self._numbers), act))

    def run_until(self, end_s: float) -> None:
        agenda, pop = self._agenda, heapq.heappop
        while agenda and agenda[0][0] <= end_s:
            self.now_s, _, act = pop(agenda)
            act()
        self.now_s = end_s

    def start(self) -> None:
        """Switch every node on."""
        for node in self.nodes.values():
            node.start_daemon()
        self._watch_leases()

    def ask(
        self,
        daemon: "Daemon",
        act: Callable[[], Any],
        answered: Callable[[Any], None],
        failed: Callable[[], None],
        kind: str,
    ) -> None:
        """Send a daemon's request to the store.

        Exactly one of ``answered`` and ``failed`` follows while the daemon lives, once it runs.
        A request may be lost on its way there; then it sometimes arrives long after its sender
        has given up. Or its answer may be lost. Who sent it may be dead by then.
        """
        node = daemon.node
        there_s, back_s = self._latency(node), self._latency(node)
        give_up_s = self.now_s + node.patience_s

        def lost() -> None:
            self.at(max(give_up_s, self.now_s), lambda: daemon.when_running(failed))

        def arrive() -> None:
            is_locked = kind in WRITES and self.now_s < self.locked_until_s
            if self.store_is_down or node.is_cut or is_locked:
                if self.random.random() < 0.2:
                    self.after(self.random.uniform(0, 20), self._late(act, kind))
                lost()
                return
            self.count_request(kind, node)
            answer = act()
            if kind in COMMITS:
                self.struck(COMMITS[kind], node)
            is_late = self.now_s + back_s > give_up_s

            def back() -> None:
                if is_late or node.is_cut:
                    self.journal.dangers[f"lost answer: {kind}"] += 1
                    lost()
                elif daemon.is_alive and not daemon.is_frozen:
                    answered(answer)
                else:
                    daemon.when_running(lambda: answered(answer))

            self.after(back_s, back)

        self.after(there_s, arrive)

    def is_calm(self, node: Node, moment: str) -> bool:
        """Whether nothing is wrong with a node and its way to the store, nor was just now, and
        no fault waits for such a moment."""
        now_s = self.now_s
        trouble_s = max(self.stirred_until_s, self.slow_until_s, self.down_until_s)
        if now_s < max(trouble_s, node.cut_until_s):
            return False
        due = itertools.takewhile(lambda one: one.after_s <= now_s, self.moments)
        return all(one.kind != moment for one in due)

    def count_request(self, kind: str, node: Node) -> None:
        """A request has reached the store."""
        self.journal.requests[kind, node.name, int(self.now_s)] += 1

    def pause_s(
        self, node: Node, kind: str, failing_since_s: float | None, usual_s: float
    ) -> float:
        """Return how long to wait after a failure before the next request; see above."""
        away_s = self.back_at_s(node, kind) - self.now_s
        if failing_since_s is None or self.now_s - failing_since_s < RESOLVED_S:
            return usual_s
        if away_s < usual_s:
            return usual_s
        return min(SELDOM_S, away_s + self.random.uniform(0, usual_s + node.patience_s))

    def _late(self, act: Callable[[], Any], kind: str) -> Callable[[], None]:
        """Return what a request does that arrives after its sender has given up."""

        def arrive() -> None:
            if not self.store_is_down:
                self.journal.dangers[f"late request: {kind}"] += 1
                act()

        return arrive

    def _latency(self, node: Node) -> float:
        lot = self.random.random()
        if self.now_s < self.slow_until_s:
            return lot * 0.6 * node.patience_s
        return 0.0002 + (lot * 0.005 if lot < 0.99 else (lot - 0.99) * 50.0)

    def changed(self) -> None:
        """Something has happened at the store that beats tell."""
        self.news += 1
        for node in self.nodes.values():
            node.hear_of_news()

    def stir(self) -> None:
        """A node or the store is about to come, go or change: all beat for a while."""
        self.refresh_board(is_exact=True)
        self.stirred_until_s = self.now_s + TROUBLE_LASTS_S
        for node in self.nodes.values():
            node.hear_of_news()

    def refresh_board(self, *, is_exact: bool = False) -> None:
        """Write down the beats that were not worth an event; see above. Whoever is about to
        vanish needs the exact instant; who is there may be a beat behind."""
        if self.now_s - self._refreshed_s < REFRESHED_S and not is_exact:
            return
        self._refreshed_s = self.now_s
        board = self.store._board
        for node in self.nodes.values():
            daemon = node.daemon
            known = board.nodes.get(node.name)
            if daemon is not None and daemon.is_seen and known is not None:
                age_s = self.now_s - daemon.heart.last_regular_s
                seen_at = self.store_now() - timedelta(seconds=age_s)
                if seen_at > known.seen_at:
                    board.nodes[node.name] = NodeSeen(known.word, known.started_at, seen_at)

    def struck(self, kind: str, node: Node) -> None:
        """A dangerous instant: let a fault that waits for it happen now."""
        for moment in self.moments:
            if moment.after_s > self.now_s:
                return  # and so do all that follow
            if moment.kind == kind:
                self.moments.remove(moment)
                self.journal.dangers[f"struck: {kind}"] += 1
                moment.strike(node)
                return

    def began(self, process: Process) -> None:
        self.journal.processes.append(process)
        self.struck("start", self.nodes[process.node])

    def step_store_clock(self, by_s: float) -> None:
        self.journal.steps.append((self.now_s, by_s))
        for node in self.nodes.values():
            node.keep_time()  # by beats that were before the step, and did not see it
        self.stir()
        self.store_offset_s += by_s
        self._told_now_s = -1.0
        self._watch_leases()

    def lose_store(self, for_s: float) -> None:
        self.journal.trouble("", self.now_s, self.now_s + for_s)
        self.stir()
        self.down_until_s = max(self.down_until_s, self.now_s + for_s)
        self.after(for_s + 1e-6, self.stir)

    def lock_tables(self, for_s: float) -> None:
        """Let somebody's lock hold up claims and ends; beats and renewals do not need it."""
        self.journal.trouble(LOCKED, self.now_s, self.now_s + for_s + 15)
        self.locked_until_s = max(self.locked_until_s, self.now_s + for_s)

    def slow_down(self, for_s: float) -> None:
        self.journal.trouble("", self.now_s, self.now_s + for_s + 10)
        self.slow_until_s = max(self.slow_until_s, self.now_s + for_s)

    def watch_lease(self) -> None:
        """A lease was given: see to it that somebody notices when it runs out."""
        if self._watched_s == float("inf"):
            self._watch_leases()

    def _watch_leases(self) -> None:
        active = self.store._all.active_jobs()
        leases = [r.lease_until for state in active for r in state.active if r.lease_until]
        if not leases:
            self._watched_s = float("inf")
            return
        left_s = (min(leases) - self.store_now()).total_seconds()
        if left_s <= 0:
            self.changed()
        self._watched_s = self.now_s + max(left_s + 0.001, 1.0)
        planned_s = self._watched_s
        self.at(planned_s, lambda: self._watch_leases() if planned_s == self._watched_s else None)
