"""A desk for several nodes that share a store: each a Desk of its own, one clock for them all.

    cluster.job("a", every="10m")
    cluster.pass_time("10m")
    assert cluster.starts == [f"{cluster.first('a').node_name}: a 12:10"]

Nodes beat once a second and renew on time; a look around is answered a tenth of a second
later. What is asked of the store takes no time, unless the node is cut off from it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from jobd.core import placement
from jobd.core.claim import ActiveRun
from jobd.core.cluster import ClusterView, NodeWord
from jobd.core.effects import (
    Claim,
    Effect,
    ExtendRun,
    LookAround,
    RenewLeases,
    SaveDrain,
    StartRun,
    StopElsewhere,
    TakeRuns,
)
from jobd.core.events import (
    AttemptEnded,
    ClaimsDecided,
    ClaimsFailed,
    ClusterSeen,
    Configured,
    LeasesRenewed,
    RenewalDue,
    RenewalFailed,
    StoreSilent,
    TakenOver,
)
from jobd.core.job import Job, Overlap, Pool, Scope
from jobd.core.lease import LeaseTerms
from jobd.core.outcome import Exit, StopCause
from jobd.core.run import RunRecord
from jobd.core.scheduler import Scheduler
from jobd.daemon.routes import Routes, StoreEffect
from jobd.ports import Batch
from jobd.store.memory import MemoryStore
from tests.core.desk import Desk, make_job, span
from tests.core.surroundings import NOON, Asked, run_now

TTL = timedelta(seconds=30)
BEAT = timedelta(seconds=1)
SOON = timedelta(milliseconds=100)


class _Way:
    """One of a node's two lanes: performs on a store of its own what is put into it."""

    def __init__(self, desk: "NodeDesk", store: MemoryStore, *, is_shared: bool) -> None:
        self._desk, self.store, self._is_shared = desk, store, is_shared
        self._waiting: list[StoreEffect] = []

    def put(self, effect: StoreEffect) -> None:
        self._waiting.append(effect)
        self.work()

    def work(self) -> None:
        """Do what waits; claims of a node that is cut off fail."""
        waiting, self._waiting = self._waiting, []
        for effect in waiting:
            if self._is_shared and self._desk.is_cut:
                self._refuse(effect)
            else:
                self._desk.perform_at(self.store, effect, is_shared=self._is_shared)

    def _refuse(self, effect: StoreEffect) -> None:
        if not isinstance(effect, Claim):
            self._waiting.append(effect)
            return
        if self._desk.loses_answers:
            run_now(self.store.claim(effect.requests, self._desk.node_name, NOON))
        self._desk.tell(ClaimsFailed(effect.requests, "down"))


