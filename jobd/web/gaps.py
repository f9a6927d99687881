"""Gaps: what the history of this node does not tell, while its store cannot take it down."""

from datetime import tzinfo

from jobd.web.node import Node
from jobd.web.words import stamp


def gap_words(node: Node, zone: tzinfo) -> str:
    """Return since when this node's history is not kept, and why; "" while it is.

    Jobs go on with a full disk, and what is known of them ends then: whoever asks what became
    of a tick, or what ran last, must not take the last record for the last thing that happened.
    """
    health = node.store_health()
    if not health.is_up or not health.trouble:
        return ""
    since = f" since {stamp(health.since, zone)}" if health.since else ""
    return f"history is not kept{since}, so what follows has a gap: {health.trouble}"
