"""What ctl says of a cluster: its store, its nodes, a drain, a job that runs elsewhere."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jobd.cli.ctl.wording import duration, instant, roughly, when
from jobd.core.amounts import counted

MEANWHILE = 'only jobs with scope = "node" start; shared ones decide by catchup what they miss'


def shared_words(shared: Mapping[str, Any], now: datetime) -> str:
    """Return how the shared store is."""
    since = f" since {when(shared['since'], now)}" if shared["since"] else ""
    if shared["up"]:
        return f"up{since}{latency_words(shared)}"
    trouble = f": {shared['trouble']}" if shared["trouble"] else ""
    return f"DOWN{since or ', not reached yet'}{trouble}"


def latency_words(store: Mapping[str, Any]) -> str:
    """Return how long the store takes to answer, if that was measured."""
    taken_s = store["latency_s"]
    if taken_s is None:
        return ""
    return f", answers in {duration(taken_s) if taken_s >= 0.001 else 'less than 1ms'}"


def nodes_words(shared: Mapping[str, Any]) -> str:
    """Return how many nodes are up, and which are not: ``2 up, 1 gone (app3)``."""
    nodes = shared["nodes"]
    up = counted(len(nodes["up"]), "node up", "nodes up")
    others = (
        f"{len(names)} {state} ({', '.join(names)})"
        for state, names in nodes.items()
        if names and state != "up"
    )
    return ", ".join((up, *others))


def state_words(job: Mapping[str, Any]) -> str:
    """Return a job's state; of one that runs since when, and where if on other nodes only."""
    runs, where = job["active"], ""
    if not runs and job["elsewhere"]:
        runs = job["elsewhere"]
        where = f" on {', '.join(sorted({run['node'] for run in runs}))}"
    if not runs or not (where or job["state"] == "running"):
        return "on other nodes" if job["state"] == "elsewhere" else str(job["state"])
    since = instant(min(run["began_at"] for run in runs))
    return f"running{where} since {since:%H:%M:%S}"


def brief_state(job: Mapping[str, Any], now: datetime) -> str:
    """Return a job's state in a word or two; of one that runs, for how long."""
    if job["state"] != "running" or not job["active"]:
        return str(job["state"])
    began = min(run["began_at"] for run in job["active"])
    return f"running {roughly((now - datetime.fromisoformat(began)).total_seconds())}"


def run_state(run: Mapping[str, Any]) -> str:
    """Return where an active run stands, in the word that its job's state has for it."""
    return "retrying" if run["state"] == "backoff" else str(run["state"])


def drain_words(document: Mapping[str, Any], now: datetime) -> str:
    """Return who drains this node, and how that ends."""
    by = pause_words(document["drain"], now)
    return f"{by}{'; ' if by else ''}nothing new starts here until jobd ctl undrain"


def pause_words(pause: Mapping[str, Any] | None, now: datetime) -> str:
    """Return who asked for a pause or a drain, when, why, and until when."""
    if pause is None:
        return ""
    until = f", until {when(pause['until'], now)}" if pause["until"] else ""
    reason = f' "{pause["reason"]}"' if pause["reason"] else ""
    return f"by {pause['by']} since {when(pause['since'], now)}{reason}{until}"