class NodeDesk(Desk):
    """One node of a ClusterDesk."""

    def __init__(
        self,
        cluster: "ClusterDesk",
        node: str,
        labels: Sequence[str] = (),
        max_running: int = 100,
        max_waiting: int = 100,
        **room: Any,
    ) -> None:
        self.cluster, self.labels = cluster, tuple(labels)
        self.is_cut = False  # off from the shared store
        self.loses_answers = False  # what is claimed while it is cut off is granted all the same
        self.is_dead = False
        self.deadlines: dict[str, float | None] = {}  # of its processes, on the steady clock
        self.local = MemoryStore()
        self.pools: dict[str, Pool] = {}
        shared = cluster.whole.at(node)
        self.ways = (_Way(self, self.local, is_shared=False), _Way(self, shared, is_shared=True))
        self.routes = Routes(*self.ways)
        self.since: datetime | None = None
        self.next_beat = self.next_renewal = cluster.now
        super().__init__(max_running, max_waiting, node, shared, **room)

    @property
    def now(self) -> datetime:
        return self.cluster.now

    @now.setter
    def now(self, _: datetime) -> None:
        """The cluster's clock is set by pass_time() alone."""

    @property
    def steady_s(self) -> float:
        """Seconds on the steady clock, which nobody sets."""
        return self.cluster.steady_s

    def make_scheduler(self, incarnation: str) -> Scheduler:
        return Scheduler(self.node_name, incarnation, LeaseTerms(TTL))

    def configured(self, before: dict[str, Job]) -> Configured:
        self.routes.configure(self.jobs.values())
        every, anew, orphans = self.jobs, {}, []
        stores = ((self.local, Scope.NODE), (self.store, Scope.CLUSTER))
        for store, scope in stores[:1] if self.is_cut else stores:
            self.jobs = {n: job for n, job in every.items() if job.scope is scope}
            whole, self.store = self.store, store
            event = super().configured({n: before[n] for n in before.keys() & self.jobs.keys()})
            self.store = whole
            anew |= event.memories
            orphans += event.orphans
        self.jobs = every
        known = (self.labels, self.pools, self.drain)
        places = (self.max_running, self.max_waiting)
        in_force = {n: job for n, job in every.items() if n in anew or n in before}
        unreached = {n: job for n, job in every.items() if n not in in_force}
        room = (self.memory_budget, self.pressure)
        return Configured(in_force, anew, *places, tuple(orphans), *known, *room, unreached)

    # -- time ---------------------------------------------------------------------

    def due(self) -> datetime | None:
        """Return when something is to happen here next."""
        if self.is_dead:
            return None
        wakeup = self.scheduler.next_wakeup()
        return min(t for t in (wakeup, self.next_beat, self.next_renewal, self._next_kill()) if t)

    def work(self) -> None:
        """Let happen what is due."""
        if self.is_dead:
            return
        self._kill_untrusted()
        if self.next_renewal <= self.now:
            self.next_renewal = self.now + TTL / 3
            self.handle(RenewalDue())
        if self.next_beat <= self.now:
            self.next_beat = self.now + BEAT
            self.beat()
        wakeup = self.scheduler.next_wakeup()
        if wakeup is not None and wakeup <= self.now:
            self.wake()

    def pass_time(self, text: str) -> None:
        self.cluster.pass_time(text)

    def beat(self, **seen: Any) -> None:
        """Beat once."""
        if self.is_cut:
            self.handle(StoreSilent())
            return
        for way in self.ways:
            way.work()
        view = run_now(self.store.beat(self._word(), self.since))
        self.since = view.at
        self.see(view, **seen)

    def see(self, view: ClusterView, *, has_stepped: bool = False) -> None:
        """Show the scheduler a view."""
        self.handle(ClusterSeen(view, self.steady_s, has_stepped))

    def _word(self) -> NodeWord:
        state = self.scheduler.state
        known = (self.node_name, state.incarnation, f"id of {self.node_name}", "0", "d")
        return NodeWord(
            *known, self.labels, load=state.room.load, is_draining=state.drain is not None
        )

    def _new_asked(self, run_id: str = "") -> Asked:
        return super()._new_asked(f"{self.node_name}-{run_id}" if run_id else "")

    def _next_kill(self) -> datetime | None:
        ends = [end for end in self._ends().values() if end is not None]
        return self.now + timedelta(seconds=min(ends) - self.steady_s) if ends else None

    def _ends(self) -> dict[str, float | None]:
        alive = {run_id for run_id, p in self.processes.items() if p.exit is None}
        return {run_id: end for run_id, end in self.deadlines.items() if run_id in alive}

    def _kill_untrusted(self) -> None:
        """The supervisor's part: kill what nobody has renewed in time."""
        for run_id, end_s in self._ends().items():
            if end_s is not None and end_s <= self.steady_s:
                process = self.processes[run_id]
                process.exit = Exit(None, 9, StopCause.TRUST, False, 1.0, 0.0, None)
                process.ended_at = self.now
                self.cluster.killed.append(f"{self.node_name}: {process.run.job}")
                self.handle(AttemptEnded(run_id, process.exit, self.now))

    # -- what came of it ----------------------------------------------------------

    def ledger(self, job: str) -> list[str]:
        whole = self.store
        self.store = whole if self.jobs[job].scope is Scope.CLUSTER else self.local
        try:
            return super().ledger(job)
        finally:
            self.store = whole

    # -- faults -------------------------------------------------------------------

    def cut(self, *, loses_answers: bool = False) -> None:
        """Cut this node off from the shared store."""
        self.is_cut, self.loses_answers = True, loses_answers
        self.beat()

    def mend(self) -> None:
        """Let this node reach the shared store again, and beat."""
        self.is_cut = False
        self.beat()

    def join(self) -> None:
        """Reach the shared store after a start without it; put the cluster's jobs in force."""
        self.is_cut = False
        own = {n: job for n, job in self.jobs.items() if job.scope is Scope.NODE}
        self.handle(self.configured(own))
        self.beat()

    def die(self) -> None:
        """Let the machine go down."""
        self.is_dead = True
        self.processes.clear()

    def revive(self) -> None:
        """Let the machine come up again, and a daemon start."""
        self.is_dead, self.since = False, None
        self.next_beat = self.next_renewal = self.now
        self.start()

    # -- effects ------------------------------------------------------------------

    def tell(self, event: Any) -> None:
        """Tell the scheduler something once it has decided what it is at."""
        self._events.append(event)

    def _take(self, effect: Effect) -> None:
        match effect:
            case RenewLeases():
                self._renew(effect)
            case LookAround():
                self.next_beat = min(self.next_beat, self.now + SOON)
            case ExtendRun(run_id, until_s):
                self.deadlines[run_id] = until_s
            case SaveDrain(drain):
                self.drain = drain
            case StartRun(run):
                self.deadlines[run.run_id] = effect.until_s
                super()._take(effect)
            case _:
                super()._take(effect)

    def _start(self, run: ActiveRun, job: Job) -> None:
        self.cluster.note_start(job)
        super()._start(run, job)
        self.cluster.starts.append(f"{self.node_name}: {self.starts[-1]}")

    def _perform(self, effect: Effect) -> None:
        self.routes.put(effect)

    def perform_at(self, store: MemoryStore, effect: StoreEffect, *, is_shared: bool) -> None:
        """Perform an effect at one of the two stores."""
        match effect:
            case Claim(requests) if is_shared:
                settled = run_now(store.settle(Batch(claims=requests)))
                self.tell(ClaimsDecided(settled.answers, self.steady_s, settled.lost))
            case TakeRuns(wishes):
                taken = run_now(store.take_over(wishes))
                runs = tuple(run for run in taken if isinstance(run, ActiveRun))
                ended = tuple(run for run in taken if isinstance(run, RunRecord))
                self.tell(TakenOver(runs, self.steady_s, ended))
            case StopElsewhere(stops):
                run_now(store.ask_stop(stops))
            case _:
                whole, self.store = self.store, store
                super()._perform(effect)
                self.store = whole

    def _renew(self, effect: RenewLeases) -> None:
        if self.is_cut:
            self.tell(RenewalFailed())
            return
        answers = run_now(self.store.renew(effect.holdings))
        told = list(zip(effect.holdings, answers, strict=True))
        kept = tuple(holding for holding, is_kept in told if is_kept)
        lost = tuple(holding for holding, is_kept in told if not is_kept)
        self.tell(LeasesRenewed(kept, lost, self.steady_s))


