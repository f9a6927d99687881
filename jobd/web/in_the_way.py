"""In the way: a sentence for everything that keeps a job from starting right now."""

from collections.abc import Iterator
from datetime import datetime, tzinfo

from jobd.core.amounts import size_words
from jobd.core.job import Scope
from jobd.core.ledger import SkipReason
from jobd.core.placement import may_run
from jobd.core.view import JobView, NodeView, WaitingView
from jobd.web.fleet import known_nodes, may_start
from jobd.web.words import stamp


def in_the_way(view: JobView, zone: tzinfo, now: datetime) -> Iterator[str]:
    """Yield what is known of the job itself, by whichever node."""
    job, memory = view.job, view.memory
    if not job.enabled:
        yield "disabled: enabled = false in its configuration"
    if job.schedule is None:
        yield "no schedule: it runs only when triggered"
    if view.pause is not None:
        until = view.pause.until
        end = f", until {stamp(until, zone)}" if until else ""
        why = f' "{view.pause.reason}"' if view.pause.reason else ""
        yield f"paused by {view.pause.by} since {stamp(view.pause.since, zone)}{why}{end}"
    if memory.skip_next is not None:
        why = f' "{memory.skip_next.reason}"' if memory.skip_next.reason else ""
        yield f"the next tick will be skipped: skip-next by {memory.skip_next.by}{why}"
    for shown in view.runs:
        where = f"on {shown.run.node} since {stamp(shown.began_at, zone)}"
        yield f"run {shown.run.run_id} is active {where}; overlap = {job.overlap.value}"
    for run in view.elsewhere:
        where = f"on {run.node} since {stamp(run.claimed_at, zone)}"
        yield f"run {run.run_id} is active {where}; overlap = {job.overlap.value}"
    if memory.rest_until is not None and memory.rest_until > now:
        yield f"max_duty: the job rests until {stamp(memory.rest_until, zone)}"
    for waiting in view.waiting:
        yield f"{_what(waiting, zone)} waits since {stamp(waiting.since, zone)}: {waiting.held_by}"


def _what(waiting: WaitingView, zone: tzinfo) -> str:
    if waiting.is_retry:
        return f"the next attempt of run {waiting.run_id}"
    return "a run" if waiting.fire_time is None else f"the tick of {stamp(waiting.fire_time, zone)}"


def around(view: JobView, node: NodeView, here: str, zone: tzinfo) -> Iterator[str]:
    """Yield what is in the way for want of a store, or of a node that may start the job."""
    if node.is_draining:
        yield _draining(view, node, here, zone)
    yield from _room(view, node, here)
    shared = node.shared
    if shared is None or view.job.scope is not Scope.CLUSTER:
        return
    if shared.is_silent:
        since = f"since {stamp(shared.since, zone)}" if shared.since else "yet"
        yield (
            f"the shared store has not answered {since}: no tick of this job can be decided; "
            f"those that pass are, once it answers, by catchup = {view.job.catchup.value}"
        )
    elif shared.at is not None and not _candidates(view, node, shared.at):
        names = ", ".join(view.job.nodes) or "any"
        yield f"no node that may run it (nodes: {names}) is up and starts anything new"


def _room(view: JobView, node: NodeView, here: str) -> Iterator[str]:
    """Yield why a tick that waits here has no room."""
    held_by, room = {waiting.held_by for waiting in view.waiting}, node.room
    if SkipReason.PRESSURE in held_by:
        yield f"{here} is under pressure: {room.pressure or 'it is easing'}; nothing new starts"
    if SkipReason.MAX_RUNNING in held_by:
        yield f"{node.running} of limits.max_running = {node.max_running} run on {here}"
    for waiting in view.waiting:
        if waiting.held_by == SkipReason.MEMORY_BUDGET:
            budget = room.memory_budget_bytes or 0
            taken = f"{size_words(room.memory_reserved_bytes)} of {size_words(budget)}"
            needs = size_words(waiting.memory_bytes)
            yield f"it needs {needs}; {taken} (limits.memory_budget) are reserved on {here}"


def _draining(view: JobView, node: NodeView, here: str, zone: tzinfo) -> str:
    drain = node.drain
    by = f" by {drain.by} since {stamp(drain.since, zone)}" if drain else ""
    why = f' "{drain.reason}"' if drain and drain.reason else ""
    is_shared = view.job.scope is Scope.CLUSTER and node.shared is not None
    rest = "other nodes may run it" if is_shared else "its ticks do not start"
    return f"{here} is drained{by}{why} and starts nothing new; {rest}"


def _candidates(view: JobView, node: NodeView, at: datetime) -> list[str]:
    return [
        name
        for name, seen in known_nodes(node).items()
        if may_start(seen, at) and may_run(view.job.nodes, name, seen.word.labels)
    ]
