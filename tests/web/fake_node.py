"""A daemon for the tests of whoever asks one: the memory store, views made by hand, a script
of answers, served on both listeners from a thread."""

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from jobd.core.attempt import EndedAttempt, followed
from jobd.core.claim import ClaimRequest, Demand, JobMemory, Pause, Trigger
from jobd.core.cluster import NodeSeen, NodeWord
from jobd.core.effects import Accepted, Reply
from jobd.core.events import DrainAsked, OperatorEvent, TriggerAsked
from jobd.core.job import Command, Job, Limits, Overlap, Param, Provenance
from jobd.core.outcome import Outcome
from jobd.core.run import Finish, RunRecord, RunState
from jobd.core.schedule import CronSchedule
from jobd.core.usage import RunUse
from jobd.core.view import JobState, JobView, NodeView, PoolView, RunView, SharedView, WaitingView
from jobd.errors import JobdError, StoreUnavailable
from jobd.ports import AuditEntry, Enforcement, Enrolment, Happened, RunFilter, Store, Window
from jobd.store.memory import MemoryStore
from jobd.web.node import HookLimits, Identity, OutputSlice, ReloadResult, StoreHealth
from jobd.web.serve import Listening, serve

NOW = datetime(2026, 11, 23, 10, 20, tzinfo=UTC)
T = TypeVar("T")
PATIENCE_S = 20.0


def job_named(name: str = "backup", **changes: Any) -> Job:
    """Return a job that is due every quarter of an hour."""
    schedule = CronSchedule.parse("*/15 * * * *", job=name, timezone="UTC")
    job = Job(
        name,
        Command(("/bin/backup", "--password=hunter2"), env=(("SECRET", "swordfish"),)),
        schedule,
        timeout=timedelta(minutes=5),
        limits=Limits(memory_max_bytes=512 << 20),
        params=(Param("table", pattern="[a-z]+", default="orders"),),
        provenance=Provenance(
            "jobs.d/a.toml", 12, frozenset({"timeout"}), frozenset({"memory_max"})
        ),
    )
    return replace(job, **changes)


def view_of(job: Job, **changes: Any) -> JobView:
    """Return the view of a job that rests until 10:30."""
    view = JobView(
        job=job,
        state=JobState.SCHEDULED,
        memory=JobMemory(job.name, settled_until=NOW),
        next_fire=datetime(2026, 11, 23, 10, 30, tzinfo=UTC),
        next_due=datetime(2026, 11, 23, 10, 30, tzinfo=UTC),
        interval=timedelta(minutes=15),
        start_deadline=timedelta(minutes=5),
        runs=(),
        waiting=(),
        pause=None,
        utilization=0.25,
    )
    return replace(view, **changes)


def ended_as(name: str, outcome: str) -> JobView:
    """Return a job whose last run ended so, and which has nothing else to tell."""
    memory = JobMemory(name, settled_until=NOW, last_outcome=outcome)
    return view_of(job_named(name), memory=memory)


def seen(name: str, ago_s: float = 0.4, **word: Any) -> NodeSeen:
    """Return a node that the store has heard of so long before NOW."""
    facts: dict[str, Any] = {"labels": ("app",), "running": 2, "max_running": 16, "load": 0.25}
    told = NodeWord(name, "i", f"id of {name}", "0.1.0", **{"digest": "d1", **facts, **word})
    return NodeSeen(told, NOW - timedelta(hours=2), NOW - timedelta(seconds=ago_s))


def shared_by(*nodes: NodeSeen, silent_since: datetime | None = None) -> SharedView:
    """Return what a shared store tells of nodes, or told before it fell silent."""
    since, at = silent_since or NOW - timedelta(hours=5), silent_since or NOW
    return SharedView(silent_since is not None, since, nodes, at)


