"""A node on a bad day: something of everything that a page can show."""

from dataclasses import replace
from datetime import timedelta

from jobd.core.claim import ActiveRun, JobMemory, Pause, Trigger
from jobd.core.job import Pool, Scope
from jobd.core.run import RunState
from jobd.core.said import Said
from jobd.core.view import JobState, JobView, PoolView, RunView, WaitingView
from tests.web.fake_node import NOW, FakeNode, job_named, seen, shared_by, view_of

MINUTE = timedelta(minutes=1)
DATABASE = Pool("database", 1)


def bad_day(node: FakeNode) -> None:
    """Let a node of a cluster have all that can be shown."""
    for view in (_failing(), _running(), _elsewhere(), _waiting(), _paused(), _slow()):
        node.add(view)
    node.pools = (PoolView("database", 1, 1, Scope.CLUSTER),)
    node.drain = Pause("uid 0 (root)", NOW - 5 * MINUTE, "new kernel")
    node.offset = timedelta(seconds=-3)
    node.shared = shared_by(
        seen("app1"), seen("app2", digest="d2"), seen("app3", ago_s=600), seen("app4")
    )


def failing(name: str) -> JobView:
    """Return a job whose last run went wrong."""
    memory = JobMemory(
        name,
        settled_until=NOW,
        last_outcome="oom",
        last_ended=NOW - MINUTE,
        last_duration=timedelta(seconds=3),
        last_success=NOW - 90 * MINUTE,
        smoothed_duration_s=3.0,
        memory_peak_bytes=500 << 20,
    )
    about = replace(job_named().about, description=f"What {name} does", owner="team-a", tags=("x",))
    return view_of(job_named(name, about=about), memory=memory)


def _run(job: str, node: str = "app1") -> ActiveRun:
    since, until = NOW - 10 * MINUTE, NOW + MINUTE
    return ActiveRun(
        f"run-of-{job}", job, node, 7, since, Trigger.SCHEDULE, since, lease_until=until
    )


def _failing() -> JobView:
    return failing("export-invoices")


def _running() -> JobView:
    said = Said(status="importing orders", progress=0.42)
    shown = RunView(_run("import-orders"), RunState.RUNNING, NOW - 10 * MINUTE, said)
    memory = JobMemory("import-orders", settled_until=NOW, smoothed_duration_s=60.0)
    job = job_named("import-orders", pool=DATABASE)
    return view_of(job, state=JobState.RUNNING, runs=(shown,), memory=memory)


def _elsewhere() -> JobView:
    run = _run("import-stock", "app2")
    return view_of(job_named("import-stock"), state=JobState.RUNNING, elsewhere=(run,))


def _waiting() -> JobView:
    waits = WaitingView("import-prices", "r9", NOW - MINUTE, NOW - MINUTE, 0, "pool")
    job = job_named("import-prices", pool=DATABASE)
    return view_of(job, state=JobState.WAITING, waiting=(waits,))


def _paused() -> JobView:
    pause = Pause("uid 1000 (ann)", NOW - MINUTE, "moving house", NOW + 60 * MINUTE)
    return view_of(job_named("mail"), state=JobState.PAUSED, pause=pause)


def _slow() -> JobView:
    return view_of(job_named("run-periodic"), utilization=0.93)
