"""Hook commands: executed by the supervisor, like a job's, and beside the scheduler.

The supervisor holds them because it can do what the daemon may not: switch users, work
outside the daemon's sandbox, kill a whole tree at its timeout and hold its ceilings. A hook
therefore outlives a restart of the daemon, and never the supervisor. The core does not know
of them: their ids are told apart from those of runs.
"""

import os
import signal
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar, TypeVarTuple

import anyio
from anyio import CapacityLimiter, to_thread

from jobd.core.claim import ActiveRun
from jobd.core.events import AttemptEnded, HeldRun, RunNotStarted
from jobd.core.job import Limits
from jobd.core.outcome import Exit, StopCause
from jobd.core.run import RunRecord
from jobd.daemon.hook_order import Answer, Order, body_of
from jobd.daemon.hook_output import OUTPUT_MAX_BYTES, TAIL_BYTES, last_lines, redacted, secrets_of
from jobd.daemon.launch import LaunchError, launch
from jobd.daemon.outputs import Outputs, as_file_name
from jobd.daemon.run_params import fitting_params
from jobd.errors import SupervisorError
from jobd.ports import Launch, Report, Supervisor
from jobd.telemetry.logs import get_log

MEMORY_MAX_BYTES = 256 << 20
PIDS_MAX = 100
KILL_AFTER = timedelta(seconds=2)
MARGIN_S = 5.0  # beyond kill_after, for the supervisor to report the end
_PREFIX = "hook-"
_LOOKUPS = 4  # at once: a directory of users that hangs must starve nothing else of threads
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


@dataclass(eq=False)
class _UnderWay:
    """A command that is prepared, and handed over, until its end is reported."""

    is_ordered: bool = False
    over: anyio.Event = field(default_factory=anyio.Event)
    answer: Answer = field(default_factory=lambda: Answer("the supervisor did not report its end"))

    def settle(self, answer: Answer) -> None:
        self.answer = answer
        self.over.set()


def is_hook(run_id: str) -> bool:
    """Whether the supervisor speaks of a hook and not of a run."""
    return run_id.startswith(_PREFIX)


class HookCommands:
    """Executes hooks that are commands. ``folder`` is theirs alone; ``forget`` lets the
    supervisor forget an end, some time. ``secrets``: see ToSupervisor."""

    def __init__(
        self,
        supervisor: Supervisor,
        folder: Path,
        outputs: Outputs,
        forget: Callable[[str], None],
        secrets: Sequence[str] = (),
    ) -> None:
        self._supervisor = supervisor
        self._folder = folder
        self._outputs = outputs
        self._forget = forget
        self._secrets = secrets
        self._under_way: dict[str, _UnderWay] = {}
        self._lookups: CapacityLimiter | None = None  # made where there is a loop

    async def execute(self, order: Order, timeout_s: float) -> Answer:
        """Execute once; whatever goes wrong is an answer, too."""
        hook_id = _id_of(order)
        under_way = self._under_way[hook_id] = _UnderWay()
        try:
            answer = await self._answered(hook_id, under_way, order, timeout_s)
            # Not where it is cancelled: the supervisor may be about to open what it reads.
            await _in_thread(_sweep_one, self._folder, hook_id)
        finally:
            del self._under_way[hook_id]
        return answer

    def report(self, report: Report) -> None:
        """Take in what the supervisor says of a hook."""
        answer = _answer_of(report)
        if answer is None:
            return
        self._forget(report.run_id)
        under_way = self._under_way.get(report.run_id)
        if under_way is not None:
            under_way.settle(answer)
        elif answer.trouble:
            words = "hook of an earlier daemon failed"
            get_log().warning(words, id=report.run_id, error=answer.trouble)
        else:
            get_log().info("hook of an earlier daemon is done", id=report.run_id)

    def is_with_supervisor(self, order: Order) -> bool:
        """Whether this call goes on when the daemon has left and the supervisor stays."""
        under_way = self._under_way.get(_id_of(order))
        return under_way is not None and under_way.is_ordered

    def supervisor_lost(self) -> None:
        """The supervisor died, and every hook with it."""
        for under_way in self._under_way.values():
            if under_way.is_ordered:  # the others are ordered of the next one
                under_way.settle(Answer("the supervisor died under it"))

    async def adopt(self, held: Sequence[HeldRun]) -> None:
        """Take over what a daemon before this one has had executed: what has ended is told and
        forgotten, what still runs is told when it has ended."""
        running = {one.run.run_id for one in held if one.exit is None and not one.start_error}
        for one in held:
            if one.start_error:
                self.report(RunNotStarted(one.run.run_id, one.start_error))
            elif one.exit is not None:
                self.report(AttemptEnded(one.run.run_id, one.exit, one.run.claimed_at))
        with suppress(OSError):
            await _in_thread(_sweep, self._folder, running, self._under_way)

    async def _answered(
        self, hook_id: str, under_way: _UnderWay, order: Order, timeout_s: float
    ) -> Answer:
        try:
            return await self._execute(hook_id, under_way, order, timeout_s)
        except TimeoutError:
            return Answer("its user, environment or input could not be looked up in time")
        except (LaunchError, OSError) as error:
            return Answer(str(error))
        except SupervisorError:
            return Answer("there is no supervisor to execute it", may_retry=True)

    async def _execute(
        self, hook_id: str, under_way: _UnderWay, order: Order, timeout_s: float
    ) -> Answer:
        with anyio.fail_after(timeout_s):
            made = await self._looked_up(hook_id, order, timeout_s)
            await _in_thread(self._write, hook_id, await self._body(order))
        under_way.is_ordered = True
        await self._supervisor.start([made])
        with anyio.move_on_after(timeout_s + KILL_AFTER.total_seconds() + MARGIN_S):
            await under_way.over.wait()
        answer = under_way.answer
        if answer.trouble:
            answer = replace(answer, output=await self._tail(hook_id, secrets_of(order, made.env)))
        return answer

    async def _looked_up(self, hook_id: str, order: Order, timeout_s: float) -> Launch:
        if self._lookups is None:
            self._lookups = CapacityLimiter(_LOOKUPS)
        params = fitting_params(order.record.params, order.job)  # here: see there
        return await _in_thread(
            self._launch, hook_id, order, params, timeout_s, limiter=self._lookups
        )

    async def _body(self, order: Order) -> bytes:
        record = order.record
        start, tail = max(0, record.output_bytes - TAIL_BYTES), b""
        with suppress(OSError, ValueError):  # a call without it is better than none
            read = await self._outputs.read(record.run_id, record.attempt, start, TAIL_BYTES)
            tail = read.data
        return body_of(order, tail.decode("utf-8", "replace"))

    def _write(self, hook_id: str, body: bytes) -> None:
        """Write what it reads from standard input."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        with open(os.open(self._path(hook_id, "json"), flags, 0o600), "wb") as file:
            file.write(body)

    def _launch(
        self, hook_id: str, order: Order, params: Mapping[str, str], timeout_s: float
    ) -> Launch:
        """Resolve who executes it: the job's user, environment, place."""
        stdin = str(self._path(hook_id, "json"))
        run, job = _run_of(order.record, params), order.job
        job = replace(
            job,
            command=replace(job.command, argv=order.call.hook.argv, stdin=stdin),
            limits=Limits(memory_max_bytes=MEMORY_MAX_BYTES, pids_max=PIDS_MAX),
            stop_signal=int(signal.SIGTERM),
            kill_after=KILL_AFTER,
            timeout=timedelta(seconds=timeout_s),
            watchdog=None,  # what the job has to say of itself, its hook has not
            steps=None,
            output_max_bytes=OUTPUT_MAX_BYTES,
        )
        made = launch(run, job, params, self._path(hook_id, "out"), self._secrets)
        outcome = order.record.outcome
        facts = {"JOBD_HOOK": order.call.kind.value, "JOBD_OUTCOME": outcome or ""}
        held = replace(run, run_id=hook_id, attempt=1)
        return replace(made, run=held, env={**made.env, **facts})

    async def _tail(self, hook_id: str, secrets: Sequence[str]) -> str:
        try:
            text = await _in_thread(last_lines, self._path(hook_id, "out"))
            return redacted(text, secrets)
        except (OSError, ValueError):
            return ""

    def _path(self, hook_id: str, ending: str) -> Path:
        return self._folder / f"{hook_id}.{ending}"