class BrokenStore(MemoryStore):
    """A store that never answers a question."""

    async def run(self, run_id: str) -> RunRecord | None:
        raise StoreUnavailable("disk I/O error")

    async def ticks(self, job: str, **_: Any) -> Sequence[Any]:
        raise StoreUnavailable("disk I/O error")

    async def runs(self, wanted: RunFilter) -> Sequence[RunRecord]:
        raise StoreUnavailable("disk I/O error")

    async def audit(self, target: str | None = None, limit: int = 50) -> Sequence[AuditEntry]:
        raise StoreUnavailable("disk I/O error")

    async def skip_counts(self, since: datetime) -> dict[str, dict[str, int]]:
        raise StoreUnavailable("disk I/O error")

    async def usage(self, jobs: Sequence[str], most: int) -> dict[str, Sequence[Any]]:
        raise StoreUnavailable("disk I/O error")

    async def happened(self, window: Window) -> Happened:
        raise StoreUnavailable("disk I/O error")


class KeptStore(MemoryStore):
    """A store whose history is written by the test."""

    def __init__(self) -> None:
        super().__init__()
        self.uses: dict[str, list[RunUse]] = {}
        self.skips: dict[str, dict[str, int]] = {}
        self.skipped_at = NOW
        self.asked: list[Sequence[str]] = []

    async def usage(self, jobs: Sequence[str], most: int) -> dict[str, Sequence[RunUse]]:
        self.asked.append(jobs)
        return {job: self.uses[job] for job in jobs if job in self.uses}

    async def skip_counts(self, since: datetime) -> dict[str, dict[str, int]]:
        return self.skips if self.skipped_at >= since else {}


def hourly(
    first_s: float, last_s: float, *, days: float = 30, peak: int | None = 100 << 20, **facts: Any
) -> list[RunUse]:
    """Return runs of each hour until NOW that took evenly more, or less."""
    count, outcome = round(days * 24), facts.get("outcome", Outcome.SUCCESS)
    rise_s = (last_s - first_s) / count
    return [
        RunUse(NOW - timedelta(hours=count - n), outcome, first_s + rise_s * n, peak)
        for n in range(count + 1)
    ]


def accept(event: OperatorEvent) -> Reply:
    """Answer as a scheduler with room would."""
    run_ids = (event.run_id,) if isinstance(event, TriggerAsked) else ()
    return Accepted(event.request_id, run_ids)


