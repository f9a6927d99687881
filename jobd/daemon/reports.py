"""Reports: what the supervisor says becomes events; when it dies, a new one is reached."""

from collections.abc import Sequence
from dataclasses import replace

import anyio

from jobd.core.events import AttemptEnded, HeldRun, Recovered, SupervisorLost
from jobd.core.scheduler import Scheduler
from jobd.daemon.inbox import Inbox
from jobd.daemon.outputs import Outputs
from jobd.errors import SupervisorError
from jobd.ports import Report, Supervisor

RECONNECT_S = 0.5


class Reports:
    """Reads one supervisor's reports for as long as the daemon lives."""

    def __init__(
        self, supervisor: Supervisor, scheduler: Scheduler, outputs: Outputs, inbox: Inbox
    ) -> None:
        self._supervisor = supervisor
        self._scheduler = scheduler
        self._outputs = outputs
        self._inbox = inbox

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            async for report in self._supervisor.reports():
                self._inbox.put(await self._complete(report))
            self._inbox.put(SupervisorLost())
            self._inbox.put(Recovered(await self._reconnect()))

    async def held(self, runs: Sequence[HeldRun]) -> tuple[HeldRun, ...]:
        """Return what a supervisor holds, ends judged by their jobs' failure_pattern."""
        return tuple([await self._complete_held(run) for run in runs])

    async def _reconnect(self) -> tuple[HeldRun, ...]:
        while True:
            await anyio.sleep(RECONNECT_S)
            try:
                return await self.held(await self._supervisor.connect())
            except SupervisorError:
                continue  # the log has said that it is gone; its return will be told too

    async def _complete(self, report: Report) -> Report:
        if not isinstance(report, AttemptEnded):
            return report
        track = self._scheduler.state.runs.get(report.run_id)
        if track is None:
            return report
        run = track.run
        matched = await self._has_failed(run.job, run.run_id, run.attempt)
        return replace(report, matched_failure=matched) if matched else report

    async def _complete_held(self, held: HeldRun) -> HeldRun:
        if held.exit is None:
            return held
        run = held.run
        matched = await self._has_failed(run.job, run.run_id, run.attempt)
        return replace(held, matched_failure=matched)

    async def _has_failed(self, job: str, run_id: str, attempt: int) -> bool:
        pattern = self._scheduler.failure_pattern(job, run_id)
        if pattern is None:
            return False
        return await self._outputs.has_match(run_id, attempt, pattern)
