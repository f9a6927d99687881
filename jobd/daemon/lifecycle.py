"""Lifecycle: the parts put together, started in order, and stopped in the opposite one.

Start: store, supervisor, core, listeners; only then READY. Leftovers of a dead supervisor
are gone before the first tick, because connecting to a supervisor waits for that.

Stop: no new ticks; wait ``shutdown_grace`` for what runs, then stop it; what is known is
written down; the supervisor ends. A supervisor that is a service of its own keeps the runs
instead, for the next daemon, and the stop takes no time.
"""

import gc
import secrets
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import anyio
from anyio.abc import TaskGroup, TaskStatus
from anyio.lowlevel import checkpoint

from jobd.config.model import Config
from jobd.core.claim import ActiveRun
from jobd.core.effects import FinishRun
from jobd.core.events import HeldRun, Recovered, ShutdownAsked
from jobd.core.run import RunState
from jobd.core.scheduler import Scheduler
from jobd.daemon.answers import Answers
from jobd.daemon.chores import Chores
from jobd.daemon.inbox import Inbox
from jobd.daemon.loop import Loop
from jobd.daemon.node import DaemonNode, identity_of
from jobd.daemon.outputs import Outputs
from jobd.daemon.perform import Performer
from jobd.daemon.reload import Reloader
from jobd.daemon.reports import Reports
from jobd.daemon.show import Show
from jobd.daemon.systemd import Notifier
from jobd.daemon.timed import timed
from jobd.daemon.to_store import ToStore
from jobd.daemon.to_supervisor import Forget, ToSupervisor
from jobd.errors import SupervisorError
from jobd.ports import Clock, Store, Supervisor
from jobd.web.node import Identity
from jobd.web.serve import serve

STOP_MARGIN = timedelta(seconds=5)  # beyond the longest kill_after
WRITE_DOWN = timedelta(seconds=10)  # what a stop grants a store that does not answer


