"""To the supervisor: starts, stops and what it may forget, performed in order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobd.core.effects import StartRun, StopRun
from jobd.core.events import RunNotStarted
from jobd.daemon.inbox import Inbox
from jobd.daemon.lane import Lane
from jobd.daemon.launch import LaunchError, launch
from jobd.errors import SupervisorError
from jobd.ports import Launch, Supervisor


@dataclass(frozen=True, slots=True)
class Forget:
    """An attempt's end needs not be handed over again."""

    run_id: str


SupervisorEffect = StartRun | StopRun | Forget


class ToSupervisor:
    """Performs supervisor effects. ``output_of(run_id, attempt)`` names output files."""

    def __init__(
        self, supervisor: Supervisor, inbox: Inbox, output_of: Callable[[str, int], Path]
    ) -> None:
        self._supervisor = supervisor
        self._inbox = inbox
        self._output_of = output_of
        self.lane = Lane[SupervisorEffect]()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            effects = await self.lane.take()
            await self._perform(effects)
            self.lane.done()

    async def _perform(self, effects: Sequence[SupervisorEffect]) -> None:
        try:
            match effects[0]:
                case StartRun():
                    await self._start([e for e in effects if isinstance(e, StartRun)])
                case StopRun():
                    for effect in effects:
                        if isinstance(effect, StopRun):
                            await self._supervisor.stop(effect.run_id, effect.cause.value)
                case Forget():
                    done = [e.run_id for e in effects if isinstance(e, Forget)]
                    await self._supervisor.forget(done)
        except SupervisorError:
            # It died. The reader of its reports says so to the core, which ends these runs.
            return

    async def _start(self, effects: Sequence[StartRun]) -> None:
        # An earlier attempt's end is kept under the same run id, for a daemon that might have
        # crashed before it wrote that down; it must go before the next attempt can come.
        again = [effect.run.run_id for effect in effects if effect.run.attempt > 1]
        if again:
            await self._supervisor.forget(again)
        launches = [made for made in map(self._prepare, effects) if made is not None]
        if launches:
            await self._supervisor.start(launches)

    def _prepare(self, effect: StartRun) -> Launch | None:
        run = effect.run
        try:
            output = self._output_of(run.run_id, run.attempt)
            return launch(run, effect.job, output)
        except LaunchError as error:
            self._inbox.put(RunNotStarted(run.run_id, str(error)))
            return None
