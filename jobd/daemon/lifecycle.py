"""Lifecycle: the parts put together, started in order, and stopped in the opposite one.

Start: store, supervisor, core, listeners; only then READY. Leftovers of a dead supervisor
are gone before the first tick, because connecting to a supervisor waits for that.

Stop: no new ticks; wait ``shutdown_grace`` for what runs, then stop it; what is known is
written down; the supervisor ends. A supervisor that is a service of its own keeps the runs
instead, for the next daemon, and the stop takes no time.
"""

import gc
import os
import secrets
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import anyio
from anyio.abc import TaskGroup

from jobd import __version__
from jobd.config.model import Config
from jobd.core import picture
from jobd.core.effects import FinishRun
from jobd.core.events import HeldRun, Recovered, ShutdownAsked
from jobd.core.scheduler import Scheduler
from jobd.daemon.answers import Answers
from jobd.daemon.chores import Chores
from jobd.daemon.inbox import Inbox
from jobd.daemon.loop import Loop
from jobd.daemon.node import DaemonNode
from jobd.daemon.outputs import Outputs
from jobd.daemon.perform import Performer
from jobd.daemon.reload import Reloader
from jobd.daemon.reports import Reports
from jobd.daemon.show import Show
from jobd.daemon.systemd import Notifier
from jobd.daemon.timed import timed
from jobd.daemon.to_store import ToStore
from jobd.daemon.to_supervisor import Forget, ToSupervisor
from jobd.ports import Clock, Identity, Store, Supervisor
from jobd.web.serve import serve

STOP_MARGIN = timedelta(seconds=5)  # beyond the longest kill_after


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
        inbox = self._inbox = Inbox()
        scheduler = self._scheduler = Scheduler(config.daemon.node, secrets.token_hex(8))
        self._show = Show(scheduler.state, clock)
        self._store = timed(store, clock, self._show.telemetry.store_call)
        self._outputs = Outputs(config.daemon.state_dir)
        self._answers = Answers()
        self._reports = Reports(supervisor, scheduler, self._outputs, inbox)
        self._to_supervisor = ToSupervisor(supervisor, inbox, self._outputs.path)
        self._to_store = ToStore(self._store, clock, config.daemon.node, inbox, self._finished)
        self._reloader = Reloader(config, self._store, clock, inbox, self._show.reloaded)
        self._chores = Chores(
            self._store,
            clock,
            self._outputs,
            lambda: self._reloader.config.store,
            self._show.store_health,
        )
        self._loop = Loop(
            scheduler,
            clock,
            inbox,
            Performer(self._to_store, self._to_supervisor, self._answers),
            (self._show.observe, self._note_quiet),
            self._beat,
        )
        self.node = DaemonNode(
            _identity(config, clock),
            scheduler=scheduler,
            supervisor=supervisor,
            store=self._store,
            clock=clock,
            inbox=inbox,
            answers=self._answers,
            outputs=self._outputs,
            chores=self._chores,
            reloader=self._reloader,
        )

    async def run(self) -> None:
        """Run until a signal or :meth:`stop` ends it; returns after a clean stop."""
        await self._store.open()
        try:
            held = await self._supervisor.connect()
            await self._take_over(await self._reports.held(held))
            async with self._serving(), anyio.create_task_group() as tasks:
                self._start_tasks(tasks)
                self._ready()
                await self._stop.wait()
                await self._wind_down()
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
        configured = await self._reloader.configured(self._reloader.config, {})
        self._loop.handle(configured)
        self._loop.handle(Recovered(held))
        await self._chores.ping()

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        daemon = self._reloader.config.daemon
        http = f"{daemon.http.host}:{daemon.http.port}" if daemon.http is not None else ""
        metrics = self._show.metrics_handler(self.node)
        async with serve(self.node, metrics, socket=daemon.socket, http=http) as listening:
            self._show.listening(listening)
            yield

    def _start_tasks(self, tasks: TaskGroup) -> None:
        tasks.start_soon(self._loop.run)
        tasks.start_soon(self._to_store.run)
        tasks.start_soon(self._to_supervisor.run)
        tasks.start_soon(self._reports.run)
        tasks.start_soon(self._chores.keep_pinging)
        tasks.start_soon(self._chores.keep_pruning)
        tasks.start_soon(self._obey_signals)

    def _ready(self) -> None:
        # What is there now stays: leave it out of every later collection.
        gc.collect()
        gc.freeze()
        self._show.ready(self.node.enforcement, self._reloader.config)
        self._notifier.ready(self._status())

    async def _wind_down(self) -> None:
        """Bring what runs to its end, or leave it to a supervisor that stays."""
        self._notifier.stopping()
        self._inbox.put(ShutdownAsked())
        if self._owns_supervisor:
            await self._wait_for_runs()
        # Claims that were granted meanwhile are started, ends are recorded: nothing is lost.
        await self._to_store.lane.drained()
        await self._to_supervisor.lane.drained()

    async def _wait_for_runs(self) -> None:
        grace_s = self._reloader.config.daemon.shutdown_grace.total_seconds()
        with anyio.move_on_after(grace_s):
            async with anyio.create_task_group() as either:
                either.start_soon(_first, self._quiet, either)
                either.start_soon(_first, self._hurry, either)
        if self._quiet.is_set():
            return
        self._inbox.put(ShutdownAsked(stop_runs=True))
        jobs = self._reloader.config.jobs.values()
        bound = max((job.kill_after for job in jobs), default=timedelta(0)) + STOP_MARGIN
        with anyio.move_on_after(bound.total_seconds()):
            await self._quiet.wait()

    async def _let_go(self) -> None:
        with anyio.move_on_after(STOP_MARGIN.total_seconds()):
            if self._owns_supervisor:
                await self._supervisor.shutdown()
            else:
                await self._supervisor.release()
        await self._store.close()

    async def _obey_signals(self) -> None:
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
            async for number in signals:
                if number == signal.SIGHUP:
                    await self._reload()
                else:
                    self.stop()

    async def _reload(self) -> None:
        self._notifier.reloading()
        await self._reloader.reload("SIGHUP")
        self._notifier.ready(self._status())

    def _finished(self, effects: Sequence[FinishRun]) -> None:
        """After ends are durable: the supervisor may forget, and who waits is told."""
        for effect in effects:
            run_id = effect.finish.record.run_id
            self._to_supervisor.lane.put(Forget(run_id))
            self._answers.ended(run_id)

    def _note_quiet(self, *_: object) -> None:
        if self._stop.is_set() and self._scheduler.is_quiet():
            self._quiet.set()

    def _beat(self, lag_s: float) -> None:
        self._show.telemetry.loop_lag(lag_s)
        self._notifier.watchdog()
        if not self._stop.is_set():
            self._notifier.status(self._status())

    def _status(self) -> str:
        view = picture.node_view(self._scheduler.state, self._clock.now())
        return f"{view.jobs} jobs, {view.running} running, {view.waiting} waiting"


async def _first(event: anyio.Event, either: TaskGroup) -> None:
    await event.wait()
    either.cancel_scope.cancel()


def _identity(config: Config, clock: Clock) -> Identity:
    daemon = config.daemon
    return Identity(
        node=daemon.node,
        version=__version__,
        pid=os.getpid(),
        started_at=clock.now(),
        config_path=str(config.path),
        store="sqlite",
        http=f"{daemon.http.host}:{daemon.http.port}" if daemon.http is not None else "",
        socket=str(daemon.socket),
        labels=daemon.labels,
    )


def store_path(config: Config) -> Path:
    """Return the file of the embedded store."""
    return config.daemon.state_dir / "jobd.db"
