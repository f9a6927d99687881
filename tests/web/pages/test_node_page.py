"""The node's page and the cluster's: what takes room, what waits, who is there."""

from datetime import timedelta

from jobd.core.cluster import NodeSeen
from jobd.core.view import PoolView, Scope
from jobd.web.node import Identity
from tests.web.fake_node import NOW, FakeNode, Served, seen, shared_by
from tests.web.pages.reading import read
from tests.web.pages.scene import bad_day


def row(server: Served, path: str, start: str) -> str:
    """Return the row that begins so."""
    rows = [row for row in read(server, path).rows if row.startswith(start)]
    assert rows, f"no row of {path} begins with {start}"
    return rows[0]


def test_room_is_what_is_taken_of_what_there_is(server: Served) -> None:
    assert row(server, "/node", "Running") == "Running limits.max_running 1 of 16"
    assert row(server, "/node", "Memory") == "Memory reserved limits.memory_budget none, no budget"


def test_a_run_says_since_when_and_what_it_says_of_itself(server: Served, node: FakeNode) -> None:
    bad_day(node)
    assert row(server, "/node", "import-orders") == (
        "import-orders run-of-import-orders running 10:10:00 10 min ago schedule 1 "
        "42 % importing orders"
    )


def test_what_waits_says_what_holds_it_and_what_is_in_the_way(
    server: Served, node: FakeNode
) -> None:
    bad_day(node)
    found = row(server, "/node", "import-prices")
    assert found.startswith("import-prices 10:19:00 10:19:00 1 min ago 0 pool app1 is drained by")


def test_a_limit_that_nothing_holds_is_told(server: Served) -> None:
    assert row(server, "/node", "I/O weight").startswith("I/O weight nothing here")


def test_the_own_store_is_there_with_its_latency(server: Served) -> None:
    assert row(server, "/node", "sqlite") == "sqlite, on this node up < 1 ms \N{EN DASH}"


def test_a_pool_says_who_holds_it_and_how_many_wait(server: Served, node: FakeNode) -> None:
    bad_day(node)
    for path in ("/node", "/cluster"):
        assert row(server, path, "database") == (
            "database the cluster 1 of 1 1 import-orders on app1 since 10:10:00"
        )


def test_a_pool_that_nobody_holds_says_so(server: Served, node: FakeNode) -> None:
    node.pools = (PoolView("database", 2, 0, Scope.NODE),)
    assert row(server, "/node", "database") == "database this node 0 of 2 0 nobody"


def test_times_are_told_in_the_zone_of_the_daemon(server: Served, node: FakeNode) -> None:
    """Two people who look at one page talk about the same numbers."""
    constant = node.identity
    node.identity = Identity(
        constant.node, constant.version, constant.pid, NOW, constant.config_path, "sqlite",
        constant.http, constant.socket, timezone="Asia/Tokyo",
    )  # fmt: skip
    page = read(server, "/node")
    assert "As of 19:20:00 . Times in Asia/Tokyo." in page.text
    assert "2026-11-23 10:20:00 UTC" in page.values("title")


def test_a_lone_node_says_what_makes_a_cluster(server: Served) -> None:
    assert "app1 is a cluster of one" in read(server, "/cluster").text


def members(server: Served, node: FakeNode, *nodes: NodeSeen) -> list[str]:
    node.shared = shared_by(*nodes)
    return [row for row in read(server, "/cluster").rows if row.startswith("app")]


def test_each_node_says_how_it_is(server: Served, node: FakeNode) -> None:
    found = members(
        server,
        node,
        seen("app1"),
        seen("app2", is_draining=True),
        seen("app3", ago_s=600),
        seen("app4", digest="d2"),
    )
    assert found == [
        "app1 this node up now 2 of 16 25 % same app 0.1.0 08:20:00 2 h ago",
        "app2 draining now 2 of 16 25 % same app 0.1.0 08:20:00 2 h ago",
        "app3 gone 10 min ago \N{EN DASH} \N{EN DASH} same app 0.1.0 08:20:00 2 h ago",
        "app4 up now 2 of 16 25 % differs from app1 's app 0.1.0 08:20:00 2 h ago".replace(
            "app1 's", "app1's"
        ),
    ]


def test_a_silent_store_says_from_when_the_picture_is(server: Served, node: FakeNode) -> None:
    """While it is silent nobody can know who is up: the picture is told with its age."""
    node.shared = shared_by(seen("app1"), silent_since=NOW - timedelta(minutes=3))
    text = read(server, "/cluster").text
    assert "does not answer since 10:17:00 3 min ago" in text
    assert "What follows is as of 10:17:00" in text


def test_a_silent_store_has_seen_nobody_now(server: Served, node: FakeNode) -> None:
    """Last seen "now", and up, is what somebody takes for the truth."""
    node.shared = shared_by(seen("app1", ago_s=181), silent_since=NOW - timedelta(minutes=3))
    assert row(server, "/cluster", "app1").startswith("app1 this node up 3 min ago")


def test_active_runs_of_all_nodes_are_told_without_their_leases(
    server: Served, node: FakeNode
) -> None:
    """Renewals of other nodes are not told: one that was well seemed to have run out long ago."""
    bad_day(node)
    assert row(server, "/cluster", "import-stock") == (
        "import-stock run-of-import-stock app2 10:10:00 10 min ago schedule 7"
    )
