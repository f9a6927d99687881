"""Reports: what the supervisor says becomes events; when it dies, a new one is reached."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import anyio
from anyio.abc import TaskGroup

from jobd.core.claim import ActiveRun
from jobd.core.events import (
    AttemptEnded,
    HeldRun,
    Recovered,
    RunSaid,
    RunStarted,
    SupervisorLost,
)
from jobd.core.run import RunRecord
from jobd.core.scheduler import Scheduler
from jobd.daemon.hook_commands import HookCommands, is_hook
from jobd.daemon.inbox import Inbox
from jobd.daemon.outputs import Outputs
from jobd.daemon.searches import Finding
from jobd.errors import StoreUnavailable, SupervisorError
from jobd.ports import Report, Supervisor
from jobd.telemetry.fields import shortened
from jobd.telemetry.logs import get_log

RECONNECT_S = 0.5  # between two tries, for as long as the daemon lives: it needs one


class Reports:
    """Reads one supervisor's reports for as long as the daemon lives.

    The supervisor reads this machine's wall clock. ``offset`` says by how much the time that
    the scheduler goes by is ahead of it: in a cluster that is the store's.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        scheduler: Scheduler,
        outputs: Outputs,
        inbox: Inbox,
        hooks: HookCommands,
        find_run: Callable[[str], Awaitable[RunRecord | None]],
        forget: Callable[[str], None],
        offset: Callable[[], timedelta] = timedelta,
    ) -> None:
        self._supervisor = supervisor
        self._scheduler = scheduler
        self._outputs = outputs
        self._inbox = inbox
        self._hooks = hooks
        self._find_run = find_run
        self._forget = forget
        self._offset = offset

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            async with anyio.create_task_group() as searches:
                async for report in self._supervisor.reports():
                    self._pass_on(self._in_time(report), searches)
            # Every end that was reported is in the inbox by now, even where its output had
            # to be searched: it counts, and cannot be taken for a later attempt's.
            self._hooks.supervisor_lost()
            self._inbox.put(SupervisorLost())
            self._inbox.put(Recovered(await self._reconnect()))

    async def held(self, runs: Sequence[HeldRun]) -> tuple[HeldRun, ...]:
        """Return what runs a supervisor holds, ends judged by their jobs' failure_pattern. Ends
        that the history has are left out, and the supervisor may forget them."""
        await self._hooks.adopt([held for held in runs if is_hook(held.run.run_id)])
        ours = [held for held in runs if not is_hook(held.run.run_id)]
        noted = await self._noted(ours)
        for run_id in sorted(noted):
            self._forget(run_id)
        left = [held for held in ours if held.run.run_id not in noted]
        return tuple([await self._complete_held(held) for held in left])

    async def _noted(self, runs: Sequence[HeldRun]) -> set[str]:
        """Return the runs that have ended and are over by what the history says. A supervisor that
        crashed may have left their ends to the next one, to be told again."""
        known, found = self._scheduler.state.runs, set[str]()
        strange = [held for held in runs if held.has_ended and held.run.run_id not in known]
        with suppress(StoreUnavailable):  # then they are told once more, but not executed
            for held in strange:
                record = await self._find_run(held.run.run_id)
                if record is not None and record.ended_at is not None:
                    found.add(record.run_id)
        if found:
            get_log().info("ends passed over that the history has", runs=shortened(sorted(found)))
        return found

    async def _reconnect(self) -> tuple[HeldRun, ...]:
        told = ""
        while True:
            await anyio.sleep(RECONNECT_S)  # for as long as the daemon lives: it needs one
            try:
                return await self.held(await self._supervisor.connect())
            except SupervisorError as error:
                if str(error) != told:
                    get_log().error("supervisor cannot be reached; trying on", error=str(error))
                told = str(error)

    def _in_time(self, report: Report) -> Report:
        """Return a report with its instants by the time that the scheduler goes by."""
        offset = self._offset()
        if isinstance(report, RunStarted) and offset:
            return replace(report, started_at=report.started_at + offset)
        if isinstance(report, AttemptEnded) and offset:
            return replace(report, ended_at=report.ended_at + offset)
        if isinstance(report, RunSaid) and report.said.step_since is not None and offset:
            since = report.said.step_since + offset
            return replace(report, said=replace(report.said, step_since=since))
        return report

    def _pass_on(self, report: Report, searches: TaskGroup) -> None:
        """Put a report into the inbox; an end whose output is to be searched comes later, so
        that a run with a gigabyte of it does not hold up what others report."""
        if is_hook(report.run_id):
            self._hooks.report(report)
            return
        if isinstance(report, AttemptEnded):
            track = self._scheduler.state.runs.get(report.run_id)
            if track is not None and track.job.failure_pattern is not None:
                searches.start_soon(self._judge, report, track.run, track.job.failure_pattern)
                return
        self._inbox.put(report)

    async def _judge(self, end: AttemptEnded, run: ActiveRun, pattern: str) -> None:
        found = await self._search(run, pattern)
        self._inbox.put(replace(end, matched_failure=found.matched, search_trouble=found.trouble))

    async def _complete_held(self, held: HeldRun) -> HeldRun:
        run, offset = held.run, self._offset()
        if held.started_at is not None and offset:
            held = replace(held, started_at=held.started_at + offset)
        ended = replace(held, ended_at=held.ended_at or _end_of(held))
        pattern = self._scheduler.failure_pattern(run.job, run.run_id)
        if held.exit is None or pattern is None:
            return ended
        found = await self._search(run, pattern)
        return replace(ended, matched_failure=found.matched, search_trouble=found.trouble)

    async def _search(self, run: ActiveRun, pattern: str) -> Finding:
        """What cannot be searched matches nothing: the exit status alone judges the run then."""
        found = await self._outputs.search(run.run_id, run.attempt, pattern)
        if found.trouble:
            get_log().warning(
                "output not searched for failure_pattern; judged by exit status alone",
                job=run.job,
                run=run.run_id,
                error=found.trouble,
            )
        return found


def _end_of(held: HeldRun) -> datetime | None:
    """Return when a run ended while no daemon was there to look at the clock."""
    if held.exit is None or held.started_at is None:
        return None
    return held.started_at + timedelta(seconds=held.exit.duration_s)
