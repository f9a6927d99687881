"""``jobd ctl nodes`` and ``jobd ctl pools``: what the cluster consists of, and shares."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from jobd.cli.ctl.client import Document
from jobd.cli.ctl.errors import printable
from jobd.cli.ctl.session import Session, ctl_command
from jobd.cli.ctl.table import table
from jobd.cli.ctl.wording import NOTHING, when
from jobd.core.amounts import counted

NAMED = 5  # jobs, at most, in a table's cell; --json has them all


@ctl_command(
    ("jobd ctl nodes", "who is up, and configured alike"),
)
def nodes(session: Session) -> None:
    """Every node of the cluster: is it up, how full, and configured as this one?

    Says in which shared jobs a configuration differs from the one here; the nodes
    concerned are asked, which may take seconds.
    """
    document = session.client.get("nodes")
    session.show(document, lambda: "\n".join(nodes_lines(document)))


@ctl_command(
    ("jobd ctl pools", "who has the slots"),
)
def pools(session: Session) -> None:
    """Every pool: how many of its slots are taken, and how many wait for one here.

    The slots of a pool of scope cluster are those that all nodes share.
    """
    document = session.client.get("pools")
    session.show(document, lambda: "\n".join(pools_lines(document)))


def nodes_lines(document: Document) -> Iterator[str]:
    """Yield the table of nodes, or one line for a node that is alone."""
    now = datetime.fromisoformat(document["now"])
    if not document["clustered"]:
        yield printable(_alone(document["nodes"][0], document["store"]))
        return
    if document["silent_since"]:
        yield (
            f"the shared store is silent since {when(document['silent_since'], now)}; "
            f"this is what it said last, at {when(document['as_of'], now)}"
        )
    heads = ("NODE", "STATE", "RUNNING", "LOAD", "LABELS", "VERSION", "CONFIGURATION", "SEEN")
    yield table(heads, [_row(node, document["node"], now) for node in document["nodes"]])


def pools_lines(document: Document) -> Iterator[str]:
    """Yield the table of pools."""
    heads = ("POOL", "SCOPE", "SIZE", "TAKEN", "WAITING HERE")
    rows = [
        (
            pool["pool"],
            pool["scope"],
            str(pool["size"]),
            _taken(pool, is_silent=document["silent"]),
            str(pool["waiting_here"]),
        )
        for pool in document["pools"]
    ]
    yield table(heads, rows) if rows else "no pools are configured"


def _alone(node: Mapping[str, Any], store: str) -> str:
    room = f"{node['running']} of {node['max_running']} running"
    alone = f"its store is {store}, so there is no cluster"
    return f"{node['node']} is {node['state']}, {room}, jobd {node['version']}; {alone}"


def _row(node: Mapping[str, Any], here: str, now: datetime) -> tuple[str, ...]:
    is_here, is_gone = node["node"] == here, node["state"] == "gone"
    return (
        node["node"],
        node["state"],
        NOTHING if is_gone else f"{node['running']}/{node['max_running']}",
        NOTHING if is_gone else f"{node['load']:.0%}",
        ", ".join(node["labels"]) or NOTHING,
        node["version"],
        "this node" if is_here else _configuration(node),
        when(node["seen_at"], now),
    )


def _configuration(node: Mapping[str, Any]) -> str:
    if node["same_config"]:
        return "same as here"
    names = node["differing_jobs"]
    if not names:
        return "differs, not known where"
    more = f", and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"differs in {counted(len(names), 'job')}: {', '.join(names[:NAMED])}{more}"


def _taken(pool: Mapping[str, Any], *, is_silent: bool) -> str:
    is_stale = is_silent and pool["scope"] == "cluster"
    return f"{pool['taken']} when last known" if is_stale else str(pool["taken"])
