"""What an operator of a cluster sees on the terminal."""

from dataclasses import replace
from datetime import timedelta

import pytest

from jobd.cli.ctl.screen import screen
from jobd.core.claim import Pause
from jobd.core.job import Scope
from jobd.core.view import PoolView
from jobd.errors import NodeUnavailable, OutputGone
from tests.cli.ctl.conftest import Ctl
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

SILENT_SINCE = NOW - timedelta(minutes=3)


@pytest.fixture
def cluster(node: FakeNode) -> FakeNode:
    """Return app1 of a cluster of three; app3 has not been heard of for minutes."""
    node.identity = replace(node.identity, store="postgresql")
    node.shared = shared_by(
        seen("app1"), seen("app2", is_draining=True, digest="d2"), seen("app3", ago_s=190)
    )
    node.add(view_of(job_named(scope=Scope.CLUSTER)))
    return node


def lines(ctl: Ctl, *arguments: str) -> list[str]:
    """Return what is printed, each run of spaces as one."""
    said = ctl(*arguments)
    assert said.status == 0, said.err
    return [" ".join(line.split()) for line in said.out.splitlines()]


def test_a_lone_node_is_one_line(ctl: Ctl) -> None:
    assert ctl("nodes").out == (
        "app1 is up, 1 of 16 running, jobd 0.1.0; its store is sqlite, so there is no cluster\n"
    )


def test_nodes_are_rows_under_heads(ctl: Ctl, cluster: FakeNode) -> None:
    cluster.drift = {"app2": [f"job{n}" for n in range(7)]}
    assert lines(ctl, "nodes") == [
        "NODE STATE RUNNING LOAD LABELS VERSION CONFIGURATION SEEN",
        "app1 up 2/16 25% app 0.1.0 this node 10:19:59 (now)",
        "app2 draining 2/16 25% app 0.1.0 differs in 7 jobs: "
        "job0, job1, job2, job3, job4, and 2 more 10:19:59 (now)",
        "app3 gone - - app 0.1.0 same as here 10:16:50 (3m ago)",
    ]


def test_a_node_that_does_not_say_in_what_it_differs_is_shown_to(
    ctl: Ctl, cluster: FakeNode
) -> None:
    assert "differs, not known where" in ctl("nodes").out


def test_nodes_of_a_silent_store_say_when_that_was(ctl: Ctl, cluster: FakeNode) -> None:
    cluster.shared = shared_by(seen("app1"), silent_since=SILENT_SINCE)
    assert ctl("nodes").out.startswith("the shared store is silent since 10:17:00 (3m ago); ")


def test_pools_are_rows_under_heads(ctl: Ctl, cluster: FakeNode) -> None:
    cluster.pools = (PoolView("database", 2, 1, Scope.CLUSTER),)
    assert lines(ctl, "pools")[1:] == ["database cluster 2 1 0"]


def test_no_pools_are_said_to_be_none(ctl: Ctl) -> None:
    assert ctl("pools").out == "no pools are configured\n"


def test_slots_of_a_silent_store_are_those_last_known(ctl: Ctl, cluster: FakeNode) -> None:
    cluster.pools = (PoolView("database", 2, 1, Scope.CLUSTER), PoolView("disk", 1, 0, Scope.NODE))
    cluster.shared = shared_by(seen("app1"), silent_since=SILENT_SINCE)
    assert lines(ctl, "pools")[1:] == ["database cluster 2 1 when last known 0", "disk node 1 0 0"]


def test_a_drain_says_how_it_ends(ctl: Ctl, node: FakeNode) -> None:
    said = ctl("drain", "--reason", "kernel update")
    assert said.out == "app1: nothing new starts here; jobd ctl undrain ends that\n"
    assert ctl("undrain").out == "app1: this node starts runs again\n"


def test_another_node_is_drained_by_name(ctl: Ctl, cluster: FakeNode) -> None:
    assert ctl("drain", "--node", "app2").out.startswith("app2: nothing new starts here")


def test_the_status_begins_with_the_drain(ctl: Ctl, node: FakeNode) -> None:
    node.drain = Pause("uid 0 (root)", SILENT_SINCE, "kernel update")
    assert lines(ctl, "status")[0] == (
        'DRAINING by uid 0 (root) since 10:17:00 (3m ago) "kernel update"; '
        "nothing new starts here until jobd ctl undrain"
    )


def test_the_status_shows_the_cluster(ctl: Ctl, cluster: FakeNode) -> None:
    shown = lines(ctl, "status")
    assert "cluster up since 05:20:00 (5h ago), answers in 3ms; postgresql" in shown
    assert "nodes 1 node up, 1 draining (app2), 1 gone (app3)" in shown


def test_the_status_says_what_works_while_the_store_is_down(ctl: Ctl, cluster: FakeNode) -> None:
    cluster.shared = shared_by(seen("app1"), seen("app2"), silent_since=SILENT_SINCE)
    cluster.store = BrokenStore()
    shown = lines(ctl, "status")
    assert "cluster DOWN since 10:17:00 (3m ago): connection refused; postgresql" in shown
    meanwhile = 'only jobs with scope = "node" start; shared ones decide by catchup what they miss'
    assert f"meanwhile {meanwhile}" in shown


def test_a_job_that_runs_elsewhere_says_where_and_since_when(
    ctl: Ctl, server: Served, cluster: FakeNode
) -> None:
    server.call(cluster.start_run("aaaa1111", at=NOW - timedelta(minutes=2), node="app2"))
    assert "backup running on app2 since 10:18:00" in lines(ctl, "jobs")[1]
    assert "state running on app2 since 10:18:00" in lines(ctl, "show", "backup")
    assert "aaaa1111 app2 active 10:18:00 (2m ago) manual" in lines(ctl, "show", "backup")
    assert "backup aaaa1111 app2 10:18:00 (2m ago) manual" in lines(ctl, "status")


