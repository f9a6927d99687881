"""Reload: all or nothing, per job, one at a time, and never the daemon's end."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from threading import get_ident
from typing import Any

import anyio
import pytest

from jobd.config.model import Config
from jobd.core.claim import ClaimRequest, Demand, Pause, Trigger
from jobd.core.events import Configured
from jobd.core.job import Overlap
from jobd.daemon import reload
from jobd.daemon.drained import text_of
from jobd.daemon.inbox import Inbox
from jobd.daemon.reload import Reloader, summary
from jobd.daemon.routes import Routes
from jobd.errors import StoreUnavailable
from jobd.store.memory import MemoryStore
from jobd.web.node import ReloadResult
from tests.daemon.fakes import (
    NOON,
    FakeClock,
    FakeMemory,
    FakeStore,
    Nowhere,
    finish_of,
    no_routes,
    run_of,
)
from tests.daemon.shared import SharedMemory

Write = Callable[..., Config]

A = '[jobs.a]\ncommand = "true"\nschedule = "30 2 * * *"\n'
B = '[jobs.b]\ncommand = "true"\nevery = "1h"\n'


class Desk:
    """A reloader, and what it told."""

    def __init__(self, config: Config, store: FakeStore, clock: FakeClock) -> None:
        self.store, self.inbox, self.clock = store, Inbox(), clock
        self.told: list[tuple[ReloadResult, str]] = []
        self.memory = FakeMemory()
        self.reloader = Reloader(
            config,
            store,
            None,
            self.memory,
            clock,
            self.inbox,
            no_routes(),
            lambda result, by: self.told.append((result, by)),
        )

    async def reload(self) -> ReloadResult:
        return await self.reloader.reload("uid 0 (root)")

    def configured(self) -> Configured:
        (event,) = self.inbox.take()
        assert isinstance(event, Configured)
        return event


@pytest.fixture
async def desk(write_config: Write, store: FakeStore, clock: FakeClock) -> Desk:
    desk = Desk(write_config(A + B), store, clock)
    await desk.reloader.at_start()
    clock.pass_time(60)
    return desk


async def test_a_reload_tells_what_was_added_changed_and_removed(
    desk: Desk, write_config: Write
) -> None:
    changed = A.replace("30 2", "31 2")
    write_config(f'{changed}[jobs.z]\ncommand = "true"\n[jobs.c]\ncommand = "true"\n')
    assert await desk.reload() == ReloadResult(("c", "z"), ("a",), ("b",))


async def test_a_file_that_did_not_change_changes_nothing(desk: Desk) -> None:
    assert await desk.reload() == ReloadResult()


async def test_moving_a_job_to_another_line_changes_nothing(
    desk: Desk, write_config: Write
) -> None:
    write_config(f"# a comment\n\n{B}{A}")
    assert await desk.reload() == ReloadResult()


@pytest.mark.parametrize("work", ["enrolments", "_that_begin_anew", "_is_same"])
async def test_what_goes_through_all_jobs_is_done_on_another_thread(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, work: str
) -> None:
    """With ten thousand jobs a claim would wait for a third of a second."""
    done_on, do = set[int](), getattr(reload, work)

    def noted(*jobs: Any) -> Any:
        done_on.add(get_ident())
        return do(*jobs)

    monkeypatch.setattr(reload, work, noted)
    await desk.reload()
    assert done_on
    assert get_ident() not in done_on


async def test_only_new_jobs_and_new_schedules_bring_their_memory(
    desk: Desk, write_config: Write
) -> None:
    """What did not change goes on from what the scheduler knows, which is newer."""
    write_config(
        A.replace('"true"', '"false"') + B.replace("1h", "2h") + '[jobs.c]\ncommand = "true"\n'
    )
    await desk.reload()
    event = desk.configured()
    assert (sorted(event.jobs), sorted(event.memories)) == (["a", "b", "c"], ["b", "c"])


async def test_a_new_schedule_owes_nothing_of_its_past(desk: Desk, write_config: Write) -> None:
    write_config(A.replace("30 2", "31 2") + B)
    await desk.reload()
    assert desk.configured().memories["a"].settled_until == NOON + timedelta(seconds=60)


@pytest.mark.parametrize(
    "change", ['timezone = "Europe/Berlin"', 'dst = { gap = "skip" }', "enabled = false"]
)
async def test_what_moves_a_schedule_s_ticks_begins_it_anew(
    desk: Desk, write_config: Write, change: str
) -> None:
    write_config(f"{A}{change}\n{B}")
    await desk.reload()
    assert list(desk.configured().memories) == ["a"]


async def test_a_job_that_was_disabled_owes_no_ticks_of_that_time(
    desk: Desk, write_config: Write
) -> None:
    write_config(f"{A}enabled = false\n{B}")
    await desk.reload()
    desk.configured()
    desk.clock.pass_time(86400)
    write_config(A + B)
    await desk.reload()
    assert desk.configured().memories["a"].settled_until == desk.clock.now()


def test_a_disabled_job_has_no_schedule_in_force(write_config: Write) -> None:
    jobs = write_config(f"{A}{B}enabled = false\n").jobs
    assert (bool(jobs["a"].schedule_identity), jobs["b"].schedule_identity) == (True, "")


async def test_a_bad_file_leaves_everything_as_it_was(desk: Desk) -> None:
    before = desk.reloader.config
    path = before.path
    path.write_text('[jobs.a]\ncommand = "true"\ntimeout = "5 min"\nnice = 99\n')
    result = await desk.reload()
    assert result.errors == (
        f'{path}:3: jobs.a.timeout: "5 min" is no duration; write "5m"',
        f"{path}:4: jobs.a.nice: 99 is too large; write 19 or less",
    )
    assert (desk.inbox.take(), desk.reloader.config, desk.reloader.was_good) == ([], before, False)


async def test_a_file_that_is_gone_is_no_configuration_without_jobs(desk: Desk) -> None:
    desk.reloader.config.path.unlink()
    result = await desk.reload()
    assert "does not exist" in result.errors[0]
    assert desk.inbox.is_empty


async def test_the_last_good_one_is_remembered_over_bad_ones(
    desk: Desk, write_config: Write
) -> None:
    await desk.reload()
    good = desk.clock.now()
    desk.clock.pass_time(60)
    desk.reloader.config.path.write_text("nonsense")
    await desk.reload()
    assert (desk.reloader.was_good, desk.reloader.last_good) == (False, good)
    write_config(A)
    await desk.reload()
    assert (desk.reloader.was_good, desk.reloader.last_good) == (True, desk.clock.now())


async def test_a_store_that_does_not_answer_refuses_the_reload(
    desk: Desk, write_config: Write
) -> None:
    """It must not end the daemon, whose running jobs are its own."""
    write_config(A)
    desk.store.is_down = True
    result = await desk.reload()
    assert result.errors == ("the store does not answer, try again later: the disk is gone",)
    assert (sorted(desk.reloader.config.jobs), desk.inbox.take()) == (["a", "b"], [])


async def test_what_was_refused_for_the_store_s_sake_works_later(
    desk: Desk, write_config: Write
) -> None:
    write_config(A)
    desk.store.is_down = True
    await desk.reload()
    desk.store.is_down = False
    assert (await desk.reload()).removed == ("b",)


async def test_an_audit_line_that_cannot_be_kept_fails_no_reload(desk: Desk) -> None:
    desk.reloader._tell = lambda *_: setattr(desk.store, "is_down", True)
    assert not (await desk.reload()).errors
    assert desk.store.calls[-1] == "note"


async def test_who_reloaded_is_kept_and_told(desk: Desk, write_config: Write) -> None:
    write_config(A)
    result = await desk.reload()
    (entry,) = await desk.store.audit()
    kept = (entry.by, entry.action, entry.target, entry.detail)
    assert kept == ("uid 0 (root)", "reload", "", "1 removed")
    assert desk.told == [(result, "uid 0 (root)")]


@pytest.mark.parametrize(
    ("head", "key"),
    [
        ('http = ""', "daemon.http"),
        ('socket = "/run/other.sock"', "daemon.socket"),
        ('labels = ["x"]', "daemon.labels"),
    ],
)
async def test_what_waits_for_a_restart_is_told_until_it_is_taken_back(
    desk: Desk, write_config: Write, head: str, key: str
) -> None:
    warning = f"{key} has changed; it takes effect at the next start"
    write_config(A + B, daemon=head)
    assert [(await desk.reload()).warnings, (await desk.reload()).warnings] == [(warning,)] * 2
    write_config(A + B)
    assert (await desk.reload()).warnings == ()


async def test_what_changes_the_leases_waits_for_a_restart(desk: Desk, write_config: Write) -> None:
    """Leases that were granted for so long are counted by their holders for so long."""
    write_config(A + B + '[store]\nlease_ttl = "2m"\n')
    warning = "store.lease_ttl has changed; it takes effect at the next start"
    assert (await desk.reload()).warnings == (warning,)
    write_config(A + B)
    assert (await desk.reload()).warnings == ()


async def test_another_store_waits_for_a_restart_and_its_password_is_not_told(
    desk: Desk, write_config: Write
) -> None:
    write_config(A + B + '[store]\nurl = "postgresql://u:hunter2@h/d"\n')
    warning = "store.url has changed; it takes effect at the next start"
    result = await desk.reload()
    assert warning in result.warnings
    assert "hunter2" not in repr(result)


async def test_two_reloads_at_once_go_one_after_the_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    under_way, most = 0, 0
    original = desk.reloader._reload

    async def counted() -> ReloadResult:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            return await original()
        finally:
            under_way -= 1

    monkeypatch.setattr(desk.reloader, "_reload", counted)
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(desk.reload)
    assert (most, len(desk.told)) == (1, 3)


async def test_a_run_that_ends_during_a_reload_does_not_come_back_to_life(
    desk: Desk, write_config: Write
) -> None:
    """The store still has it while its end is on the way; held for active again, its job
    would never run any more."""
    await _start_run(desk.store, "b")
    write_config(A)
    await desk.reload()
    assert desk.configured().orphans == ()
    write_config(A + B)
    await desk.reload()
    assert desk.configured().memories["b"].active == ()


async def test_at_the_start_runs_of_the_daemon_before_are_taken_over(
    desk: Desk, write_config: Write
) -> None:
    await _start_run(desk.store, "a")
    await _start_run(desk.store, "b")
    event = await Desk(write_config(A), desk.store, desk.clock).reloader.at_start()
    assert [run.run_id for run in event.memories["a"].active] == ["run-a"]
    assert [run.run_id for run in event.orphans] == ["run-b"]


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (ReloadResult(), "nothing changed"),
        (ReloadResult(added=("a", "b"), removed=("c",)), "2 added, 1 removed"),
        (ReloadResult(changed=("a",)), "1 changed"),
    ],
)
def test_a_reload_is_summed_up_in_words(result: ReloadResult, words: str) -> None:
    assert summary(result) == words


# -- with a store that nodes share -----------------------------------------------------

CLUSTER = 'url = "postgresql://jobd@db/jobd"\n'
OWN = '[jobs.own]\ncommand = "true"\nscope = "node"\nevery = "1h"\n'
ALL = '[jobs.all]\ncommand = "true"\nscope = "cluster"\nevery = "1h"\n'


class ClusterDesk:
    """A reloader of a node that shares its store."""

    def __init__(self, write_config: Write, jobs: str = OWN + ALL) -> None:
        self.write = lambda jobs: write_config(jobs, store=CLUSTER)
        self.clock, self.local, self.inbox = FakeClock(), FakeStore(), Inbox()
        self.whole = MemoryStore(timedelta(seconds=30), self.clock.now)
        self.shared = SharedMemory(self.whole)
        self.memory = FakeMemory()
        self.routes = Routes(Nowhere(), Nowhere())
        self.reloader = self.made(self.write(jobs))

    def made(self, config: Config) -> Reloader:
        """Return the reloader of a daemon that starts with a configuration."""
        return Reloader(
            config,
            self.local,
            self.shared,
            self.memory,
            self.clock,
            self.inbox,
            self.routes,
            lambda *_: None,
        )

    def configured(self) -> list[Configured]:
        """Return what was put in force."""
        return [event for event in self.inbox.take() if isinstance(event, Configured)]

    async def reload(self, jobs: str) -> ReloadResult:
        self.write(jobs)
        return await self.reloader.reload("anna")


@pytest.fixture
def cluster(write_config: Write) -> ClusterDesk:
    return ClusterDesk(write_config)


async def test_each_job_is_enrolled_at_the_store_that_decides_it(cluster: ClusterDesk) -> None:
    event = await cluster.reloader.at_start()
    assert sorted(event.memories) == ["all", "own"]
    assert (sorted(cluster.local._all.jobs), sorted(cluster.whole._all.jobs)) == (["own"], ["all"])


async def test_a_store_that_is_away_leaves_the_cluster_s_jobs_out(cluster: ClusterDesk) -> None:
    cluster.shared.is_down = True
    event = await cluster.reloader.at_start()
    assert (list(event.jobs), list(event.memories)) == (["own"], ["own"])
    assert list(event.unreached) == ["all"]


async def test_a_store_that_fails_half_way_leaves_them_out_as_well(cluster: ClusterDesk) -> None:
    cluster.shared.answers_after = lambda: setattr(cluster.shared, "is_down", True)
    event = await cluster.reloader.at_start()
    assert list(event.jobs) == ["own"]


async def test_when_the_store_is_back_they_are_put_in_force(cluster: ClusterDesk) -> None:
    cluster.shared.is_down = True
    await cluster.reloader.at_start()
    cluster.shared.is_down = False
    await cluster.reloader.join()
    (event,) = cluster.configured()
    assert (sorted(event.jobs), list(event.memories)) == (["all", "own"], ["all"])
    assert not event.unreached


async def test_a_node_joins_once(cluster: ClusterDesk) -> None:
    await cluster.reloader.at_start()
    await cluster.reloader.join()
    assert cluster.configured() == []


async def test_nothing_is_joined_before_the_start(cluster: ClusterDesk) -> None:
    """The first beat comes before the first configuration."""
    await cluster.reloader.join()
    assert (cluster.configured(), cluster.shared.calls) == ([], [])


async def test_a_join_that_fails_is_told_to_who_tries_again(cluster: ClusterDesk) -> None:
    cluster.shared.is_down = True
    await cluster.reloader.at_start()
    with pytest.raises(StoreUnavailable):
        await cluster.reloader.join()
    assert cluster.configured() == []


async def test_a_reload_before_the_join_joins_first(cluster: ClusterDesk) -> None:
    """Of the cluster's jobs nothing is remembered yet: none may be put in force without."""
    cluster.shared.is_down = True
    await cluster.reloader.at_start()
    cluster.shared.is_down = False
    await cluster.reload(OWN + ALL + B)
    first, second = cluster.configured()
    assert (list(first.memories), list(second.memories)) == (["all"], ["b"])