async def _in_thread(
    function: Callable[[*Ts], T], *arguments: *Ts, limiter: CapacityLimiter | None = None
) -> T:
    return await to_thread.run_sync(function, *arguments, limiter=limiter, abandon_on_cancel=True)


def _id_of(order: Order) -> str:
    """Return the id of a hook at the supervisor: the same for one call, whoever orders it."""
    return f"{_PREFIX}{order.call.kind.value}-{as_file_name(order.record.run_id)}"


def _answer_of(report: Report) -> Answer | None:
    if isinstance(report, RunNotStarted):
        return Answer(report.reason)
    return Answer(_trouble_of(report.exit)) if isinstance(report, AttemptEnded) else None


def _trouble_of(seen: Exit) -> str:
    if seen.stop_cause is StopCause.TIMEOUT:
        return f"it was not done in time, and was ended after {seen.duration_s:.0f} s"
    if seen.oom_killed or seen.stop_cause is StopCause.MEMORY:
        return f"it met its memory ceiling of {MEMORY_MAX_BYTES >> 20}M"
    if seen.stop_cause is not None:
        return f"it was stopped: {seen.stop_cause.value}"
    if seen.signal is not None:
        return f"signal {seen.signal} ended it"
    return f"exit status {seen.exit_code}" if seen.exit_code else ""


def _run_of(record: RunRecord, params: Mapping[str, str]) -> ActiveRun:
    """Return a run as the environment of what belongs to it is made from."""
    return ActiveRun(
        record.run_id,
        record.job,
        record.node,
        record.token,
        record.fire_time,
        record.trigger,
        record.claimed_at,
        record.attempt,
        requested_by=record.requested_by,
        params=tuple(params.items()),
    )


def _sweep(folder: Path, running: Collection[str], under_way: Collection[str]) -> None:
    """Remove what is left of hooks that are over. ``under_way`` is looked at only once a file
    is seen: of a call that has begun meanwhile the id was there first."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.stem not in running and path.stem not in under_way:
            path.unlink(missing_ok=True)


def _sweep_one(folder: Path, hook_id: str) -> None:
    with suppress(OSError):
        for ending in ("json", "out"):
            (folder / f"{hook_id}.{ending}").unlink(missing_ok=True)
