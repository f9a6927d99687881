"""Lifecycle: the parts put together, started in order, and stopped in the opposite one.

Start: store, supervisor, core, listeners; only then READY. Leftovers of a dead supervisor
are gone before the first tick, because connecting to a supervisor waits for that.

Stop: no new ticks; wait ``shutdown_grace`` for what runs, then stop it; what is known is
written down; the supervisor ends. A supervisor that is a service of its own keeps the runs
instead, for the next daemon, and the stop takes no time.
"""

import gc
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import anyio
from anyio.abc import TaskGroup, TaskStatus
from anyio.lowlevel import checkpoint

from jobd.config.model import Config
from jobd.core.events import HeldRun, Recovered, ShutdownAsked
from jobd.core.run import RunState
from jobd.daemon.hook_order import Order
from jobd.daemon.node import DaemonNode
from jobd.daemon.parts import Parts
from jobd.daemon.systemd import Notifier
from jobd.errors import SupervisorError
from jobd.ports import Clock, NodeMemory, SharedStore, Store, Supervisor
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
        memory: NodeMemory,
        supervisor: Supervisor,
        owns_supervisor: bool,
        notifier: Notifier,
        shared: SharedStore | None = None,
    ) -> None:
        self._notifier = notifier
        self._owns_supervisor = owns_supervisor
        self._quiet = anyio.Event()
        self._stop = anyio.Event()
        self._hurry = anyio.Event()
        self._is_done = False
        self._held: tuple[HeldRun, ...] = ()  # by the supervisor, as it was met
        self._reloading = anyio.Lock()
        self._last_status = ""
        self._parts = Parts(
            config,
            clock=clock,
            store=store,
            memory=memory,
            shared=shared,
            supervisor=supervisor,
            observer=self._note_quiet,
            on_beat=self._beat,
        )

    @property
    def node(self) -> DaemonNode:
        """This daemon as the web layer sees it."""
        return self._parts.node

    async def run(self) -> None:
        """Run until a signal or :meth:`stop` ends it; returns after a clean stop."""
        await self._parts.store.open()
        try:
            if self._parts.membership is not None:
                await self._parts.membership.open()
            self._held = tuple(await self._parts.supervisor.connect())
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
        self._parts.loop.handle(await self._parts.reloader.at_start())
        # Only now is it known which pattern judges the output of which run.
        here_s = self._parts.clock.steady_s() - self._parts.supervisor.since_steady_s
        since = self._parts.clock.now() - timedelta(seconds=here_s)
        self._parts.loop.handle(Recovered(await self._parts.reports.held(held), since))
        await self._parts.chores.ping()

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        socket, http = self._parts.reloader.config.daemon.socket, self._parts.node.identity.http
        metrics = self._parts.show.metrics_handler(self.node)
        async with serve(self.node, metrics, socket=socket, http=http) as listening:
            self._parts.show.listening(listening)
            yield

    async def _start_tasks(self, tasks: TaskGroup) -> None:
        self._parts.start(tasks)
        # Before READY: from then on a signal may come, and its default would be the end.
        await tasks.start(self._obey_signals, tasks)

    def _ready(self) -> None:
        # What is there now stays: leave it out of every later collection. To collect it first
        # would find next to nothing, in a tenth of a second with 10,000 jobs.
        gc.freeze()
        gc.set_threshold(10_000)  # a run leaves no cycles behind; a herd feels every search
        gc.enable()
        self._parts.show.ready(self.node.enforcement, self._parts.reloader.config)
        self._notifier.ready(self._status())

    async def _wind_down(self) -> None:
        """Bring what runs to its end, or leave it to a supervisor that stays."""
        self._notifier.stopping()
        self._parts.inbox.put(ShutdownAsked())
        if self._parts.membership is not None:
            await self._parts.membership.leave()
        grace = self._parts.reloader.config.daemon.shutdown_grace
        waits = grace if self._owns_supervisor else None
        self._parts.show.runs_at_stop(self._still_running(), waits)
        if self._owns_supervisor:
            await self._wait_for_runs(grace)
        with anyio.move_on_after(WRITE_DOWN.total_seconds()) as bound:
            await self._settle()
        if bound.cancelled_caught:
            self._parts.show.gave_up_writing(WRITE_DOWN)
        await self._parts.hooks.close(self._goes_on)

    def _goes_on(self, order: Order) -> bool:
        """Whether a call of a hook is made to its end by a supervisor that stays."""
        return not self._owns_supervisor and self._parts.hook_commands.is_with_supervisor(order)

    async def _settle(self) -> None:
        """Wait until nothing is on its way between the parts: claims that were granted
        meanwhile are started, ends are recorded and forgotten by the supervisor."""
        lanes = self._parts.lanes
        while not (self._parts.inbox.is_empty and all(one.lane.is_idle for one in lanes)):
            for one in lanes:
                await one.lane.drained()
            await checkpoint()  # the loop takes what they put into the inbox

    def _still_running(self) -> list[str]:
        """Return the active runs that have a process, as people know them."""
        tracks = self._parts.scheduler.state.runs.values()
        active = [track.run for track in tracks if track.state is not RunState.BACKOFF]
        return sorted(f"{run.job} {run.run_id}" for run in active)

    async def _wait_for_runs(self, grace: timedelta) -> None:
        with anyio.move_on_after(grace.total_seconds()):
            async with anyio.create_task_group() as either:
                either.start_soon(_first, self._quiet, either)
                either.start_soon(_first, self._hurry, either)
        if self._quiet.is_set():
            return
        self._parts.inbox.put(ShutdownAsked(stop_runs=True))
        tracks = self._parts.scheduler.state.runs.values()
        longest = max((track.job.kill_after for track in tracks), default=timedelta(0))
        bound = longest + STOP_MARGIN
        with anyio.move_on_after(bound.total_seconds()):
            await self._quiet.wait()

    async def _let_go(self) -> None:
        try:
            with anyio.fail_after(STOP_MARGIN.total_seconds()):
                await self._part()
        except (SupervisorError, TimeoutError) as error:
            # It is gone, or ends by itself once nobody is there.
            self._parts.show.parted_badly(error)
        finally:
            await self._parts.poster.close()
            if self._parts.membership is not None:
                await self._parts.membership.close()
            await self._parts.store.close()

    async def _part(self) -> None:
        """After a failure runs are left to an owned supervisor too: the next daemon may come
        before it gives up waiting."""
        if self._owns_supervisor and (self._is_done or not self._has_processes()):
            await self._parts.supervisor.shutdown()
        else:
            await self._parts.supervisor.release()

    def _has_processes(self) -> bool:
        return bool(self._parts.scheduler.state.runs) or any(one.exit is None for one in self._held)

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
            await self._parts.reloader.reload("SIGHUP")
            if not self._stop.is_set():
                self._notifier.ready(self._status())

    def _note_quiet(self, *_: object) -> None:
        if self._parts.scheduler.state.is_stopping and self._parts.scheduler.is_quiet():
            self._quiet.set()

    def _beat(self, lag_s: float) -> None:
        self._parts.show.telemetry.loop_lag(lag_s)
        self._parts.show.telemetry.clock_offset(self._parts.clock_offset().total_seconds())
        self._notifier.watchdog()
        status = self._status()
        if status != self._last_status and not self._stop.is_set():
            self._notifier.status(status)
            self._last_status = status

    def _status(self) -> str:
        # Once a second: no look at every job is worth that.
        state = self._parts.scheduler.state
        jobs = len(state.tracks) + len(state.unreached)
        return f"{jobs} jobs, {state.room.taken} running, {len(state.waiting)} waiting"


async def _first(event: anyio.Event, either: TaskGroup) -> None:
    await event.wait()
    either.cancel_scope.cancel()


def store_path(config: Config) -> Path:
    """Return the file of the embedded store."""
    return config.daemon.state_dir / "jobd.db"
