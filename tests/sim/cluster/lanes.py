"""Lanes to the stores, as jobd/daemon's to_store and to_shared: in order, ends first."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jobd.core.claim import ActiveRun
from jobd.core.effects import (
    Claim,
    Effect,
    FinishRun,
    RecordSkips,
    SavePause,
    SaveRun,
    SaveSkipNext,
    StopElsewhere,
    TakeRuns,
    VoidSkips,
)
from jobd.core.events import ClaimsDecided, ClaimsFailed, Event, SkipsRecorded, TakenOver
from jobd.core.job import Scope
from jobd.daemon.others import Other, line_up
from jobd.daemon.to_shared import FIRST_RETRY_S, LONGEST_RETRY_S, RIDE_S
from jobd.ports import Batch, Settled
from tests.sim.world import run_now

if TYPE_CHECKING:
    from tests.sim.cluster.daemon import Daemon

DISK_S = 0.003


class Lane(ABC):
    """Takes the part of each effect that is for its store."""

    scope: Scope

    def __init__(self, daemon: "Daemon") -> None:
        self.daemon, self.node, self.world = daemon, daemon.node, daemon.node.world

    def part(self, effect: Effect) -> Effect | None:
        """Return what of an effect concerns this store, or None."""
        match effect:
            case Claim(requests):
                mine = tuple(r for r in requests if self.concerns(r.job))
                return Claim(mine) if mine else None
            case RecordSkips(skips):
                ours = tuple(s for s in skips if self.concerns(s.ticks.job))
                return RecordSkips(ours) if ours else None
            case VoidSkips(after, schedules):
                return VoidSkips(after, {n: s for n, s in schedules.items() if self.concerns(n)})
            case SavePause(jobs):
                names = tuple(name for name in jobs if self.concerns(name))
                return replace(effect, jobs=names) if names else None
            case FinishRun(finish):
                return effect if self.concerns(finish.record.job) else None
            case SaveRun(run):
                return effect if self.concerns(run.job) else None
            case SaveSkipNext(job):
                return effect if self.concerns(job) else None
            case _:
                return effect if self.scope is Scope.CLUSTER else None

    def concerns(self, job: str) -> bool:
        return self.world.jobs[job].scope is self.scope

    def put(self, effect: Effect) -> None:
        mine = self.part(effect)
        if mine is not None:
            self.take(mine)

    @abstractmethod
    def take(self, effect: Effect) -> None:
        """Write it to the store, as soon as its turn comes and the store is there."""


class LocalLane(Lane):
    """To the store on this node's disk: a few milliseconds, in order, never away."""

    scope = Scope.NODE

    def __init__(self, daemon: "Daemon") -> None:
        super().__init__(daemon)
        self._waiting: list[Effect] = []

    def take(self, effect: Effect) -> None:
        self._waiting.append(effect)
        self.world.after(DISK_S, self._work)

    def _work(self) -> None:
        if self.daemon.is_alive:
            answer = self._apply(self._waiting.pop(0))
            if answer is not None:
                self.daemon.when_running(lambda: self.daemon.handle(answer))

    def _apply(self, effect: Effect) -> Event | None:
        store, now = self.node.local, self.daemon.clock.now()
        match effect:
            case Claim(requests):
                return ClaimsDecided(tuple(run_now(store.claim(requests, self.node.name, now))))
            case RecordSkips(skips):
                return SkipsRecorded(tuple(run_now(store.skip(skips, self.node.name, now))))
            case FinishRun(finish):
                run_now(store.finish([finish]))
                self.daemon.forget(finish.record.run_id)
            case SaveRun(run):
                run_now(store.save_run(run))
            case VoidSkips(after, schedules):
                run_now(store.void_skips_after(after, schedules))
        return None


