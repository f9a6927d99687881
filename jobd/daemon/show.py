"""Show: telemetry wired to the daemon. Metrics and logs hear of everything in one place."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from aiohttp import web

from jobd.config.model import Config, HttpAddress
from jobd.core import picture
from jobd.core.effects import Effect
from jobd.core.events import Event, NodeMeasured
from jobd.core.state import SchedulerState
from jobd.core.ticks import due_of
from jobd.ports import Clock, Enforcement
from jobd.telemetry.exposition import Exposition
from jobd.telemetry.fields import shortened
from jobd.telemetry.logfold import LogFold
from jobd.telemetry.logs import get_log
from jobd.telemetry.metrics import Telemetry
from jobd.web.node import Node, ReloadResult, StoreHealth
from jobd.web.serve import Listening

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Show:
    """What the daemon tells the world about itself."""

    def __init__(self, state: SchedulerState, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._log = get_log()
        self._fold = LogFold(self._log)
        self.telemetry = Telemetry(
            self._due_of,
            lambda: picture.node_view(state, clock.now()),
            self._fold.overlaps,
        )
        self.telemetry.config_read(True, clock.now())

    def observe(self, event: Event, effects: Sequence[Effect], now: datetime) -> None:
        """Take in what the scheduler was told and what it asks for."""
        self.telemetry.observe(event, effects, now)
        self._fold.observe(event, effects, now)
        if isinstance(event, NodeMeasured):
            self._fold.pressure(self._state.room.pressure.words())

    def reloaded(self, result: ReloadResult, by: str) -> None:
        """Tell how a reload went."""
        self.telemetry.config_read(not result.errors, self._clock.now())
        if result.errors:
            self._fold.config_refused(result.errors, by)
        else:
            self._fold.reloaded(result.added, result.changed, result.removed, by)
        for warning in result.warnings:
            self._log.warning("configuration warning", warning=warning)

    def store_health(self, health: StoreHealth) -> None:
        """Tell that the store answers, or keeps history, no more, or again."""
        self.telemetry.store_trouble(health.trouble)
        self._fold.store_trouble(health.trouble)

    def listening(self, listening: Listening) -> None:
        """Tell where the daemon can be asked."""
        http = "off" if listening.http is None else f"http://{HttpAddress(*listening.http)}"
        self._log.info("listening", socket=str(listening.socket), http=http)

    def runs_at_stop(self, runs: Sequence[str], waits: timedelta | None) -> None:
        """Tell what still runs when the daemon is asked to stop: what the stop waits for, or,
        with None, what stays with a supervisor that is a service of its own."""
        if not runs:
            return
        shown = shortened(runs)
        if waits is None:
            self._log.info("leaving runs to the supervisor, for the next daemon", runs=shown)
        else:
            seconds = waits.total_seconds()
            self._log.info("waiting for runs to end", runs=shown, at_most_s=seconds)

    def gave_up_writing(self, after: timedelta) -> None:
        """Tell that a stop did not wait any longer for a store that takes no writes."""
        self._log.error(
            "stopping before all is written down: the store does not answer; "
            "ends that it does not have are handed over by the supervisor at the next start",
            waited_s=after.total_seconds(),
        )

    def parted_badly(self, error: Exception) -> None:
        """Tell that the supervisor did not answer a farewell."""
        words = str(error) or "no answer in time"
        self._log.warning("the supervisor did not part in order", error=words)

    def ready(self, enforcement: Enforcement, config: Config) -> None:
        """Tell by what limits are held, what is doubtful, and that the daemon is ready."""
        for warning in config.warnings:
            self._log.warning("configuration warning", warning=str(warning))
        self._log.info(
            "limits are held by",
            tree=enforcement.tree,
            memory=enforcement.memory,
            cpu=enforcement.cpu,
            pids=enforcement.pids,
            io=enforcement.io,
            detail=enforcement.detail,
        )
        self._log.info("ready", node=config.daemon.node, jobs=len(config.jobs))

    def metrics_handler(self, node: Node) -> Handler:
        """Return the HTTP handler of /metrics."""
        exposition = Exposition(self.telemetry, node.job_view, self._clock.now)

        async def metrics(request: web.Request) -> web.StreamResponse:
            accept = request.headers.get("Accept", "")
            encoding = request.headers.get("Accept-Encoding", "")
            headers, body = exposition.render(accept, encoding)
            response = web.StreamResponse(headers=headers)
            await response.prepare(request)
            if request.method != "HEAD":  # what is sent is sent: nothing else keeps it back
                async for chunk in body:
                    await response.write(chunk)
            await response.write_eof()
            return response

        return metrics

    def _due_of(self, job: str, fire_time: datetime) -> datetime | None:
        track = self._state.tracks.get(job)
        return None if track is None else due_of(track.job, fire_time)
