"""Cluster: what nodes that share a store tell of themselves, and see of each other through it.

Nodes never speak to each other. Each tells the store of itself with every beat, once a
second, and is answered with a view of what has happened since the one before.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from jobd.core.claim import ActiveRun, JobMemory
from jobd.core.ledger import TickRecord
from jobd.core.outcome import StopCause


@dataclass(frozen=True, slots=True)
class NodeWord:
    """What a node tells of itself with a beat.

    ``state_id`` is that of its state directory and stays over restarts: two nodes of one
    name are told apart by it. ``digest`` stands for the shared part of its configuration:
    where two nodes differ in it, their configurations have drifted apart.
    """

    node: str
    incarnation: str
    state_id: str
    version: str
    digest: str
    labels: tuple[str, ...] = ()
    running: int = 0
    max_running: int = 0
    load: float = 0.0  # share of the node's room that is taken, 0 to 1
    is_draining: bool = False
    is_leaving: bool = False  # a clean stop: the others need not wait for its turn
    doubts_until: datetime | None = None  # it has seen the store's clock being set


@dataclass(frozen=True, slots=True)
class NodeSeen:
    """A node as the store knows it. Instants are by the store's clock."""

    word: NodeWord
    started_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Holding:
    """A lease that this node holds, or thinks that it holds."""

    run_id: str
    token: int


@dataclass(frozen=True, slots=True)
class TakeOver:
    """A wish to take a run whose lease ran out.

    ``retry_at``: this node goes on with the run's next attempt then, under a new token;
    None: the run just ends as lost.
    """

    run: ActiveRun
    retry_at: datetime | None


@dataclass(frozen=True, slots=True)
class StopAsked:
    """A run that another node than its holder, or an operator there, wants stopped."""

    run_id: str
    cause: StopCause


@dataclass(frozen=True, slots=True)
class Letter:
    """A question from one node to another, carried by the store. ``body`` is JSON."""

    letter_id: str
    sender: str
    to: str
    kind: str  # "trigger", "output", ...
    body: str


@dataclass(frozen=True, slots=True)
class ClusterView:
    """What a beat is answered with. What is said to have happened since may have been said
    before; what is missing is found out by the next claim: a view only spares questions.
    """

    at: datetime  # the store's clock
    nodes: tuple[NodeSeen, ...]
    decided: tuple[TickRecord, ...] = ()  # ticks decided since, by whomever
    jobs: tuple[JobMemory, ...] = ()  # jobs of which a run began or ended, or a wish changed, since
    overdue: tuple[ActiveRun, ...] = ()  # active runs whose lease has run out
    stops: tuple[StopAsked, ...] = ()
    pools: Mapping[str, int] = field(default_factory=dict)  # slots taken under valid leases
    letters: tuple[Letter, ...] = ()  # to this node, not answered yet
    was_unknown: bool = False  # the store has never heard of this node, or has forgotten it