class Daemon:
    """One node's daemon. ``owns_supervisor``: it was started by this daemon and ends with it."""

    def __init__(
        self,
        config: Config,
        *,
        clock: Clock,
        store: Store,
        supervisor: Supervisor,
        owns_supervisor: bool,
        notifier: Notifier,
    ) -> None:
        self._clock = clock
        self._notifier = notifier
        self._supervisor = supervisor
        self._owns_supervisor = owns_supervisor
        self._quiet = anyio.Event()
        self._stop = anyio.Event()
        self._hurry = anyio.Event()
        self._is_done = False
        self._held: tuple[HeldRun, ...] = ()  # by the supervisor, as it was met
        self._reloading = anyio.Lock()
        self._last_status = ""
        self._inbox = Inbox()
        self._answers = Answers()
        self._outputs = Outputs(config.daemon.state_dir)
        self._scheduler = Scheduler(config.daemon.node, secrets.token_hex(8))
        self._show = Show(self._scheduler.state, clock)
        self._store = timed(store, clock, self._show.telemetry.store_call)
        self._make_lanes(config.daemon.node)
        self._make_keepers(config)
        self.node = self._make_node(identity_of(config, clock.now()))

    def _make_lanes(self, node: str) -> None:
        """Make what events come from and effects go to, and the loop between them."""
        inbox, supervisor = self._inbox, self._supervisor
        self._reports = Reports(supervisor, self._scheduler, self._outputs, inbox)
        self._to_supervisor = ToSupervisor(supervisor, inbox, self._outputs.path, self._is_starting)
        self._to_store = ToStore(self._store, self._clock, node, inbox, self._finished)
        self._loop = Loop(
            self._scheduler,
            self._clock,
            inbox,
            Performer(self._to_store, self._to_supervisor, self._answers),
            (self._show.observe, self._note_quiet),
            self._beat,
        )

    def _make_keepers(self, config: Config) -> None:
        """Make who sees to the configuration and to the history."""
        show, store, clock = self._show, self._store, self._clock
        reloader = Reloader(config, store, clock, self._inbox, show.reloaded)
        self._reloader = reloader
        settings, active = lambda: reloader.config.store, self._scheduler.state.runs
        self._chores = Chores(store, clock, self._outputs, active, settings, show.store_health)

    def _make_node(self, identity: Identity) -> DaemonNode:
        return DaemonNode(
            identity,
            scheduler=self._scheduler,
            supervisor=self._supervisor,
            store=self._store,
            clock=self._clock,
            inbox=self._inbox,
            answers=self._answers,
            outputs=self._outputs,
            chores=self._chores,
            reloader=self._reloader,
        )

    async def run(self) -> None:
        """Run until a signal or :meth:`stop` ends it; returns after a clean stop."""
        await self._store.open()
        try:
            self._held = tuple(await self._supervisor.connect())
            await self._take_over(self._held)
            async with self._serving(), anyio.create_task_group() as tasks:
                await self._start_tasks(tasks)
                self._ready()
                await self._stop.wait()
                await self._wind_down()
                self._is_done = True
                tasks.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await self._let_go()

    def stop(self) -> None:
        """Ask for a clean stop; asking again cuts the grace short."""
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    async def _take_over(self, held: tuple[HeldRun, ...]) -> None:
        self._loop.handle(await self._reloader.at_start())
        # Only now is it known which pattern judges the output of which run.
        here_s = self._clock.steady_s() - self._supervisor.since_steady_s
        since = self._clock.now() - timedelta(seconds=here_s)
        self._loop.handle(Recovered(await self._reports.held(held), since))
        await self._chores.ping()

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        socket, http = self._reloader.config.daemon.socket, self.node.identity.http
        metrics = self._show.metrics_handler(self.node)
        async with serve(self.node, metrics, socket=socket, http=http) as listening:
            self._show.listening(listening)
            yield

    async def _start_tasks(self, tasks: TaskGroup) -> None:
        tasks.start_soon(self._loop.run)
        tasks.start_soon(self._to_store.run)
        tasks.start_soon(self._to_supervisor.run)
        tasks.start_soon(self._reports.run)
        tasks.start_soon(self._chores.keep_pinging)
        tasks.start_soon(self._chores.keep_pruning)
        # Before READY: from then on a signal may come, and its default would be the end.
        await tasks.start(self._obey_signals, tasks)

    def _ready(self) -> None:
        # What is there now stays: leave it out of every later collection. To collect it first
        # would find next to nothing, in a tenth of a second with 10,000 jobs.
        gc.freeze()
        gc.set_threshold(10_000)  # a run leaves no cycles behind; a herd feels every search
        gc.enable()
        self._show.ready(self.node.enforcement, self._reloader.config)
        self._notifier.ready(self._status())

    async def _wind_down(self) -> None:
        """Bring what runs to its end, or leave it to a supervisor that stays."""
        self._notifier.stopping()
        self._inbox.put(ShutdownAsked())
        if self._owns_supervisor:
            await self._wait_for_runs()
        with anyio.move_on_after(WRITE_DOWN.total_seconds()) as bound:
            await self._settle()
        if bound.cancelled_caught:
            self._show.gave_up_writing(WRITE_DOWN)

    async def _settle(self) -> None:
        """Wait until nothing is on its way between the parts: claims that were granted
        meanwhile are started, ends are recorded and forgotten by the supervisor."""
        lanes = (self._to_store.lane, self._to_supervisor.lane)
        while not (self._inbox.is_empty and all(lane.is_idle for lane in lanes)):
            for lane in lanes:
                await lane.drained()
            await checkpoint()  # the loop takes what they put into the inbox

    async def _wait_for_runs(self) -> None:
        grace_s = self._reloader.config.daemon.shutdown_grace.total_seconds()
        with anyio.move_on_after(grace_s):
            async with anyio.create_task_group() as either:
                either.start_soon(_first, self._quiet, either)
                either.start_soon(_first, self._hurry, either)
        if self._quiet.is_set():
            return
        self._inbox.put(ShutdownAsked(stop_runs=True))
        tracks = self._scheduler.state.runs.values()
        longest = max((track.job.kill_after for track in tracks), default=timedelta(0))
        bound = longest + STOP_MARGIN
        with anyio.move_on_after(bound.total_seconds()):
            await self._quiet.wait()

    async def _let_go(self) -> None:
        try:
            with anyio.fail_after(STOP_MARGIN.total_seconds()):
                await self._part()
        except (SupervisorError, TimeoutError) as error:
            self._show.parted_badly(error)  # it is gone, or ends by itself once nobody is there
        finally:
            await self._store.close()

    async def _part(self) -> None:
        """After a failure runs are left to an owned supervisor too: the next daemon may come
        before it gives up waiting."""
        if self._owns_supervisor and (self._is_done or not self._has_processes()):
            await self._supervisor.shutdown()
        else:
            await self._supervisor.release()

    def _has_processes(self) -> bool:
        return bool(self._scheduler.state.runs) or any(one.exit is None for one in self._held)

    async def _obey_signals(
        self, tasks: TaskGroup, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
            task_status.started()
            async for number in signals:
                if number == signal.SIGHUP:
                    tasks.start_soon(self._reload)  # a stop must not wait for it
                else:
                    self.stop()

    async def _reload(self) -> None:
        async with self._reloading:
            if self._stop.is_set():
                return  # systemd has been told STOPPING; READY must not follow
            self._notifier.reloading()
            await self._reloader.reload("SIGHUP")
            if not self._stop.is_set():
                self._notifier.ready(self._status())

    def _finished(self, effects: Sequence[FinishRun]) -> None:
        """After ends are durable: the supervisor may forget, and who waits is told."""
        for effect in effects:
            run_id = effect.finish.record.run_id
            self._to_supervisor.lane.put(Forget(run_id))
            self._answers.ended(run_id)

    def _is_starting(self, run: ActiveRun) -> bool:
        track = self._scheduler.state.runs.get(run.run_id)
        if track is None or track.run.attempt != run.attempt:
            return False
        return track.state is RunState.STARTING

    def _note_quiet(self, *_: object) -> None:
        if self._scheduler.state.is_stopping and self._scheduler.is_quiet():
            self._quiet.set()

    def _beat(self, lag_s: float) -> None:
        self._show.telemetry.loop_lag(lag_s)
        self._notifier.watchdog()
        status = self._status()
        if status != self._last_status and not self._stop.is_set():
            self._notifier.status(status)
            self._last_status = status

    def _status(self) -> str:
        # Once a second: no look at every job is worth that.
        state = self._scheduler.state
        return f"{len(state.tracks)} jobs, {state.room.taken} running, {len(state.waiting)} waiting"


async def _first(event: anyio.Event, either: TaskGroup) -> None:
    await event.wait()
    either.cancel_scope.cancel()


def store_path(config: Config) -> Path:
    """Return the file of the embedded store."""
    return config.daemon.state_dir / "jobd.db"
