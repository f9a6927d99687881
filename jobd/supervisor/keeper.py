"""Keeper: every run that this supervisor holds, and every end that no daemon has noted yet."""

import os
import resource
from collections.abc import Callable

from jobd.supervisor.attempt import Attempt
from jobd.supervisor.bulletin import Bulletin
from jobd.supervisor.child import Spawner, StartError, TooLate
from jobd.supervisor.enforcer import Enforcer
from jobd.supervisor.instants import wall_s
from jobd.supervisor.journal import say
from jobd.supervisor.loop import Loop
from jobd.supervisor.mailboxes import Mailbox, Mailboxes
from jobd.supervisor.spec import Launch, Spec
from jobd.supervisor.tree import Tree

Frame = dict[str, object]

# Pipe, kept output, mailbox, and two by which the end and the memory of a group are watched.
_FILES_PER_RUN = 5
_FILES_PER_SEARCH = 2
_FILES_OF_OURS = 64
_TRUST_ENDED: Frame = {
    "exit_code": None, "signal": None, "stop_cause": "trust", "oom_killed": False,
    "duration_s": 0.0, "cpu_s": 0.0, "memory_peak_bytes": None, "output_bytes": 0,
    "output_dropped_bytes": 0,
}  # fmt: skip


class Keeper:
    """Starts, stops and remembers runs; tells ``report`` what happens to them, as frames."""

    def __init__(self, loop: Loop, enforcer: Enforcer, mailboxes: Mailboxes) -> None:
        self.report: Callable[[Frame], None] = _nobody
        self._loop = loop
        self._enforcer = enforcer
        self._mailboxes = mailboxes
        self._bulletin = Bulletin(loop, lambda frame: self.report(frame))
        self._spawner = Spawner()
        self._running: dict[str, Attempt] = {}
        self._mains: dict[int, Attempt] = {}
        self._ended: dict[str, Frame] = {}
        self._spooled: set[str] = set()  # of these: what the spool has
        self.is_spool_stale = False  # it has ends that are noted by now
        self._files_left = self._spawner.max_files - _FILES_OF_OURS

    @property
    def count(self) -> int:
        """How many runs are held that have not ended."""
        return len(self._running)

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs."""
        return not self._running

    def ends(self) -> list[Frame]:
        """Return the ends that no daemon has noted, oldest first."""
        return list(self._ended.values())

    def adopt_ends(self, ends: list[Frame]) -> None:
        """Remember ends that an earlier supervisor left."""
        for end in ends:
            run = end.get("run")
            if isinstance(run, dict) and isinstance(run.get("run_id"), str):
                self._ended[run["run_id"]] = end
                self._spooled.add(run["run_id"])

    def spooled_ends(self) -> list[Frame]:
        """Return those ends of an earlier supervisor that no daemon has noted yet."""
        return [end for run_id, end in self._ended.items() if run_id in self._spooled]

    def held(self) -> list[Frame]:
        """Return every run that is held, ended or not."""
        running: list[Frame] = [
            {"run": attempt.spec.run, "started_at": attempt.started_at, "exit": None}
            for attempt in self._running.values()
        ]
        return self.ends() + running

    def greet(self, has_room: Callable[[], bool] | None) -> None:
        """A daemon has come; see Bulletin.greet for what it wants to know of what runs say."""
        voices = {run_id: attempt.voice for run_id, attempt in self._running.items()}
        self._bulletin.greet(voices, has_room)

    def start(self, launch: Launch, is_hurried: bool) -> None:
        """Start an attempt, and report that it started or why not; one that must be dead by
        now is reported as ended.

        ValueError when not even the run's id can be told.
        """
        run = launch.get("run")
        run_id = run.get("run_id") if isinstance(run, dict) else None
        if not isinstance(run_id, str) or not run_id:
            raise ValueError("a launch without run.run_id")
        present = self._running.get(run_id)
        if present is not None and _is_same(launch["run"], present.spec.run):
            self._report_started(present)  # asked twice, started once
            return
        try:
            if present is not None:
                raise StartError(f"attempt {present.spec.attempt} of this run has not ended")
            spec = Spec(launch)
            if _files_of(spec) > self._files_left:
                raise StartError(
                    f"{len(self._running)} runs at once are all that the supervisor's limit on "
                    "open files allows; raise it (LimitNOFILE=, ulimit -n)"
                )
            self._start(spec, is_hurried)
        except TooLate:
            self._end(run_id, {"run": run, "started_at": None, "exit": _TRUST_ENDED})
        except (StartError, ValueError, OSError) as error:
            self._refuse(launch, run_id, str(error), is_held=present is None)

    def stop(self, run_id: str, cause: str) -> None:
        """Stop a run's tree; one that is not running is ignored."""
        attempt = self._running.get(run_id)
        if attempt is not None:
            attempt.stop(cause)

    def extend(self, run_id: str, until: float | None) -> None:
        """Set the instant by which a run must be dead."""
        attempt = self._running.get(run_id)
        if attempt is not None:
            attempt.extend(until)

    def forget(self, run_id: str) -> None:
        """Forget an end; a run that still runs is not forgotten."""
        self._ended.pop(run_id, None)
        if run_id in self._spooled:
            self._spooled.remove(run_id)
            self.is_spool_stale = True

    def stop_all(self, cause: str) -> None:
        """Stop every run."""
        for attempt in list(self._running.values()):
            attempt.stop(cause)

    def kill_all(self, cause: str) -> None:
        """Kill every run at once."""
        for attempt in list(self._running.values()):
            attempt.kill(cause)

    def reap(self, limit: int) -> tuple[int, set[int]]:
        """Collect children that have died, at most ``limit``; return how many they were,
        and the pids of those that were no run's."""
        strangers = set()
        exited = []
        dead = _dead_children(limit)
        for pid, status, usage in dead:
            self._enforcer.census.mains.discard(pid)
            attempt = self._mains.pop(pid, None)
            if attempt is None:
                strangers.add(pid)
                self._enforcer.census.helpers.discard(pid)
            else:
                exited.append((attempt, status, usage))
        if exited:
            self._settle(exited)
        return len(dead), strangers

    def _settle(self, exited: list[tuple[Attempt, int, resource.struct_rusage]]) -> None:
        census = self._enforcer.census
        if census.trees:
            census.look()  # once for all of them
        census.is_fresh = True
        own_peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for attempt, status, usage in exited:
            # Until it executes its program a child counts our own memory as its peak.
            peak = usage.ru_maxrss << 10 if usage.ru_maxrss > own_peak else None
            attempt.main_exited(status, usage.ru_utime + usage.ru_stime, peak)
            self._loop.fire_urgent()  # they may be many
        census.is_fresh = False

    def _start(self, spec: Spec, is_hurried: bool) -> None:
        self.forget(spec.run_id)  # the end of an earlier attempt
        box = self._open_mailbox(spec)
        try:
            tree = self._enforcer.make_tree(spec, is_hurried)
            pid, ours = self._spawn(spec, tree)
        except BaseException:
            if box is not None:
                box.close()
            raise
        os.set_blocking(ours, False)
        self._enforcer.census.mains.add(pid)
        attempt = Attempt(spec, tree, self._loop, self._enforcer.watches_memory, box)
        attempt.on_over = self._over
        attempt.voice.on_news = self._bulletin.note
        self._running[spec.run_id] = self._mains[pid] = attempt
        self._files_left -= _files_of(spec)
        attempt.begin(pid, ours)
        if attempt.voice.helper is not None:
            self._enforcer.census.helpers.add(attempt.voice.helper)
        self._report_started(attempt)

    def _open_mailbox(self, spec: Spec) -> Mailbox | None:
        """Return the run's mailbox, which its environment then names; without one it can be
        run all the same, unless it would be ended because nothing is heard of it."""
        try:
            box = self._mailboxes.open(spec.uid)
        except OSError as error:
            if spec.watchdog_s is not None:
                raise StartError(f"no NOTIFY_SOCKET for its watchdog: {error}") from None
            say(f"run {spec.run_id} has no NOTIFY_SOCKET: {error}")
            return None
        spec.env["NOTIFY_SOCKET"] = box.path
        if spec.watchdog_s is not None:
            spec.env["WATCHDOG_USEC"] = f"{spec.watchdog_s * 1e6:.0f}"
        return box

    def _spawn(self, spec: Spec, tree: Tree) -> tuple[int, int]:
        """Return the pid of the run's main process, and the pipe with its output."""
        ours, theirs = os.pipe2(os.O_CLOEXEC)
        try:
            return self._spawner.spawn(spec, tree, theirs), ours
        except BaseException:
            os.close(ours)
            tree.dissolve()
            raise
        finally:
            os.close(theirs)

    def _report_started(self, attempt: Attempt) -> None:
        self.report({"ev": "started", "run": attempt.spec.run_id, "at": attempt.started_at})

    def _refuse(self, launch: Launch, run_id: str, reason: str, is_held: bool) -> None:
        if is_held:
            self._ended[run_id] = {
                "run": launch["run"], "started_at": None, "exit": None, "start_error": reason,
            }  # fmt: skip
        self.report({"ev": "not_started", "run": run_id, "reason": reason})

    def _over(self, attempt: Attempt) -> None:
        run, run_id = attempt.spec.run, attempt.spec.run_id
        del self._running[run_id]
        self._files_left += _files_of(attempt.spec)
        self._bulletin.forget(run_id)
        end: Frame = {"run": run, "started_at": attempt.started_at, "exit": attempt.exit}
        told = {"steps": attempt.voice.steps(), "steps_trouble": attempt.voice.trouble}
        self._end(run_id, {**end, **{name: word for name, word in told.items() if word}})

    def _end(self, run_id: str, end: Frame) -> None:
        self._ended[run_id] = end
        names = ("exit", "steps", "steps_trouble")
        told: Frame = {name: end[name] for name in names if name in end}
        self.report({"ev": "ended", "run": run_id, "at": wall_s(), **told})


def _files_of(spec: Spec) -> int:
    """Return how many descriptors a run may need of us."""
    return _FILES_PER_RUN + (0 if spec.steps is None else _FILES_PER_SEARCH)


def _is_same(run: object, present: Frame) -> bool:
    """Whether an order is for the attempt that runs; its lease may have been renewed since."""
    return isinstance(run, dict) and all(
        run.get(name) == present.get(name) for name in ("attempt", "token")
    )


def _dead_children(limit: int) -> list[tuple[int, int, resource.struct_rusage]]:
    dead: list[tuple[int, int, resource.struct_rusage]] = []
    while len(dead) < limit:
        try:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if pid == 0:
            break
        dead.append((pid, status, usage))
    return dead


def _nobody(frame: Frame) -> None:
    """Nobody listens yet; what is held is told at hello."""
