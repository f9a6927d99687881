"""To the supervisor: starts, stops and what it may forget, performed in order."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from anyio import to_thread

from jobd.core.claim import ActiveRun
from jobd.core.effects import ExtendRun, StartRun, StopRun
from jobd.core.events import RunNotStarted
from jobd.daemon.inbox import Inbox
from jobd.daemon.lane import Lane
from jobd.daemon.launch import LaunchError, launch, needs_lookup
from jobd.errors import SupervisorError
from jobd.ports import Launch, Supervisor
from jobd.telemetry.logs import get_log

PREPARED_AT_ONCE = 128  # as the client sends, and more than tell the supervisor of a herd


@dataclass(frozen=True, slots=True)
class Forget:
    """An attempt's end needs not be handed over again."""

    run_id: str


SupervisorEffect = StartRun | StopRun | ExtendRun | Forget


class ToSupervisor:
    """Performs supervisor effects.

    ``output_of(run_id, attempt)`` names output files; ``is_wanted`` tells whether an attempt
    is still waited for: while it was being prepared, the supervisor may have died.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        inbox: Inbox,
        output_of: Callable[[str, int], Path],
        is_wanted: Callable[[ActiveRun], bool],
    ) -> None:
        self._supervisor = supervisor
        self._inbox = inbox
        self._output_of = output_of
        self._is_wanted = is_wanted
        self.lane = Lane[SupervisorEffect]()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            effects = await self.lane.take()
            # When it has died, the reader of its reports says so to the core.
            with suppress(SupervisorError):
                await self._perform(effects)
            self.lane.done()

    async def _perform(self, effects: Sequence[SupervisorEffect]) -> None:
        match effects[0]:
            case StartRun():
                await self._start([e for e in effects if isinstance(e, StartRun)])
            case StopRun():
                await self._stop([e for e in effects if isinstance(e, StopRun)])
            case ExtendRun():
                extensions = [e for e in effects if isinstance(e, ExtendRun)]
                await self._supervisor.extend({e.run_id: e.until_s for e in extensions})
            case Forget():
                done = [e.run_id for e in effects if isinstance(e, Forget)]
                await self._supervisor.forget(done)

    async def _stop(self, effects: Sequence[StopRun]) -> None:
        for effect in effects:
            await self._supervisor.stop(effect.run_id, effect.cause.value)

    async def _start(self, effects: Sequence[StartRun]) -> None:
        # An earlier attempt's end is kept under the same run id, for a daemon that might have
        # crashed before it wrote that down; it must go before the next attempt can come.
        again = [effect.run.run_id for effect in effects if effect.run.attempt > 1]
        if again:
            await self._supervisor.forget(again)
        # A few at a time, so that the first starts while the last is prepared.
        for first in range(0, len(effects), PREPARED_AT_ONCE):
            await self._hand_over(effects[first : first + PREPARED_AT_ONCE])

    async def _hand_over(self, effects: Sequence[StartRun]) -> None:
        launches = []
        for effect, made in zip(effects, await self._prepared(effects), strict=True):
            if not self._is_wanted(effect.run):
                continue
            if isinstance(made, Launch):
                launches.append(made)
            else:
                self._inbox.put(made)
        if launches:
            await self._supervisor.start(launches)

    async def _prepared(self, effects: Sequence[StartRun]) -> list[Launch | RunNotStarted]:
        if any(needs_lookup(effect.job.command) for effect in effects):
            return await to_thread.run_sync(lambda: [self._prepare(e) for e in effects])
        return [self._prepare(effect) for effect in effects]

    def _prepare(self, effect: StartRun) -> Launch | RunNotStarted:
        run = effect.run
        try:
            output = self._output_of(run.run_id, run.attempt)
            return replace(launch(run, effect.job, output), until_steady_s=effect.until_s)
        except LaunchError as error:
            return RunNotStarted(run.run_id, str(error))
        except Exception:
            # A defect of ours, met by one run: the others must not suffer for it.
            get_log().exception("a run could not be prepared", job=run.job, run=run.run_id)
            return RunNotStarted(run.run_id, "a defect of jobd; its log has the details")
