"""Headline: how the node is, in one sentence, and what somebody should know before all else."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta, tzinfo

from jobd.core.amounts import counted
from jobd.core.view import NodeView
from jobd.web.fleet import NodeState, differing, known_nodes, state_of
from jobd.web.node import Node, StoreHealth
from jobd.web.remarks import Level, Remark
from jobd.web.words import clock_time, distance, in_words

# From here on the log's times, which are the machine's, mislead whoever compares them.
CLOCK_OFF = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Headline:
    """What stands above every page."""

    level: Level
    words: str
    remarks: tuple[Remark, ...]


def headline_of(node: Node, zone: tzinfo) -> Headline:
    """Return how the node is right now."""
    view = node.view()
    remarks = tuple(_remarks(node, view, zone))
    level = next((level for level in Level if any(r.level is level for r in remarks)), Level.FINE)
    words = f"runs {view.running} of at most {view.max_running}"
    waits = counted(view.waiting, "waits", "wait") if view.waiting else ""
    paused = (
        f"{view.paused:,} of {view.jobs:,} jobs paused" if view.paused else f"{view.jobs:,} jobs"
    )
    return Headline(
        level, ", ".join(filter(None, (words, waits or "nothing waits", paused))), remarks
    )


def _remarks(node: Node, view: NodeView, zone: tzinfo) -> Iterator[Remark]:
    is_ready, reason = node.is_ready()
    if view.is_stopping:
        yield Remark(Level.WARN, "stopping", "this daemon waits for its runs to end, then it ends")
    elif not is_ready:
        yield Remark(Level.BAD, "not ready", reason)
    yield from _store_remarks(node, view, zone, reason)
    if view.drain is not None or view.is_draining:
        yield Remark(Level.WARN, "drained", _drain_words(node, view, zone))
    if view.room.pressure:
        words = f"{view.room.pressure}; nothing new starts until it eases"
        yield Remark(Level.WARN, "pressure", words)
    if view.running >= view.max_running:
        yield Remark(Level.WARN, "full", "every place of limits.max_running is taken")
    yield from _neighbour_remarks(node, view)
    yield from _configuration_remarks(node, zone)
    yield from _clock_remarks(node)


def _store_remarks(node: Node, view: NodeView, zone: tzinfo, told_already: str) -> Iterator[Remark]:
    """Yield which store is away; with its error, where why this node is not ready tells it not."""
    shared, own = view.shared, node.store_health()
    if shared is not None and shared.is_silent:
        health = node.shared_health()
        is_told = health is None or health.trouble in told_already
        trouble = f": {health.trouble}" if health and not is_told else ""
        since = f"since {clock_time(shared.since, node.now(), zone)}" if shared.since else "yet"
        words = f"has not answered {since}{trouble}; jobs that nodes share do not start"
        yield Remark(Level.BAD, "the shared store", words)
    if not own.is_up:
        yield Remark(Level.BAD, "the store", f"is down{_trouble_words(node, own, zone)}")
    elif own.trouble:
        yield Remark(Level.BAD, "history", f"is not kept{_trouble_words(node, own, zone)}")


def _neighbour_remarks(node: Node, view: NodeView) -> Iterator[Remark]:
    """Yield who is missed, or has another configuration; who left in order is not missed."""
    shared = view.shared
    if shared is None or shared.at is None or shared.is_silent:
        return
    known = known_nodes(view)
    for name, seen in known.items():
        if state_of(seen, shared.at) is NodeState.GONE and not seen.word.is_leaving:
            words = f"is gone: it was last seen {distance(seen.seen_at - shared.at)}"
            yield Remark(Level.WARN, f"node {name}", words)
    others = sorted(differing(tuple(known.values()), node.identity.node))
    if others:
        words = f"differs on {', '.join(others)}: jobd ctl nodes tells in which jobs"
        yield Remark(Level.WARN, "the configuration", words)


def _trouble_words(node: Node, health: StoreHealth, zone: tzinfo) -> str:
    since = f" since {clock_time(health.since, node.now(), zone)}" if health.since else ""
    return f"{since}: {health.trouble}" if health.trouble else since


def _drain_words(node: Node, view: NodeView, zone: tzinfo) -> str:
    drain = view.drain
    if drain is None:
        return "nothing new starts here until jobd ctl undrain"
    why = f' "{drain.reason}"' if drain.reason else ""
    since = clock_time(drain.since, node.now(), zone)
    return f"by {drain.by} since {since}{why}; nothing new starts here until jobd ctl undrain"


def _configuration_remarks(node: Node, zone: tzinfo) -> Iterator[Remark]:
    is_good, read_at = node.config_state()
    if not is_good:
        of = clock_time(read_at, node.now(), zone)
        words = f"was refused; what was read at {of} is in force: jobd check tells what is wrong"
        yield Remark(Level.WARN, "the last reload", words)


def _clock_remarks(node: Node) -> Iterator[Remark]:
    offset = node.clock_offset()
    if abs(offset) >= CLOCK_OFF:
        side = "behind" if offset > timedelta(0) else "ahead of"
        words = f"is {in_words(abs(offset))} {side} the store's, which jobs follow"
        yield Remark(Level.WARN, "this machine's clock", words)
