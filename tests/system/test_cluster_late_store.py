"""A daemon that starts while the shared store is away, and what it says and does until then."""

import pytest

from tests.system.cluster import LONG_LEASE_S, Cluster, Member
from tests.system.conftest import MakeCluster
from tests.system.processes import eventually

JOBS = """
[jobs.all]
command = "work 0.1"
schedule = "* * * * * *"
[jobs.own]
command = "work 0.1"
schedule = "* * * * * *"
scope = "node"
"""


@pytest.fixture
def cluster(make_cluster: MakeCluster) -> Cluster:
    """One node that was started while it was cut off from PostgreSQL."""
    cluster = make_cluster(JOBS, names=("a",), lease_ttl_s=LONG_LEASE_S)
    cluster["a"].proxy.refuse()
    cluster["a"].launch()
    eventually(lambda: is_answering(cluster["a"]), "the node answers", 40)
    return cluster


def is_answering(node: Member) -> bool:
    """Whether ctl reaches the daemon."""
    return node.ctl("status").returncode == 0


def test_every_job_is_listed_and_starts_once_the_store_is_there(cluster: Cluster) -> None:
    node = cluster["a"]
    jobs = {job["job"]: job["state"] for job in node.get("/api/v1/jobs")["jobs"]}
    assert (jobs["all"], sorted(jobs)) == ("store_down", ["all", "own"])
    assert node.metric('jobd_ticks_total{job_name="all"}') == 0
    asked = node.ctl("trigger", "all")
    assert asked.returncode == 69
    assert "the shared store has not answered since" in asked.stderr
    assert ": no tick of this job can be decided" in node.ctl("why", "all").stdout
    eventually(lambda: node.journal.starts("own"), "the node's own job runs")
    assert not node.journal.starts("all")
    node.proxy.heal()
    eventually(lambda: node.journal.starts("all"), "the cluster's job runs", 20)
    assert node.job("all")["state"] != "store_down"
