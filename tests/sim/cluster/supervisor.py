"""A supervisor in virtual time: it holds processes, outlives daemons, and trusts no run longer
than it was told, whatever becomes of the daemon."""

from typing import TYPE_CHECKING

from jobd.core.claim import ActiveRun
from jobd.core.events import AttemptEnded, HeldRun, RunStarted
from jobd.core.job import Job
from jobd.core.outcome import Exit, StopCause
from jobd.ports import Report
from tests.sim.cluster.journal import Process

if TYPE_CHECKING:
    from tests.sim.cluster.node import Node

KILL_TAKES_S = 0.02  # from SIGKILL until the tree is gone


class Supervisor:
    """Holds the children of one node."""

    def __init__(self, node: "Node") -> None:
        self.node, self.world = node, node.world
        self.held: dict[str, Process] = {}
        self.is_alive = True
        self.since_s = node.steady_s()

    @property
    def is_busy(self) -> bool:
        """Whether a process runs here."""
        return any(process.ended_s is None for process in self.held.values())

    def start(self, run: ActiveRun, job: Job, until_s: float | None) -> None:
        if run.attempt > 1:
            self.forget(run.run_id)
        if not self.is_alive or run.run_id in self.held:
            return
        takes_s, exit_code = self.world.durations[run.job](self.world.random)
        now_s, wall = self.world.now_s, self.node.wall()
        process = Process(self.node.name, run, job, now_s, wall, exit_code, until_s)
        self._trust(process, until_s)
        self.held[run.run_id] = process
        if until_s is not None and until_s <= self.node.steady_s():
            process.ended_s, process.ended_wall, process.cause = now_s, wall, StopCause.TRUST
            self._report(AttemptEnded(run.run_id, _exit_of(process), wall))
            return
        self.world.began(process)
        self._report(RunStarted(run.run_id, wall))
        self._end_in(process, takes_s, None)
        if job.timeout is not None:
            self.world.after(
                job.timeout.total_seconds(), lambda: self._stop(process, StopCause.TIMEOUT)
            )
        self._watch(process)

    def stop(self, run_id: str, cause: StopCause) -> None:
        process = self.held.get(run_id)
        if process is not None:
            self._stop(process, cause)

    def extend(self, run_id: str, until_s: float) -> None:
        process = self.held.get(run_id)
        if process is not None:
            self._trust(process, until_s)

    def die(self) -> None:
        self.is_alive = False
        for process in self.held.values():
            process.is_lost = True  # or so it may be: perhaps nobody has heard of its end
            if process.ended_s is None:
                process.ended_s = self.world.now_s

    def forget(self, run_id: str) -> None:
        if run_id in self.held and self.held[run_id].ended_s is not None:
            del self.held[run_id]

    def holding(self) -> tuple[HeldRun, ...]:
        return tuple(
            HeldRun(
                p.run,
                p.started_wall,
                _exit_of(p) if p.ended_s is not None else None,
                ended_at=p.ended_wall,
            )
            for p in self.held.values()
        )

    def _trust(self, process: Process, until_s: float | None) -> None:
        process.until_s = until_s
        if until_s is not None and process.ended_s is None:
            process.until_world_s = self.world.now_s + self.node.steady_left_s(until_s)

    def _watch(self, process: Process) -> None:
        """Kill a run at *trusted until*: it gets its stop signal as early as kill_after wants."""
        if process.until_s is None:
            return
        early_s = process.job.kill_after.total_seconds() + KILL_TAKES_S
        left_s = self.node.steady_left_s(process.until_s)
        self.world.after(max(left_s - early_s, 0.0), lambda: self._look(process))

    def _look(self, process: Process) -> None:
        if process.ended_s is not None or not self.is_alive or process.until_s is None:
            return
        early_s = process.job.kill_after.total_seconds() + KILL_TAKES_S
        left_s = self.node.steady_left_s(process.until_s)
        if left_s > early_s + 0.001:
            self._watch(process)
            return
        self._stop(process, StopCause.TRUST)
        self._end_in(process, max(left_s - KILL_TAKES_S, 0.0) + KILL_TAKES_S, StopCause.TRUST)

    def _stop(self, process: Process, cause: StopCause) -> None:
        if process.ended_s is not None or process.is_stopping:
            return
        process.is_stopping = True
        process.cause = cause
        self.world.struck("kill", self.node)
        if self.is_alive:
            kill_after_s = process.job.kill_after.total_seconds()
            delay_s = self.world.random.choice([0.01, kill_after_s / 2, kill_after_s])
            self._end_in(process, delay_s, cause)

    def _end_in(self, process: Process, delay_s: float, cause: StopCause | None) -> None:
        self.world.after(delay_s, lambda: self._end(process, cause))

    def _end(self, process: Process, cause: StopCause | None) -> None:
        if process.ended_s is not None or not self.is_alive:
            return
        process.ended_s, process.ended_wall = self.world.now_s, self.node.wall()
        process.cause = process.cause if process.is_stopping else cause
        end = AttemptEnded(process.run.run_id, _exit_of(process), process.ended_wall)
        self._report(end)

    def _report(self, event: Report) -> None:
        daemon = self.node.daemon
        if daemon is None or not self.is_alive:
            return

        delay_s = self.world.random.uniform(0, 0.005)
        self.world.after(delay_s, lambda: daemon.when_running(lambda: daemon.report(event)))


def _exit_of(process: Process) -> Exit:
    assert process.ended_s is not None
    is_signaled = process.cause is not None
    return Exit(
        exit_code=None if is_signaled else process.exit_code,
        signal=15 if is_signaled else None,
        stop_cause=process.cause,
        oom_killed=False,
        duration_s=process.ended_s - process.started_s,
        cpu_s=0.0,
        memory_peak_bytes=None,
    )