async def test_a_reload_while_the_store_is_away_is_refused(cluster: ClusterDesk) -> None:
    await cluster.reloader.at_start()
    cluster.shared.is_down = True
    result = await cluster.reload(OWN)
    assert result.errors == ("the store does not answer, try again later: connection refused",)


async def test_a_join_during_a_reload_puts_nothing_old_in_force(cluster: ClusterDesk) -> None:
    cluster.shared.is_down = True
    await cluster.reloader.at_start()
    cluster.shared.is_down = False
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(cluster.reload, OWN + ALL + B)
        tasks.start_soon(cluster.reloader.join)
    assert "b" in cluster.configured()[-1].jobs


async def test_a_node_that_was_forgotten_enrols_again(cluster: ClusterDesk) -> None:
    """What its jobs are to be is known to the scheduler; that they are, only to the store."""
    await cluster.reloader.at_start()
    cluster.reloader.forgotten()
    for _ in range(2):
        await cluster.reloader.join()
    assert len(cluster.shared.asked("enrol")) == 2
    assert cluster.configured() == []


async def test_a_node_that_was_forgotten_tries_until_it_is_enrolled(cluster: ClusterDesk) -> None:
    await cluster.reloader.at_start()
    cluster.reloader.forgotten()
    cluster.shared.fails_next = 1
    with pytest.raises(StoreUnavailable):
        await cluster.reloader.join()
    await cluster.reloader.join()
    assert len(cluster.shared.asked("enrol")) == 3


