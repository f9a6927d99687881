"""Drift: which other nodes are configured otherwise than this one, and in which jobs."""

from collections.abc import Mapping, Sequence

from jobd.web.fleet import differing
from jobd.web.node import Node
from jobd.web.shapes import Json


async def drift_seen(node: Node, *, may_ask: bool) -> Mapping[str, Sequence[str]]:
    """Return node → the jobs that differ there; no names where it is not known in what.

    What differs is found by asking other nodes, which may take seconds: that is for those
    who may control the daemon, lest anybody's page keeps the cluster busy.
    """
    others = differing(node.nodes(), node.identity.node)
    drift: dict[str, Sequence[str]] = dict.fromkeys(others, ())
    if drift and may_ask:
        drift.update(await node.config_drift())
    return drift


def drift_of_job(drift: Mapping[str, Sequence[str]], job: str) -> list[Json]:
    """Return where a job is defined otherwise; ``sure`` is false where only something is."""
    return [
        {"node": name, "sure": job in jobs}
        for name, jobs in sorted(drift.items())
        if job in jobs or not jobs
    ]
