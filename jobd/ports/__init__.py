"""What the core's shells need of the world, as Protocols. Each docstring is the contract
that the conformance tests hold every implementation to."""

from jobd.ports.clock import Clock
from jobd.ports.node_memory import NodeMemory, Posted
from jobd.ports.shared_store import Batch, Settled, SharedStore
from jobd.ports.store import USAGE_SEEN, AuditEntry, Enrolment, Questions, RunFilter, Store
from jobd.ports.supervisor import Enforcement, Launch, Report, Supervisor
from jobd.ports.window import Happened, RunCell, SkipCell, Window

__all__ = [
    "USAGE_SEEN",
    "AuditEntry",
    "Batch",
    "Clock",
    "Enforcement",
    "Enrolment",
    "Happened",
    "Launch",
    "NodeMemory",
    "Posted",
    "Questions",
    "Report",
    "RunCell",
    "RunFilter",
    "Settled",
    "SharedStore",
    "SkipCell",
    "Store",
    "Supervisor",
    "Window",
]
