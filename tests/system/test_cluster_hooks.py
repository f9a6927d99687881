"""Hooks in a cluster: each run is told of once, by the node whose word on it counts."""

from collections.abc import Iterator

import pytest

from tests.system.cluster import Cluster
from tests.system.conftest import MakeCluster
from tests.system.listener import Heard, Listener
from tests.system.processes import eventually

KILLED, CUT, LEFT = "a", "b", "c"
WITHIN_S = 40.0  # a lease, a beat, and a machine that others use


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with Listener().listening() as listening:
        yield listening


@pytest.fixture(scope="module")
def cluster(make_cluster: MakeCluster, listener: Listener) -> Cluster:
    """Three nodes: one is killed with a run on it, one is cut off from PostgreSQL with another,
    which it has to end itself; later it is back, and says how that run ended."""
    jobs = "".join(
        f"""
        [jobs.on-{name}]
        command = "work {seconds}"
        ping_url = "{listener.url}/{{job}}"
        on_failure = {{ url = "{listener.url}/{{job}}/on_failure" }}
        """
        for name, seconds in ((KILLED, 600), (CUT, 600), (LEFT, 0))
    )
    cluster = make_cluster(jobs).start()
    for name in (KILLED, CUT):
        cluster.run_on(name, f"on-{name}")
        eventually(lambda name=name: listener.heard(f"on-{name}/start"), "its start is told")
    cluster[KILLED].kill_both()
    cluster[CUT].proxy.refuse()
    for name in (KILLED, CUT):
        eventually(
            lambda name=name: listener.heard(f"on-{name}/on_failure"), f"{name} is told", WITHIN_S
        )
    cluster.heal()
    eventually(lambda: late_ends(cluster), "the store has heard of, and refused, the late end", 30)
    cluster.run_on(LEFT, f"on-{LEFT}")
    eventually(lambda: len(told(listener, LEFT)) == 2, "told after whatever else was to be")
    return cluster


def late_ends(cluster: Cluster) -> list[str]:
    """Return what the store noted of the end that came too late."""
    (run,) = cluster[LEFT].runs(f"on-{CUT}")
    notes = cluster[LEFT].get(f"/api/v1/audit?target={run['run_id']}")["audit"]
    return [note["by"] for note in notes if note["action"] == "late end"]


def told(listener: Listener, name: str) -> list[Heard]:
    return [one for one in listener.heard(f"/on-{name}") if one.body["job"] == f"on-{name}"]


@pytest.mark.parametrize("name", [KILLED, CUT])
def test_a_lost_run_is_told_of_once_by_the_cluster(
    cluster: Cluster, listener: Listener, name: str
) -> None:
    paths = sorted(one.path for one in told(listener, name))
    assert paths == [f"/on-{name}/fail", f"/on-{name}/on_failure", f"/on-{name}/start"]
    (failure,) = listener.heard(f"/on-{name}/on_failure")
    assert (failure.body["outcome"], failure.body["node"]) == ("lost", name)


def test_it_is_the_run_that_the_history_calls_lost(cluster: Cluster, listener: Listener) -> None:
    for name in (KILLED, CUT):
        (run,) = cluster[LEFT].runs(f"on-{name}")
        (failure,) = listener.heard(f"/on-{name}/on_failure")
        assert (run["run_id"], run["outcome"]) == (failure.run_id, "lost")
        assert failure.body["ended_at"] == run["ended_at"]


def test_the_node_that_was_cut_off_ended_its_run_and_did_not_tell(cluster: Cluster) -> None:
    (end,) = cluster[CUT].log("run ended")
    assert end["outcome"] == "lost"
    assert cluster[CUT].log("hook called") == []
    assert len(cluster[LEFT].log("hook called")) == 2


def test_a_run_that_just_ends_is_told_by_its_node(cluster: Cluster, listener: Listener) -> None:
    assert [one.path for one in told(listener, LEFT)] == [f"/on-{LEFT}/start", f"/on-{LEFT}"]
    assert {one.body["node"] for one in told(listener, LEFT)} == {LEFT}