@dataclass
class FakeNode:
    """See :class:`jobd.ports.Node`."""

    store: Store = field(default_factory=MemoryStore)
    views: dict[str, JobView] = field(default_factory=dict)
    asked: list[OperatorEvent] = field(default_factory=list)
    asked_at: list[str] = field(default_factory=list)  # the nodes to which wishes went
    shared: SharedView | None = None
    drain: Pause | None = None
    offset: timedelta = timedelta(0)
    pools: tuple[PoolView, ...] = ()
    drift: dict[str, Sequence[str]] = field(default_factory=dict)
    place: str | None = "app1"
    afar: JobdError | None = None  # what any other node's silence is told as
    on_ask: Callable[[OperatorEvent], Reply] = accept
    outputs: dict[tuple[str, int], bytes] = field(default_factory=dict)
    lost_middle: tuple[int, int] = (0, 0)  # of every output, from and to
    reload_result: ReloadResult = field(default_factory=ReloadResult)
    reloaded_by: str = ""
    waited_for: int = 0  # how often an end was
    readiness: tuple[bool, str] = (True, "")
    not_kept: str = ""  # why history is not kept
    enforcement: Enforcement = field(
        default_factory=lambda: Enforcement(
            "cgroup v1", "cgroup v1", "cgroup v1", "cgroup v1", "none", "no cgroup v2 here"
        )
    )
    hook_limits: HookLimits = field(
        default_factory=lambda: HookLimits(8, timedelta(seconds=20), 256 << 20, 100)
    )
    identity: Identity = field(
        default_factory=lambda: Identity(
            "app1", "0.1.0", 4711, NOW - timedelta(hours=3), "/etc/jobd/jobd.toml", "sqlite",
            "127.0.0.1:9746", "/run/jobd/jobd.sock",
        )
    )  # fmt: skip

    def now(self) -> datetime:
        return NOW

    def clock_offset(self) -> timedelta:
        return self.offset

    def job_names(self) -> Sequence[str]:
        return list(self.views)

    def view(self) -> NodeView:
        return NodeView(
            len(self.views), 0, 1, 0, 16, 200, is_stopping=False,
            is_draining=self.drain is not None, drain=self.drain,
            shared=self.shared, pools=self.pools,
        )  # fmt: skip

    def job_view(self, name: str) -> JobView | None:
        return self.views.get(name)

    def store_health(self) -> StoreHealth:
        return StoreHealth(True, self.not_kept, NOW, 0.0004)

    def shared_health(self) -> StoreHealth | None:
        if self.shared is None:
            return None
        trouble = "connection refused" if self.shared.is_silent else ""
        return StoreHealth(not self.shared.is_silent, trouble, self.shared.since, 0.0032)

    def nodes(self) -> Sequence[NodeSeen]:
        return self.shared.nodes if self.shared else ()

    async def config_drift(self) -> Mapping[str, Sequence[str]]:
        return self.drift

    def place_for(self, job: str) -> str | None:
        return self.place

    def is_ready(self) -> tuple[bool, str]:
        return self.readiness

    def config_state(self) -> tuple[bool, datetime]:
        return True, NOW - timedelta(hours=3)

    async def ask(self, event: OperatorEvent) -> Reply:
        self.asked.append(event)
        self.asked_at.append("app1")
        return self.on_ask(event)

    async def ask_at(self, node: str, event: TriggerAsked | DrainAsked) -> Reply:
        if self.afar is not None:
            raise self.afar
        self.asked.append(event)
        self.asked_at.append(node)
        return self.on_ask(event)

    async def reload(self, by: str) -> ReloadResult:
        self.reloaded_by = by
        return self.reload_result

    async def wait_ended(self, run_id: str, timeout: timedelta) -> RunRecord | None:
        self.waited_for += 1
        for _ in range(max(round(timeout / timedelta(milliseconds=10)), 1)):
            record = await self.store.run(run_id)
            if record is not None and record.ended_at is not None:
                return record
            await asyncio.sleep(0.01)  # the pause of a poll, which the timeout bounds
        return await self.store.run(run_id)

    async def read_output(
        self, record: RunRecord, attempt: int, offset: int, limit: int = 1 << 16
    ) -> OutputSlice:
        if self.afar is not None and record.node != "app1":
            raise self.afar
        whole = self.outputs.get((record.run_id, attempt), b"")
        lost_from, lost_to = self.lost_middle
        if lost_from <= offset < lost_to:
            data = whole[lost_to : lost_to + limit]
            return OutputSlice(data, lost_to + len(data), lost_to - offset)
        end = min(offset + limit, lost_from) if offset < lost_from else offset + limit
        data = whole[offset:end]
        return OutputSlice(data, offset + len(data))

    # What a scheduler would have done.

    def add(self, view: JobView) -> None:
        """Let the node know a job."""
        self.views[view.job.name] = view

    async def start_run(
        self,
        run_id: str,
        job: str = "backup",
        at: datetime = NOW,
        fire_time: datetime | None = None,
        params: tuple[tuple[str, str], ...] = (),
        node: str = "app1",
    ) -> None:
        """Claim and start a run; without a fire time, one by hand."""
        if job not in await self.store.enrol([Enrolment(job, "*")], at - timedelta(days=1)):
            raise AssertionError(job)
        trigger = Trigger.MANUAL if fire_time is None else Trigger.SCHEDULE
        demand = Demand(Overlap.ALLOW, 100)
        request = ClaimRequest(run_id, job, fire_time, trigger, demand, "uid 0 (root)", params)
        await self.store.claim([request], node, at)
        run = await self._active(run_id)
        await self.store.save_run(run, at)
        if job in self.views and node != "app1":
            view = self.views[job]
            elsewhere = (*view.elsewhere, run)
            self.views[job] = replace(view, state=JobState.ELSEWHERE, elsewhere=elsewhere)
        elif job in self.views:
            shown = RunView(run, RunState.RUNNING, at)
            view = self.views[job]
            self.views[job] = replace(view, state=JobState.RUNNING, runs=(*view.runs, shown))

    async def retry(self, run_id: str) -> None:
        """Let the attempt fail and the next one begin."""
        run = await self._active(run_id)
        record = await self.store.run(run_id)
        assert record is not None
        failed = EndedAttempt(
            run.attempt, run.node, record.started_at, NOW, Outcome.FAILURE, "", 4, None, 1 << 20
        )
        again = replace(run, attempt=run.attempt + 1, retried=followed(run.retried, failed))
        await self.store.save_run(again, NOW)

    async def end_run(self, run_id: str, outcome: Outcome = Outcome.SUCCESS, **facts: Any) -> None:
        """End a run three seconds after its start."""
        record = await self.store.run(run_id)
        assert record is not None
        ended_at = (record.started_at or record.claimed_at) + timedelta(seconds=3)
        facts = {"exit_code": 0, "duration_s": 3.0, "ended_at": ended_at, **facts}
        record = replace(record, outcome=outcome, **facts)
        await self.store.finish([Finish(record, None, 3.0)])
        view = self.views.get(record.job)
        if view is not None:
            left = tuple(shown for shown in view.runs if shown.run.run_id != run_id)
            self.views[record.job] = replace(view, state=JobState.SCHEDULED, runs=left)

    async def _active(self, run_id: str) -> Any:
        record = await self.store.run(run_id)
        assert record is not None
        memories = await self.store.enrol([Enrolment(record.job, "*")], NOW)
        return next(r for r in memories[record.job].active if r.run_id == run_id)


