"""Fakes for the daemon's parts: a clock set by hand, a store that fails on demand, processes
on paper."""

import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio

from jobd.core.claim import ActiveRun, Trigger
from jobd.core.events import HeldRun
from jobd.core.job import Command, Job
from jobd.core.outcome import Exit, Outcome
from jobd.core.run import Finish, record_of
from jobd.daemon.routes import Routes
from jobd.errors import StoreUnavailable, SupervisorError
from jobd.ports import Enforcement, Launch, Posted, Report
from jobd.store.memory import MemoryStore
from jobd.supervisor.output import Recorder

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
PATIENCE_S = 10.0


@dataclass
class FakeClock:
    """Both clocks. ``pass_time`` moves them together, ``set_wall`` only the one on the wall."""

    wall: datetime = NOON
    steady: float = 1000.0

    def now(self) -> datetime:
        return self.wall

    def steady_s(self) -> float:
        return self.steady

    def pass_time(self, seconds: float) -> None:
        self.set_wall(seconds)
        self.steady += seconds

    def set_wall(self, by_s: float) -> None:
        self.wall += timedelta(seconds=by_s)


class FakeStore(MemoryStore):
    """A memory store that notes what it is asked, and does not answer while ``is_down``."""

    def __init__(self) -> None:
        super().__init__()
        self.is_down = False
        self.fails_next = 0  # so many of the coming calls
        self.history_trouble = ""
        self.calls: list[str] = []
        self.is_open = False

    @property
    def trouble(self) -> str:
        return self.history_trouble

    def __getattribute__(self, name: str) -> Any:
        method = super().__getattribute__(name)
        if name.startswith("_") or name in ("open", "close") or not callable(method):
            return method

        async def asked(*arguments: Any, **options: Any) -> Any:
            self.calls.append(name)
            if self.is_down or self.fails_next > 0:
                self.fails_next -= 1
                raise StoreUnavailable("the disk is gone")
            return await method(*arguments, **options)

        return asked if name in _OPERATIONS else method

    async def open(self) -> None:
        self.is_open = True

    async def close(self) -> None:
        self.is_open = False


class FakeMemory:
    """What a node remembers for itself, on paper; see :class:`jobd.ports.NodeMemory`."""

    def __init__(self) -> None:
        self.facts: dict[str, str] = {}
        self.outbox: dict[int, Finish] = {}
        self.is_full = False
        self._numbers = itertools.count(1)

    async def post(self, finishes: Sequence[Finish]) -> Sequence[Posted]:
        self._write()
        posted = [Posted(next(self._numbers), finish) for finish in finishes]
        self.outbox.update({one.number: one.finish for one in posted})
        return posted

    async def posted(self) -> Sequence[Posted]:
        return [Posted(number, finish) for number, finish in self.outbox.items()]

    async def take_out(self, numbers: Sequence[int]) -> None:
        self._write()
        for number in numbers:
            self.outbox.pop(number, None)

    async def fact(self, name: str) -> str | None:
        return self.facts.get(name)

    async def keep_fact(self, name: str, value: str | None) -> None:
        self._write()
        self.facts.pop(name, None)
        if value is not None:
            self.facts[name] = value

    def _write(self) -> None:
        if self.is_full:
            raise StoreUnavailable("the disk is full")


class Nowhere:
    """A lane of a store that nothing is to be put into."""

    def put(self, effect: Any) -> None:
        raise AssertionError(f"{effect} was not to come here")


def no_routes() -> Routes:
    """Return the routes of a node that shares its store with nobody."""
    return Routes(Nowhere(), None)


_OPERATIONS = {
    "ping", "enrol", "orphans", "claim", "skip", "save_run", "finish", "save_pause",
    "save_skip_next", "note", "audit", "run", "runs", "ticks", "skip_counts", "usage", "happened",
    "prune",
}  # fmt: skip