def test_top_shows_where_a_job_runs(ctl: Ctl, server: Served, cluster: FakeNode) -> None:
    from rich.console import Console

    server.call(cluster.start_run("aaaa1111", at=NOW - timedelta(minutes=2), node="app2"))
    console = Console(width=80, record=True)
    console.print(screen(ctl("top", "--json").json, 24, 80))
    text = console.export_text()
    assert "elsewhere app2 for 2m" in text
    assert "1 jobs, 1 node up, 1 draining (app2), 1 gone (app3), 0 ticks skipped" in text


def test_runs_name_their_node_where_there_are_several(
    ctl: Ctl, server: Served, cluster: FakeNode
) -> None:
    server.call(cluster.start_run("aaaa1111", node="app2"))
    assert lines(ctl, "runs")[1].startswith("aaaa1111 backup app2 manual")


def test_runs_of_a_lone_node_do_not(ctl: Ctl, server: Served, node: FakeNode) -> None:
    server.call(node.start_run("aaaa1111"))
    assert lines(ctl, "runs")[1].startswith("aaaa1111 backup manual")


def test_a_trigger_says_where_it_went(ctl: Ctl, cluster: FakeNode) -> None:
    said = ctl("trigger", "backup", "--node", "app2")
    assert said.out.split()[2:] == ["accepted", "on", "app2"]


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (["trigger", "backup", "--node", "app9"], 66),
        (["drain", "--node", "app9"], 66),
        (["trigger", "backup", "--node", "app2"], 69),
    ],
)
def test_a_node_that_cannot_be_asked_has_its_status(
    ctl: Ctl, cluster: FakeNode, command: list[str], status: int
) -> None:
    cluster.afar = NodeUnavailable("app2, which was last seen 3 min ago")
    assert ctl(*command).status == status


@pytest.mark.parametrize("how", ["--wait", "--follow"])
def test_nobody_waits_here_for_a_run_that_another_node_alone_will_know(
    ctl: Ctl, cluster: FakeNode, how: str
) -> None:
    """The history of a node's own jobs is its own: the run would be said not to have started,
    half a minute after it ended well."""
    cluster.add(view_of(job_named(scope=Scope.NODE)))
    said = ctl("trigger", "backup", "--node", "app2", how)
    assert (said.status, "only app2 knows of its runs" in said.err) == (64, True)
    assert cluster.asked == []
    assert ctl("trigger", "backup", "--node", "app1").status == 0


def test_a_trigger_that_no_node_takes_may_be_tried_again(ctl: Ctl, cluster: FakeNode) -> None:
    cluster.place = None
    assert ctl("trigger", "backup").status == 75


@pytest.mark.parametrize("arguments", [["logs"], ["logs", "-f"]])
def test_output_of_another_node_is_printed(
    ctl: Ctl, server: Served, cluster: FakeNode, arguments: list[str]
) -> None:
    server.call(cluster.start_run("aaaa1111", node="app2"))
    server.call(cluster.end_run("aaaa1111"))
    cluster.outputs["aaaa1111", 1] = b"hello\n"
    assert ctl(*arguments, "aaaa1111").out == "hello\n"


@pytest.mark.parametrize("arguments", [["logs"], ["logs", "-f"]])
def test_a_node_that_is_not_up_is_named_at_once(
    ctl: Ctl, server: Served, cluster: FakeNode, arguments: list[str]
) -> None:
    server.call(cluster.start_run("aaaa1111", node="app2"))
    cluster.afar = NodeUnavailable("held by app2, which was last seen 3 min ago")
    said = ctl(*arguments, "aaaa1111")
    assert (said.status, "held by app2, which was last seen 3 min ago" in said.err) == (69, True)


def test_output_that_is_gone_is_said_to_be(ctl: Ctl, server: Served, cluster: FakeNode) -> None:
    server.call(cluster.start_run("aaaa1111", node="app2"))
    cluster.afar = OutputGone("run aaaa1111 wrote 20 bytes on app2, which are kept there no more")
    assert ctl("logs", "aaaa1111").status == 66


@pytest.mark.parametrize("name", ["backup", "aaaa1111"])
def test_what_runs_here_writes_is_read_without_the_store(
    ctl: Ctl, server: Served, node: FakeNode, name: str
) -> None:
    server.call(node.start_run("aaaa1111"))
    node.outputs["aaaa1111", 1] = b"hello\n"
    node.store = BrokenStore()
    assert ctl("logs", name).out == "hello\n"


def test_why_says_what_is_in_the_way_without_the_store(ctl: Ctl, cluster: FakeNode) -> None:
    cluster.shared = shared_by(seen("app1"), silent_since=SILENT_SINCE)
    cluster.store = BrokenStore()
    shown = lines(ctl, "why", "backup")
    assert "the ledger cannot be read now: the store does not answer: disk I/O error" in shown
    assert any(line.startswith("the shared store has not answered since") for line in shown)


def test_show_says_on_which_nodes_a_job_is_defined_otherwise(ctl: Ctl, cluster: FakeNode) -> None:
    others = (seen("app2", digest="d2"), seen("app3", digest="d3"))
    cluster.shared = shared_by(seen("app1"), *others)
    cluster.add(view_of(job_named("report", scope=Scope.CLUSTER)))
    cluster.drift = {"app2": ["report"]}
    assert "differs on app2; perhaps app3, which does not say" in lines(ctl, "show", "report")