async def test_a_node_that_is_forgotten_while_it_enrols_does_so_once_more(
    cluster: ClusterDesk,
) -> None:
    """The beat that says so may have come after."""
    await cluster.reloader.at_start()
    cluster.reloader.forgotten()
    cluster.shared.answers_after = cluster.reloader.forgotten
    await cluster.reloader.join()
    cluster.shared.answers_after = lambda: None
    await cluster.reloader.join()
    assert len(cluster.shared.asked("enrol")) == 3


async def test_runs_of_the_cluster_s_jobs_that_have_left_are_taken_back(
    cluster: ClusterDesk,
) -> None:
    await cluster.reloader.at_start()
    wish = ClaimRequest("r1", "all", None, Trigger.MANUAL, Demand(Overlap.SKIP))
    await cluster.shared.view.claim([wish], "app1", NOON)
    again = cluster.reloader
    again.config = cluster.write(OWN)
    event = await again.at_start()
    assert [run.run_id for run in event.orphans] == ["r1"]
    assert cluster.routes.is_shared("all")


@pytest.mark.parametrize("jobs", [OWN + ALL, OWN])
async def test_a_run_whose_end_waits_in_the_outbox_is_not_taken_back(
    cluster: ClusterDesk, jobs: str
) -> None:
    """The supervisor has forgotten it: held for one that was never executed, it would start
    again."""
    await cluster.reloader.at_start()
    wish = ClaimRequest("r1", "all", None, Trigger.MANUAL, Demand(Overlap.SKIP))
    (granted,) = await cluster.shared.view.claim([wish], "app1", NOON)
    await cluster.memory.post([finish_of(run_of("all", "r1", token=granted.token))])
    cluster.reloader.config = cluster.write(jobs)
    event = await cluster.reloader.at_start()
    active = [run for memory in event.memories.values() for run in memory.active]
    assert [*active, *event.orphans] == []