@dataclass
class FakeSupervisor:
    """Holds runs on paper. What it is asked goes to ``orders``; ``report`` makes it speak."""

    held: list[HeldRun] = field(default_factory=list)
    orders: list[tuple[str, Any]] = field(default_factory=list)
    launches: list[Launch] = field(default_factory=list)
    is_gone: bool = False
    refuses: str = ""  # why connect fails
    connects: int = 0
    parted: str = ""  # "release" or "shutdown"

    def __post_init__(self) -> None:
        self._reports: list[Report | None] = []
        self.since_s = 0.0  # on the steady clock: there all the time
        self._has_report = anyio.Event()

    @property
    def enforcement(self) -> Enforcement:
        return Enforcement("paper", "paper", "none", "none", "none")

    @property
    def since_steady_s(self) -> float:
        return self.since_s

    async def connect(self) -> Sequence[HeldRun]:
        self.connects += 1
        if self.refuses:
            raise SupervisorError(self.refuses)
        self.is_gone = False
        self._reports.clear()
        return self.held

    async def start(self, launches: Sequence[Launch]) -> None:
        self._order("start", [launch.run.run_id for launch in launches])
        self.launches.extend(launches)

    async def stop(self, run_id: str, cause: str) -> None:
        self._order("stop", (run_id, cause))

    async def extend(self, untils: Mapping[str, float | None]) -> None:
        self._order("extend", dict(untils))

    async def forget(self, run_ids: Iterable[str]) -> None:
        self._order("forget", list(run_ids))

    async def reports(self) -> AsyncIterator[Report]:
        while True:
            while self._reports:
                report = self._reports.pop(0)
                if report is None:
                    return
                yield report
            self._has_report = anyio.Event()
            await self._has_report.wait()

    async def release(self) -> None:
        self.parted = "release"

    async def shutdown(self) -> None:
        if self.is_gone:
            raise SupervisorError("the supervisor is gone")
        self.parted = "shutdown"

    def report(self, *reports: Report) -> None:
        self._reports.extend(reports)
        self._has_report.set()

    def die(self) -> None:
        self.is_gone = True
        self._reports.append(None)
        self._has_report.set()

    def _order(self, op: str, about: Any) -> None:
        if self.is_gone:
            raise SupervisorError("the supervisor is gone")
        self.orders.append((op, about))


def run_of(job: str = "a", run_id: str = "aa11", **facts: Any) -> ActiveRun:
    """Return an active run of noon's tick."""
    facts = {"token": 7, "fire_time": NOON, "trigger": Trigger.SCHEDULE, **facts}
    return ActiveRun(run_id=run_id, job=job, node="app1", claimed_at=NOON, **facts)


def job_of(name: str = "a", **keys: Any) -> Job:
    """Return a job; keys of its command may be given beside its own."""
    own = {key: keys.pop(key) for key in tuple(keys) if key in Command.__dataclass_fields__}
    return Job(name, Command(**{"argv": ("true",), **own}), **keys)


def exit_of(code: int = 0, **facts: Any) -> Exit:
    """Return the end of an attempt after three seconds."""
    return Exit(code, None, None, False, 3.0, 0.1, None, **facts)


def finish_of(run: ActiveRun, outcome: Outcome = Outcome.SUCCESS) -> Finish:
    """Return the report of a run's end."""
    return Finish(record_of(run, ended_at=NOON, outcome=outcome), None, None)


def keep_output(path: Path, data: bytes, capacity: int = 1 << 20) -> None:
    """Write an output file as the supervisor does, in one go."""
    recorder = Recorder(str(path), capacity)
    for start in range(0, len(data), 4096):
        recorder.write(memoryview(data[start : start + 4096]))
    recorder.close()


async def until(condition: Callable[[], Any]) -> None:
    """Wait until something holds, while everybody else goes on."""
    with anyio.fail_after(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await anyio.sleep(0.001)  # the pause of the poll, which PATIENCE_S bounds
