"""Skips: how many ticks were skipped of late, by job and reason, as the store has them."""

from collections.abc import Mapping
from datetime import timedelta

from jobd.errors import StoreUnavailable
from jobd.web.node import Node

SKIPS_OF = timedelta(hours=24)

Skips = Mapping[str, Mapping[str, int]]  # by job and reason


async def skips_of_a_day(node: Node) -> Skips | None:
    """Return the skips of a day; None while the store does not answer."""
    try:
        return await node.store.skip_counts(node.now() - SKIPS_OF)
    except StoreUnavailable:
        return None