async def test_a_run_that_has_gone_on_elsewhere_is_not_that_which_ended_here(
    cluster: ClusterDesk,
) -> None:
    await cluster.reloader.at_start()
    wish = ClaimRequest("r1", "all", None, Trigger.MANUAL, Demand(Overlap.SKIP))
    (granted,) = await cluster.whole.at("app2").claim([wish], "app2", NOON)
    await cluster.memory.post([finish_of(run_of("all", "r1", token=granted.token - 1))])
    event = await cluster.reloader.at_start()
    assert [run.node for run in event.memories["all"].active] == ["app2"]


async def test_another_name_is_not_this_node_s_before_a_restart(cluster: ClusterDesk) -> None:
    """Its own runs are not told as another's meanwhile."""
    first = cluster.reloader.config
    here = replace(first, daemon=replace(first.daemon, node="app1"))
    reloader = cluster.made(here)
    await reloader.at_start()
    wish = ClaimRequest("r1", "all", None, Trigger.MANUAL, Demand(Overlap.SKIP))
    await cluster.whole.at("app1").claim([wish], "app1", NOON)
    renamed = replace(here, daemon=replace(here.daemon, node="app9"))
    event = await reloader.configured(renamed, {})
    assert event.memories["all"].active == ()


async def test_a_drain_is_remembered_over_a_start(cluster: ClusterDesk) -> None:
    drain = Pause("anna", NOON, "new kernel")
    cluster.memory.facts["drain"] = text_of(drain) or ""
    assert (await cluster.reloader.at_start()).drain == drain


async def test_two_nodes_of_one_configuration_have_the_same_digest(
    cluster: ClusterDesk, write_config: Write
) -> None:
    assert ClusterDesk(write_config).reloader.digest == cluster.reloader.digest != ""


async def test_a_reload_changes_the_digest(cluster: ClusterDesk) -> None:
    await cluster.reloader.at_start()
    before = cluster.reloader.digest
    await cluster.reload(OWN + ALL.replace("1h", "2h"))
    assert cluster.reloader.digest != before


async def _start_run(store: FakeStore, job: str) -> Any:
    wish = ClaimRequest(f"run-{job}", job, None, Trigger.MANUAL, Demand(Overlap.SKIP))
    return await store.claim([wish], "app1", NOON)
