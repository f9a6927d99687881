"""Nodes, pools, drains and triggers elsewhere, as JSON; and the truth while the store is silent."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jobd.core.claim import Pause
from jobd.core.events import DrainAsked, TriggerAsked
from jobd.core.job import Pool, Scope
from jobd.core.ledger import Skip, SkipReason, TickRange
from jobd.core.view import PoolView, WaitingView
from jobd.errors import NodeUnavailable, OutputGone
from jobd.store.memory import MemoryStore
from tests.web.fake_node import (
    NOW,
    BrokenStore,
    FakeNode,
    Served,
    job_named,
    seen,
    shared_by,
    view_of,
)

NODE_KEYS = """differing_jobs labels load max_running node running same_config seen_ago_s seen_at
started_at state version"""
SHARED_JOB = job_named(scope=Scope.CLUSTER)


@pytest.fixture
def cluster(node: FakeNode) -> FakeNode:
    """Return app1 of a cluster of three; app3 has not been heard of for minutes."""
    node.identity = replace(node.identity, store="postgresql")
    node.shared = shared_by(seen("app1"), seen("app2", is_draining=True), seen("app3", ago_s=190))
    node.add(view_of(SHARED_JOB))
    return node


def nodes_of(server: Served, *, tcp: bool = False) -> dict[str, Any]:
    return {one["node"]: one for one in server.get("/api/v1/nodes", tcp=tcp).json["nodes"]}


def test_every_node_is_listed_with_its_state(server: Served, cluster: FakeNode) -> None:
    states = {name: one["state"] for name, one in nodes_of(server).items()}
    assert states == {"app1": "up", "app2": "draining", "app3": "gone"}


def test_a_node_that_leaves_is_said_to(server: Served, cluster: FakeNode) -> None:
    cluster.shared = shared_by(seen("app1"), seen("app2", is_leaving=True))
    assert nodes_of(server)["app2"]["state"] == "leaving"


def test_the_keys_of_a_node_are_stable(server: Served, cluster: FakeNode) -> None:
    assert sorted(nodes_of(server)["app1"]) == sorted(NODE_KEYS.split())


def test_the_keys_of_the_answers_are_stable(server: Served, cluster: FakeNode) -> None:
    keys = {path: sorted(server.get(f"/api/v1/{path}").json) for path in ("nodes", "pools", "runs")}
    assert keys == {
        "nodes": ["as_of", "clustered", "node", "nodes", "now", "silent_since", "store"],
        "pools": ["clustered", "node", "now", "pools", "silent"],
        "runs": ["now", "runs", "several_nodes", "trouble"],
    }


def test_following_a_run_elsewhere_ends_in_time(server: Served, cluster: FakeNode) -> None:
    """Each look at another node takes a second or more; the client waits for half a minute."""
    server.call(cluster.start_run("aaaa1111", node="app2"))
    got = server.get("/api/v1/runs/aaaa1111/output?follow=1")
    assert (got.status, got.body, got.headers["x-jobd-complete"]) == (200, b"", "false")


def test_a_lone_node_has_the_same_keys(server: Served, node: FakeNode) -> None:
    document = server.get("/api/v1/nodes").json
    assert (document["clustered"], document["store"]) == (False, "sqlite")
    assert sorted(document["nodes"][0]) == sorted(NODE_KEYS.split())


def test_a_drift_names_its_jobs(server: Served, cluster: FakeNode) -> None:
    cluster.shared = shared_by(seen("app1"), seen("app2", digest="d2"))
    cluster.drift = {"app2": ["backup"]}
    shown = nodes_of(server)["app2"]
    assert (shown["same_config"], shown["differing_jobs"]) == (False, ["backup"])


def test_anybody_s_question_does_not_make_nodes_ask_each_other(
    server: Served, cluster: FakeNode
) -> None:
    """Over TCP it is said that there is a drift, without asking in what."""
    cluster.shared = shared_by(seen("app1"), seen("app2", digest="d2"))
    cluster.drift = {"app2": ["backup"]}
    shown = nodes_of(server, tcp=True)["app2"]
    assert (shown["same_config"], shown["differing_jobs"]) == (False, [])


def differs_on(server: Served, job: str, *, tcp: bool = False) -> Any:
    return server.get(f"/api/v1/jobs/{job}", tcp=tcp).json["differs_on"]


def test_a_job_says_where_it_is_defined_otherwise(server: Served, cluster: FakeNode) -> None:
    """Which node runs it decides what it does: whoever looks at one of them has to know."""
    others = (seen("app2", digest="d2"), seen("app3", digest="d3"), seen("app4", digest="d4"))
    cluster.shared = shared_by(seen("app1"), *others)
    cluster.drift = {"app2": [SHARED_JOB.name], "app3": ["another"], "app4": []}
    assert differs_on(server, SHARED_JOB.name) == [
        {"node": "app2", "sure": True},
        {"node": "app4", "sure": False},
    ]


def test_over_tcp_a_job_says_where_it_may_differ(server: Served, cluster: FakeNode) -> None:
    cluster.shared = shared_by(seen("app1"), seen("app2", digest="d2"))
    cluster.drift = {"app2": ["another"]}
    assert differs_on(server, SHARED_JOB.name, tcp=True) == [{"node": "app2", "sure": False}]


def test_what_a_dead_node_was_configured_with_is_not_said(
    server: Served, cluster: FakeNode
) -> None:
    cluster.shared = shared_by(seen("app1"), seen("app2", digest="d2", ago_s=190))
    assert differs_on(server, SHARED_JOB.name) == []


def test_a_job_of_each_node_s_own_differs_nowhere(server: Served, cluster: FakeNode) -> None:
    cluster.add(view_of(job_named("own", scope=Scope.NODE)))
    cluster.shared = shared_by(seen("app1"), seen("app2", digest="d2"))
    assert differs_on(server, "own") == []


def test_nobody_grows_older_while_the_store_is_silent(server: Served, cluster: FakeNode) -> None:
    """Nobody can know who is up; what was last known is shown, and when that was."""
    since = NOW - timedelta(minutes=3)
    heard = replace(seen("app2"), seen_at=since - timedelta(seconds=1))
    cluster.shared = shared_by(heard, silent_since=since)
    document = server.get("/api/v1/nodes").json
    assert document["silent_since"] == document["as_of"] == "2026-11-23T10:17:00Z"
    assert document["nodes"][0]["state"] == "up"


def test_pools_say_how_full_they_are_and_who_waits_here(server: Served, node: FakeNode) -> None:
    waiting = WaitingView("backup", "beef", NOW, NOW, 0, "pool")
    node.add(view_of(job_named(pool=Pool("database", 2)), waiting=(waiting,)))
    node.pools = (PoolView("database", 2, 2, Scope.CLUSTER), PoolView("disk", 1, 0, Scope.NODE))
    assert server.get("/api/v1/pools", tcp=True).json["pools"] == [
        {"pool": "database", "scope": "cluster", "size": 2, "taken": 2, "waiting_here": 1},
        {"pool": "disk", "scope": "node", "size": 1, "taken": 0, "waiting_here": 0},
    ]


def test_the_status_tells_of_the_shared_store(server: Served, cluster: FakeNode) -> None:
    assert server.get("/api/v1/status").json["shared"] == {
        "kind": "postgresql",
        "up": True,
        "since": "2026-11-23T05:20:00Z",
        "trouble": "",
        "latency_s": 0.0032,
        "as_of": "2026-11-23T10:20:00Z",
        "nodes": {"up": ["app1"], "draining": ["app2"], "leaving": [], "gone": ["app3"]},
    }


def test_a_lone_node_shares_nothing(server: Served) -> None:
    assert server.get("/api/v1/status").json["shared"] is None


def test_the_status_says_by_whom_the_node_is_drained(server: Served, node: FakeNode) -> None:
    node.drain = Pause("uid 0 (root)", NOW, "kernel update")
    status = server.get("/api/v1/status").json
    assert (status["draining"], status["drain"]["reason"]) == (True, "kernel update")


def test_runs_on_other_nodes_are_apart(server: Served, cluster: FakeNode) -> None:
    server.call(cluster.start_run("aaaa1111", node="app2"))
    status, job = server.get("/api/v1/status").json, server.get("/api/v1/jobs/backup").json
    assert (status["active_runs"], status["active_elsewhere"]) == ([], job["elsewhere"])
    assert (job["state"], job["elsewhere"][0]["node"]) == ("elsewhere", "app2")


def test_a_drain_is_asked_of_this_node(server: Served, node: FakeNode) -> None:
    reply = server.post("/api/v1/drain", {"reason": "kernel update"}).json
    (asked,) = node.asked
    assert isinstance(asked, DrainAsked)
    assert (asked.is_on, asked.reason, reply["node"]) == (True, "kernel update", "app1")


def test_an_undrain_ends_it(server: Served, node: FakeNode) -> None:
    server.post("/api/v1/undrain")
    (asked,) = node.asked
    assert isinstance(asked, DrainAsked)
    assert not asked.is_on


def test_another_node_is_drained_by_letter(server: Served, cluster: FakeNode) -> None:
    assert server.post("/api/v1/drain", {"node": "app2"}).json["node"] == "app2"
    assert cluster.asked_at == ["app2"]


@pytest.mark.parametrize("path", ["/api/v1/drain", "/api/v1/jobs/backup/trigger"])
def test_an_unknown_node_is_told_with_the_nearest(
    server: Served, cluster: FakeNode, path: str
) -> None:
    got = server.post(path, {"node": "app22"})
    assert (got.status, got.json["error"]["code"]) == (404, "no_such_node")
    assert "app2" in got.json["error"]["nearest"]


def test_a_trigger_goes_to_the_node_that_is_named(server: Served, cluster: FakeNode) -> None:
    reply = server.post("/api/v1/jobs/backup/trigger", {"node": "app2"}).json
    assert (cluster.asked_at, reply["node"]) == (["app2"], "app2")


def test_a_trigger_goes_where_the_daemon_places_it(server: Served, cluster: FakeNode) -> None:
    cluster.place = "app2"
    server.post("/api/v1/jobs/backup/trigger")
    (asked,) = cluster.asked
    assert (cluster.asked_at, isinstance(asked, TriggerAsked)) == (["app2"], True)


def test_a_trigger_that_no_node_takes_says_so(server: Served, cluster: FakeNode) -> None:
    cluster.place = None
    cluster.add(view_of(replace(SHARED_JOB, nodes=("eu-west",))))
    got = server.post("/api/v1/jobs/backup/trigger")
    assert (got.status, got.json["error"]["code"]) == (409, "no_node")
    assert "may run backup (nodes = [eu-west])" in got.json["error"]["message"]


def test_a_trigger_at_a_node_that_may_not_run_it_is_refused(
    server: Served, cluster: FakeNode
) -> None:
    cluster.add(view_of(replace(SHARED_JOB, nodes=("eu-west",))))
    got = server.post("/api/v1/jobs/backup/trigger", {"node": "app2"})
    words = "app2 is no node that may run backup (nodes = [eu-west])"
    assert (got.status, got.json["error"]["message"], cluster.asked) == (400, words, [])


def test_a_node_that_does_not_answer_is_a_503(server: Served, cluster: FakeNode) -> None:
    cluster.afar = NodeUnavailable("app2, which was last seen 3 min ago")
    got = server.post("/api/v1/jobs/backup/trigger", {"node": "app2"})
    assert (got.status, got.json["error"]["code"]) == (503, "node_unavailable")


def test_output_that_is_gone_is_a_404(server: Served, cluster: FakeNode) -> None:
    server.call(cluster.start_run("aaaa1111", node="app2"))
    cluster.afar = OutputGone("run aaaa1111 wrote 20 bytes on app2, which are kept there no more")
    got = server.get("/api/v1/runs/aaaa1111/output")
    assert (got.status, got.json["error"]["code"]) == (404, "output_gone")


def test_a_verdict_names_the_node_that_decided(server: Served, cluster: FakeNode) -> None:
    server.call(cluster.start_run("aaaa1111", node="app2", fire_time=NOW.replace(minute=15)))
    late = TickRange("backup", NOW, NOW, 1)
    skip = Skip(late, SkipReason.OVERLAP, blocker="aaaa1111")
    server.call(cluster.store.skip([skip], "app3", NOW))
    verdicts = server.get("/api/v1/jobs/backup/why").json["verdicts"]
    assert [verdict["decided_by"] for verdict in verdicts] == ["app3", "app2"]
    assert "run aaaa1111 (on app2, " in verdicts[0]["text"]
    assert verdicts[0]["text"].endswith("; decided by app3")
    assert "started as run aaaa1111 on app2," in verdicts[1]["text"]


def in_the_way(server: Served) -> list[str]:
    sentences: list[str] = server.get("/api/v1/jobs/backup/why").json["in_the_way_now"]
    return sentences


def test_a_run_elsewhere_is_in_the_way(server: Served, cluster: FakeNode) -> None:
    server.call(cluster.start_run("aaaa1111", node="app2"))
    assert in_the_way(server) == [
        "run aaaa1111 is active on app2 since 2026-11-23 10:20:00; overlap = skip"
    ]


def test_why_answers_while_the_shared_store_is_silent(server: Served, cluster: FakeNode) -> None:
    """The moment the store is down is the moment somebody asks."""
    cluster.shared = shared_by(seen("app1"), silent_since=NOW - timedelta(minutes=3))
    cluster.store = BrokenStore()
    got = server.get("/api/v1/jobs/backup/why")
    assert (got.status, got.json["verdicts"]) == (200, [])
    assert got.json["trouble"] == "the store does not answer: disk I/O error"
    (sentence,) = got.json["in_the_way_now"]
    assert sentence.startswith("the shared store has not answered since 2026-11-23 10:17:00")
    assert sentence.endswith("by catchup = latest")


def test_a_run_that_went_on_elsewhere_is_said_to_have(server: Served, cluster: FakeNode) -> None:
    """The ledger has who decided the tick, the history who holds the run now."""
    fire_time = NOW.replace(minute=15)
    server.call(cluster.start_run("aaaa1111", node="app2", fire_time=fire_time))

    async def moved(run_id: str) -> Any:
        record = await MemoryStore.run(cluster.store, run_id)
        return replace(record, node="app3", attempt=2) if record else None

    async def no_runs(wanted: Any) -> list[Any]:
        return []

    cluster.store.run, cluster.store.runs = moved, no_runs
    (verdict,) = server.get("/api/v1/jobs/backup/why").json["verdicts"]
    assert "started as run aaaa1111 on app2," in verdict["text"]
    assert verdict["text"].endswith(", attempt 2, taken over by app3")


def test_a_trigger_that_nobody_can_grant_is_refused_at_once(
    server: Served, cluster: FakeNode
) -> None:
    """It would start when the store is back, long after whoever asked has gone another way."""
    cluster.shared = shared_by(seen("app1"), silent_since=NOW - timedelta(minutes=3))
    got = server.post("/api/v1/jobs/backup/trigger")
    assert (got.status, got.json["error"]["code"]) == (503, "store_unavailable")
    assert "since 2026-11-23T10:17:00Z" in got.json["error"]["message"]
    assert cluster.asked == []


def test_a_trigger_of_this_node_s_own_job_needs_no_shared_store(
    server: Served, cluster: FakeNode
) -> None:
    cluster.add(view_of(job_named(scope=Scope.NODE)))
    cluster.shared = shared_by(seen("app1"), silent_since=NOW - timedelta(minutes=3))
    assert server.post("/api/v1/jobs/backup/trigger").status == 200


def test_a_silent_store_is_not_in_the_way_of_a_job_of_this_node(
    server: Served, cluster: FakeNode
) -> None:
    cluster.add(view_of(job_named(scope=Scope.NODE)))
    cluster.shared = shared_by(seen("app1"), silent_since=NOW)
    assert in_the_way(server) == []


def test_that_no_node_may_run_it_is_in_the_way(server: Served, cluster: FakeNode) -> None:
    cluster.add(view_of(replace(SHARED_JOB, nodes=("app2", "app3"))))
    assert in_the_way(server) == [
        "no node that may run it (nodes: app2, app3) is up and starts anything new"
    ]


@pytest.mark.parametrize(
    ("scope", "rest"),
    [(Scope.CLUSTER, "other nodes may run it"), (Scope.NODE, "its ticks do not start")],
)
def test_a_drain_is_in_the_way(server: Served, cluster: FakeNode, scope: Scope, rest: str) -> None:
    cluster.add(view_of(job_named(scope=scope)))
    cluster.drain = Pause("uid 0 (root)", NOW, "kernel update")
    assert in_the_way(server) == [
        "app1 is drained by uid 0 (root) since 2026-11-23 10:20:00 "
        f'"kernel update" and starts nothing new; {rest}'
    ]


def test_a_run_here_can_be_stopped_and_read_without_the_store(
    server: Served, node: FakeNode
) -> None:
    server.call(node.start_run("aaaa1111"))
    node.outputs["aaaa1111", 1] = b"hello"
    node.store = BrokenStore()
    assert server.get("/api/v1/runs/aaaa1111/output").body == b"hello"
    assert server.post("/api/v1/runs/aaaa1111/cancel").status == 200
    assert server.get("/api/v1/runs/bbbb2222/output").status == 503


def test_who_holds_a_run_is_known_without_the_store(server: Served, cluster: FakeNode) -> None:
    server.call(cluster.start_run("aaaa1111", node="app2"))
    cluster.store = BrokenStore()
    cluster.afar = NodeUnavailable("held by app2, which cannot be asked")
    got = server.get("/api/v1/runs/aaaa1111/output")
    assert (got.status, got.json["error"]["code"]) == (503, "node_unavailable")
