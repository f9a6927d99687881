"""A made-up node for the tests of telemetry: jobs, their views, and a clock that stands still."""

import asyncio
import gzip
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families as text_families

from jobd.core import effects as fx
from jobd.core import events as ev
from jobd.core.claim import (
    ActiveRun,
    ClaimDenied,
    ClaimGranted,
    ClaimRequest,
    Demand,
    JobMemory,
    Trigger,
)
from jobd.core.job import Command, Job, Overlap
from jobd.core.ledger import Skip, SkipReason, TickRange
from jobd.core.outcome import Outcome
from jobd.core.run import Finish, RunRecord
from jobd.core.schedule import CronSchedule
from jobd.core.view import JobState, JobView, NodeView
from jobd.telemetry.exposition import Exposition
from jobd.telemetry.metrics import Telemetry

NOW = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
IDLE = NodeView(
    jobs=1, paused=0, running=0, waiting=0, max_running=16, max_waiting=200, is_stopping=False
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def make() -> type["Make"]:
    return Make


@pytest.fixture(scope="session")
def new_node() -> type["MadeUpNode"]:
    return MadeUpNode


@pytest.fixture
def node() -> "MadeUpNode":
    return MadeUpNode()


class Make:
    """Makes what passes through a scheduler. The job is ``backup``, the run ``r1``."""

    NOW = NOW
    SECRET = "hunter2"  # in every command and environment; nothing may ever show it

    @classmethod
    def job(cls, name: str = "backup", **changes: Any) -> Job:
        schedule: Any = CronSchedule.parse("*/10 * * * *", job=name, timezone="UTC")
        command = Command(("pg_dump", cls.SECRET), env=(("PASSWORD", cls.SECRET),))
        return Job(**{"name": name, "command": command, "schedule": schedule, **changes})

    @staticmethod
    def run(run_id: str = "r1", job: str = "backup", **changes: Any) -> ActiveRun:
        facts = {"node": "app1", "token": 7, "fire_time": NOW, "trigger": Trigger.SCHEDULE}
        return ActiveRun(run_id=run_id, job=job, **{**facts, "claimed_at": NOW, **changes})

    @staticmethod
    def request(run_id: str = "r1", job: str = "backup", **changes: Any) -> ClaimRequest:
        facts = {"fire_time": NOW, "trigger": Trigger.SCHEDULE, "demand": Demand(Overlap.SKIP)}
        return ClaimRequest(run_id=run_id, job=job, **{**facts, **changes})

    @classmethod
    def granted(cls, run_id: str = "r1", job: str = "backup", **changes: Any) -> ev.ClaimsDecided:
        request = cls.request(run_id, job, **changes)
        return ev.ClaimsDecided((ClaimGranted(request, token=7, claimed_at=NOW),))

    @classmethod
    def manual(cls, run_id: str = "r1") -> ev.ClaimsDecided:
        return cls.granted(run_id, fire_time=None, trigger=Trigger.MANUAL)

    @classmethod
    def denied(
        cls, reason: SkipReason | None, *, settled: bool, blocker: Any = None, **changes: Any
    ) -> ev.ClaimsDecided:
        request = cls.request(**changes)
        return ev.ClaimsDecided((ClaimDenied(request, reason, settled, blocker),))

    @staticmethod
    def skipped(
        reason: SkipReason, count: int = 1, job: str = "backup", **changes: Any
    ) -> ev.SkipsRecorded:
        last = NOW + timedelta(minutes=10) * max(count - 1, 0)
        return ev.SkipsRecorded((Skip(TickRange(job, NOW, last, count), reason, **changes),))

    @staticmethod
    def finish(
        outcome: Outcome = Outcome.SUCCESS,
        run_id: str = "r1",
        job: str = "backup",
        *,
        will_retry: bool = False,
        **changes: Any,
    ) -> fx.FinishRun:
        facts = {"node": "app1", "token": 7, "trigger": Trigger.SCHEDULE, "fire_time": NOW}
        record = RunRecord(
            run_id=run_id, job=job, outcome=outcome, **{**facts, "claimed_at": NOW, **changes}
        )
        return fx.FinishRun(Finish(record, None, None), will_retry)


class Samples:
    """What a page of metrics says."""

    def __init__(self, page: str) -> None:
        self._found: dict[str, list[Any]] = {}
        for family in text_families(page):
            for sample in family.samples:
                self._found.setdefault(sample.name, []).append(sample)

    def value(self, name: str, **labels: str) -> float:
        """Return the value of the one series that has these labels among its own."""
        values = [
            sample.value for sample in self._found[name] if labels.items() <= sample.labels.items()
        ]
        assert len(values) == 1, f"{len(values)} series of {name} match {labels}"
        return values[0]

    def total(self, name: str, **labels: str) -> float:
        """Return the sum over the series that have these labels among their own."""
        return sum(
            sample.value for sample in self._found[name] if labels.items() <= sample.labels.items()
        )

    def names(self) -> set[str]:
        return set(self._found)

    def labels(self, name: str) -> list[dict[str, str]]:
        return [sample.labels for sample in self._found.get(name, [])]


@dataclass
class MadeUpNode:
    """Stands for the scheduler: what it would answer, free to be changed by a test."""

    views: dict[str, JobView] = field(default_factory=dict)
    now: datetime = NOW
    jitter: timedelta = timedelta(seconds=3)
    asked: list[str] = field(default_factory=list)  # jobs whose view was asked for
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)
    figures: NodeView = IDLE
    warned: list[str] = field(default_factory=list)  # of overlaps in a row

    def __post_init__(self) -> None:
        self.telemetry = Telemetry(
            lambda job, fire: fire + self.jitter,
            lambda: self.figures,
            lambda job, in_a_row: self.warned.append(job),
        )
        self.exposition = Exposition(self.telemetry, self.job_view, lambda: self.now)
        self.configure(Make.job())

    def configure(self, *jobs: Job) -> None:
        """Put exactly these jobs in force."""
        old = self.views
        self.views = {
            job.name: replace(old[job.name], job=job) if job.name in old else _at_rest(job)
            for job in jobs
        }
        self.observe(ev.Configured({job.name: job for job in jobs}, {}, 16, 200))

    def observe(self, event: ev.Event, *effects: fx.Effect) -> None:
        self.telemetry.observe(event, effects, self.now)

    def job_view(self, name: str) -> JobView | None:
        self.asked.append(name)
        self.was_asked.set()
        return self.views.get(name)

    def show(self, name: str = "backup", **changes: Any) -> None:
        """Change what the scheduler knows of a job."""
        self.views[name] = replace(self.views[name], **changes)

    async def page(self, accept: str = "", encoding: str = "") -> str:
        _, body = self.exposition.render(accept, encoding)
        received = b"".join([chunk async for chunk in body])
        return (gzip.decompress(received) if encoding else received).decode()

    async def samples(self) -> Samples:
        return Samples(await self.page())

    async def openmetrics(self) -> list[Any]:
        return list(openmetrics_families(await self.page("application/openmetrics-text")))


def _at_rest(job: Job) -> JobView:
    return JobView(
        job=job,
        state=JobState.SCHEDULED,
        memory=JobMemory(job.name, NOW),
        next_fire=NOW + timedelta(minutes=10),
        next_due=NOW + timedelta(minutes=10, seconds=3),
        interval=timedelta(minutes=10),
        start_deadline=timedelta(minutes=5),
        runs=(),
        waiting=(),
        pause=None,
        utilization=None,
    )
