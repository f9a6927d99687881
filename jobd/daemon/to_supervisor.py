"""To the supervisor: starts, stops and what it may forget, performed in order."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from anyio import to_thread
from anyio.lowlevel import checkpoint

from jobd.core.claim import ActiveRun
from jobd.core.effects import ExtendRun, StartRun, StopRun
from jobd.core.events import RunNotStarted
from jobd.daemon.inbox import Inbox
from jobd.daemon.lane import Lane
from jobd.daemon.launch import LaunchError, launch, needs_lookup
from jobd.daemon.run_params import judged_params
from jobd.errors import SupervisorError
from jobd.ports import Launch, Supervisor
from jobd.telemetry.logs import get_log

T = TypeVar("T")
PREPARED_AT_ONCE = 128  # as the client sends, and more than tell the supervisor of a herd


@dataclass(frozen=True, slots=True)
class Forget:
    """An attempt's end needs not be handed over again."""

    run_id: str


Params = Mapping[str, str]
SupervisorEffect = StartRun | StopRun | ExtendRun | Forget


class ToSupervisor:
    """Performs supervisor effects.

    ``output_of(run_id, attempt)`` names output files; ``is_wanted`` tells whether an attempt
    is still waited for: while it was being prepared, the supervisor may have died.
    ``secrets`` are the daemon's own, which no run's output shall show.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        inbox: Inbox,
        output_of: Callable[[str, int], Path],
        is_wanted: Callable[[ActiveRun], bool],
        secrets: Sequence[str] = (),
    ) -> None:
        self._supervisor = supervisor
        self._inbox = inbox
        self._output_of = output_of
        self._is_wanted = is_wanted
        self._secrets = secrets
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
        judged = [(effect, await _judged(effect)) for effect in effects]
        if any(needs_lookup(effect.job.command) for effect in effects):
            return await to_thread.run_sync(lambda: [self._prepare(*one) for one in judged])
        return [self._prepare(*one) for one in judged]

    def _prepare(self, effect: StartRun, params: Params | RunNotStarted) -> Launch | RunNotStarted:
        if isinstance(params, RunNotStarted):
            return params
        return _or_why_not(effect.run, lambda: self._launch(effect, params))

    def _launch(self, effect: StartRun, params: Params) -> Launch:
        run = effect.run
        output = self._output_of(run.run_id, run.attempt)
        made = launch(run, effect.job, params, output, self._secrets)
        return replace(made, until_steady_s=effect.until_s)


async def _judged(effect: StartRun) -> Params | RunNotStarted:
    """Return the parameters of a run, judged here, on the loop's thread."""
    if effect.run.params:  # each may take its time: others have a turn between two of them
        await checkpoint()
    return _or_why_not(effect.run, lambda: judged_params(effect.run, effect.job))


def _or_why_not(run: ActiveRun, make: Callable[[], T]) -> T | RunNotStarted:
    """Return what is made, or what to say of a run of which it cannot be."""
    try:
        return make()
    except LaunchError as error:
        return RunNotStarted(run.run_id, str(error))
    except Exception:
        # A defect of ours, met by one run: the others must not suffer for it.
        get_log().exception("a run could not be prepared", job=run.job, run=run.run_id)
        return RunNotStarted(run.run_id, "a defect of jobd; its log has the details")