class ClusterDesk:
    """Several nodes; see the head of this file."""

    def __init__(self, *nodes: str, **keys: Any) -> None:
        self.now, self.steady_s = NOON, 0.0
        self.whole = MemoryStore(TTL, lambda: self.now)
        self.starts: list[str] = []  # on all nodes, in order
        self.killed: list[str] = []  # for want of a renewal
        self.nodes: dict[str, NodeDesk] = {}
        for node in nodes or ("app1", "app2"):
            self.nodes[node] = NodeDesk(self, node, **keys)
        self.beat()

    def add(self, node: str, **keys: Any) -> NodeDesk:
        """Let one node more come."""
        self.nodes[node] = NodeDesk(self, node, **keys)
        self.beat()
        return self.nodes[node]

    def beat(self) -> None:
        """Let every node see every other."""
        for _ in range(2):
            for desk in self.nodes.values():
                desk.beat()

    def job(self, name: str, **keys: Any) -> Job:
        """Configure a job on all nodes; of the cluster, unless told otherwise."""
        job = make_job(name, **{"scope": Scope.CLUSTER, **keys})
        for desk in self.nodes.values():
            if job.pool is not None:
                desk.pools[job.pool.name] = job.pool
            desk.reload(*(j for j in desk.jobs.values() if j.name != name), job)
        return job

    def ranked(self, job: str) -> list[NodeDesk]:
        """Return the nodes in the order in which they try a job's ticks."""
        names = list(self.nodes)
        return sorted(
            self.nodes.values(), key=lambda desk: placement.rank(job, desk.node_name, names)
        )

    def first(self, job: str) -> NodeDesk:
        """Return the node that tries a job's ticks at once."""
        return self.ranked(job)[0]

    def second(self, job: str) -> NodeDesk:
        """Return the node that tries them if the first does not."""
        return self.ranked(job)[1]

    def pass_time(self, text: str) -> None:
        """Let time go by, on all nodes."""
        until, stuck = self.now + span(text), 0
        while due := [t for desk in self.nodes.values() if (t := desk.due()) and t <= until]:
            stuck = stuck + 1 if min(due) <= self.now else 0
            assert stuck < 100, "somebody wants to be woken for ever"
            self._go_to(max(self.now, min(due)))
            for desk in self.nodes.values():
                desk.work()
        self._go_to(until)

    def set_clock(self, text: str) -> None:
        """Set the store's clock; every node is told with its next beat."""
        self.now += -span(text[1:]) if text.startswith("-") else span(text)
        for desk in self.nodes.values():
            desk.next_beat = desk.next_renewal = self.now

    def ledger(self, job: str) -> list[str]:
        """Return what became of a job's ticks; see Desk.ledger()."""
        return next(iter(self.nodes.values())).ledger(job)

    def outcomes(self, job: str) -> list[Any]:
        """Return how a job's runs ended; see Desk.outcomes()."""
        return next(iter(self.nodes.values())).outcomes(job)

    def holder(self, job: str) -> NodeDesk:
        """Return the node that has a process of a job."""
        return next(desk for desk in self.nodes.values() if job in desk.running)

    @property
    def running(self) -> list[str]:
        """The jobs of all processes on all nodes."""
        return [job for desk in self.nodes.values() for job in desk.running]

    def note_start(self, job: Job) -> None:
        """What must hold, always: no two processes of a job at the same time on any nodes."""
        if job.scope is Scope.CLUSTER and job.overlap is not Overlap.ALLOW:
            others = [d for d in self.nodes.values() if job.name in d.running]
            assert not others, f"{job.name} runs on {others[0].node_name} already"

    def _go_to(self, instant: datetime) -> None:
        self.steady_s += (instant - self.now).total_seconds()
        self.now = instant