class SharedLane(Lane):
    """To the shared store: ends are durable in the outbox first, and then ride with claims."""

    scope = Scope.CLUSTER

    def __init__(self, daemon: "Daemon") -> None:
        super().__init__(daemon)
        self._skips: list[RecordSkips] = []
        self._saves: dict[str, ActiveRun] = {}
        self._claims: list[Claim] = []
        self._others: list[Other] = []
        self._to_post: list[FinishRun] = []
        self._is_posting = self._is_out = False
        self._ride_ends_s: float | None = None  # until then what can wait does, for a claim
        self._is_started = False
        self._failures = 0
        self._took_s = 0.0
        self._failing_since_s: float | None = None

    def start(self) -> None:
        """Begin; first of all deliver what an earlier daemon could not."""
        self._is_started = True
        self.work()

    def take(self, effect: Effect) -> None:
        match effect:
            case FinishRun():
                self._to_post.append(effect)
            case Claim():
                self._claims.append(effect)
            case RecordSkips():
                self._skips.append(effect)
            case SaveRun(run):
                self._saves[run.run_id] = run
            case _:
                line_up(self._others, effect)
        if self._to_post and not self._is_posting:
            self._is_posting = True
            self.world.after(DISK_S, lambda: self.daemon.when_running(self._post))
        else:
            self.work()

    def work(self) -> None:
        """Send the next request, unless one is out or an end is not yet durable."""
        if self._is_out or self._is_posting or not self._is_started:
            return
        if self._failures:
            return  # the pause after a failure works it off
        if self._others:
            self._send_other(self._others.pop(0))
        elif self._claims or self._skips or self._is_ride_over:
            self._send_batch()
        elif (self.node.outbox or self._saves) and self._ride_ends_s is None:
            self._ride_ends_s = self.world.now_s + max(0.0, RIDE_S - self._took_s)
            self.world.at(self._ride_ends_s, lambda: self.daemon.when_running(self.work))

    @property
    def _is_ride_over(self) -> bool:
        return self._ride_ends_s is not None and self.world.now_s >= self._ride_ends_s

    def _post(self) -> None:
        """Put ends in the outbox; the supervisor may forget them then."""
        ends, self._to_post, self._is_posting = self._to_post, [], False
        for end in ends:
            self.node.outbox.append(end.finish)
            self.daemon.forget(end.finish.record.run_id)
        self.world.struck("posted", self.node)
        self.daemon.when_running(self.work)

    def _send_other(self, effect: Other) -> None:
        sent_s = self.daemon.clock.steady_s()

        def answered(answer: Any) -> None:
            if isinstance(effect, TakeRuns):
                runs = tuple(run for run in answer if isinstance(run, ActiveRun))
                self.world.journal.dangers["taken over"] += len(runs)
                self.daemon.handle(TakenOver(runs, sent_s))

        def failed() -> None:
            self._others.insert(0, effect)

        self._send(lambda: self._apply(effect), answered, "other", failed)

    def _apply(self, effect: Other) -> Any:
        store = self.node.shared
        match effect:
            case StopElsewhere(stops):
                run_now(store.ask_stop(stops))
            case VoidSkips(after, schedules):
                run_now(store.void_skips_after(after, schedules))
            case TakeRuns(wishes):
                self.world.changed()
                return run_now(store.take_over(wishes, self.not_after()))
            case SavePause(jobs, pause):
                run_now(store.save_pause(jobs, pause))
            case SaveSkipNext(job, skip_next):
                run_now(store.save_skip_next(job, skip_next))
        self.world.changed()
        return None

    def _send_batch(self) -> None:
        ends, skips, claims = tuple(self.node.outbox), tuple(self._skips), self._claims
        saves = tuple(self._saves.values())
        self._ride_ends_s, self._claims = None, []
        sent_s = self.daemon.clock.steady_s()
        batch = Batch(
            saves=saves,
            finishes=ends,
            skips=tuple(skip for effect in skips for skip in effect.skips),
            claims=tuple(request for effect in claims for request in effect.requests),
            may_take_over=self.may_take_over(),
            not_after=self.not_after(),
        )

        def answered(settled: Settled) -> None:
            del self.node.outbox[: len(ends)]
            del self._skips[: len(skips)]
            for run in saves:
                if self._saves.get(run.run_id) is run:
                    del self._saves[run.run_id]
            if settled.skipped:
                self.daemon.handle(SkipsRecorded(settled.skipped))
            if batch.claims:
                self.daemon.handle(ClaimsDecided(settled.answers, self.trusted_from(sent_s)))

        def failed() -> None:
            if batch.claims:
                self.daemon.handle(ClaimsFailed(batch.claims, "no answer"))

        self._send(lambda: self.settle(batch), answered, "settle", failed)

    def trusted_from(self, sent_s: float) -> float:
        """Return from when a lease counts: the mutant of this counts from the answer."""
        return sent_s

    def not_after(self) -> datetime:
        """Return what the store's clock cannot be past, if it is right."""
        return self.daemon.clock.now() + self.daemon.world.terms.clock_doubt

    def may_take_over(self) -> bool:
        neighbours = self.daemon.scheduler.state.neighbours
        return neighbours is not None and neighbours.may_take_over(self.daemon.clock.now())

    def settle(self, batch: Batch) -> Settled:
        """Let the store decide a batch."""
        self.world.changed()
        settled = run_now(self.node.shared.settle(batch))
        self.world.watch_lease()
        return settled

    def _send(
        self,
        act: Callable[[], Any],
        answered: Callable[[Any], None],
        kind: str,
        failed: Callable[[], None] | None = None,
    ) -> None:
        self._is_out, sent_s = True, self.world.now_s

        def well(answer: Any) -> None:
            self._is_out, self._failures, self._failing_since_s = False, 0, None
            self._took_s = self.world.now_s - sent_s
            answered(answer)
            self.work()

        def ill() -> None:
            self._is_out = False
            if self._failing_since_s is None:
                self._failing_since_s = self.world.now_s
            self._failures += 1
            if failed is not None:
                failed()
            longest_s = min(FIRST_RETRY_S * 2 ** min(self._failures, 16), LONGEST_RETRY_S)
            pause_s = self.world.random.uniform(FIRST_RETRY_S / 2, longest_s)
            pause_s = self.world.pause_s(self.node, kind, self._failing_since_s, pause_s)
            self.world.after(pause_s, lambda: self.daemon.when_running(self._try_again))

        self.world.ask(
            self.daemon,
            act,
            well,
            ill,
            kind,
        )

    def _try_again(self) -> None:
        """Go on after the pause that follows a failure."""
        failures, self._failures = self._failures, 0
        self.work()
        self._failures = failures if self._is_out else 0