def waiting_view(run_id: str, job: str = "backup") -> WaitingView:
    """Return a manual run that waits for room."""
    return WaitingView(job, run_id, None, NOW, 0, "max_running")


@dataclass(frozen=True)
class Got:
    """A reply."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Served:
    """A fake node behind real listeners."""

    node: FakeNode
    listening: Listening
    loop: asyncio.AbstractEventLoop

    @property
    def path(self) -> str:
        return str(self.listening.socket)

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine where the node lives."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE_S)

    def connect(self, *, tcp: bool = False) -> socket.socket:
        """Return a connection to one of the listeners."""
        if tcp:
            assert self.listening.http is not None
            return socket.create_connection(self.listening.http, PATIENCE_S)
        unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        unix.settimeout(PATIENCE_S)
        unix.connect(self.path)
        return unix

    def request(
        self, method: str, path: str, body: Any = None, *, tcp: bool = False, **headers: str
    ) -> Got:
        """Return the reply to one request; a body that is no bytes is sent as JSON."""
        connection = http.client.HTTPConnection("localhost", timeout=PATIENCE_S)
        connection.sock = self.connect(tcp=tcp)
        try:
            raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
            connection.request(method, path, raw, headers)
            reply = connection.getresponse()
            names = {name.lower(): value for name, value in reply.getheaders()}
            return Got(reply.status, names, reply.read())
        finally:
            connection.close()

    def get(self, path: str, *, tcp: bool = False) -> Got:
        return self.request("GET", path, tcp=tcp)

    def post(self, path: str, body: Any = None) -> Got:
        return self.request("POST", path, body)


async def _metrics(request: web.Request) -> web.StreamResponse:
    return web.Response(text="jobd_up 1\n")


@contextmanager
def served(directory: Path) -> Iterator[Served]:
    """Serve a fake node with one job from a thread while the context lasts."""
    node = FakeNode()
    node.add(view_of(job_named()))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="fake node")
    thread.start()
    stack = serve(node, _metrics, socket=directory / "jobd.sock", http="127.0.0.1:0")
    try:
        enter = asyncio.run_coroutine_threadsafe(stack.__aenter__(), loop)
        yield Served(node, enter.result(PATIENCE_S), loop)
        leave = asyncio.run_coroutine_threadsafe(stack.__aexit__(None, None, None), loop)
        leave.result(PATIENCE_S)
        asyncio.run_coroutine_threadsafe(_end_the_rest(), loop).result(PATIENCE_S)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE_S)
        loop.close()


async def _end_the_rest() -> None:
    """End what still answers somebody who has left, as asyncio.run() does with the daemon's."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
