"""A fake node of which there is something to say."""

from dataclasses import replace
from datetime import timedelta

from jobd.core.claim import JobMemory, Pause
from jobd.core.hooks import Hook, Hooks
from jobd.core.job import Pool, Scope
from jobd.core.ledger import Skip, SkipReason, TickRange
from jobd.core.outcome import Outcome
from jobd.core.said import Said, StepTime
from jobd.core.view import PoolView
from jobd.ports import AuditEntry
from tests.web.fake_node import (
    NOW,
    FakeNode,
    KeptStore,
    hourly,
    job_named,
    seen,
    shared_by,
    view_of,
    waiting_view,
)  # fmt: skip


async def fill(node: FakeNode) -> None:
    """Let the node have a past, neighbours, and something under nearly every key."""
    store = node.store = KeptStore()
    store.uses = {
        "backup": hourly(100, 290),
        "nightly": hourly(900, 900, peak=None),
    }
    store.skips = {"backup": {"overlap": 3}}
    node.shared = shared_by(seen("app1"), seen("app2", digest="d2"), seen("app3", ago_s=999))
    node.drift = {"app2": ("backup",)}
    node.pools = (PoolView("database", 2, 1, Scope.CLUSTER),)
    pause = Pause("uid 0 (root)", NOW - timedelta(hours=1), "deploy", NOW + timedelta(hours=1))
    node.drain = pause
    pool = Pool("database", 2)
    node.add(view_of(job_named("backup", pool=pool, hooks=Hooks(on_failure=Hook(argv=("a",))))))
    node.add(view_of(job_named("manual", schedule=None), next_fire=None, next_due=None))
    await node.start_run("aaaa1111", at=NOW.replace(minute=15), fire_time=NOW.replace(minute=15))
    await node.start_run("bbbb2222", params=(("table", "orders"),))
    await node.retry("bbbb2222")
    await node.end_run(
        "bbbb2222", Outcome.FAILURE, exit_code=3, cpu_s=0.5, memory_peak_bytes=1 << 20,
        steps=(StepTime("load", 1.5),),
    )  # fmt: skip
    await node.start_run("cccc3333", node="app2")
    ticks = TickRange("backup", NOW.replace(minute=0), NOW.replace(minute=0), 1)
    await store.skip([Skip(ticks, SkipReason.OVERLAP, "", "aaaa1111")], "app1", NOW)
    await store.note(AuditEntry(NOW, "uid 0 (root)", "pause", "backup", "deploy"))
    view = node.views["backup"]
    said = Said("loading", 0.5, "load", NOW)
    memory = JobMemory(
        "backup", settled_until=NOW, last_started=NOW, last_ended=NOW, last_outcome="failure",
        last_success=NOW, last_duration=timedelta(seconds=3), smoothed_duration_s=3.0,
        smoothed_lasted_s=3.0, memory_peak_bytes=1 << 20, rest_until=NOW, skip_next=pause,
    )  # fmt: skip
    runs = tuple(replace(shown, said=said) for shown in view.runs)
    waiting = (waiting_view("dddd4444"),)
    node.add(replace(view, pause=pause, memory=memory, waiting=waiting, runs=runs))
    node.outputs = {("aaaa1111", 1): b"hello"}
