"""Rows of the cluster: what nodes tell of themselves and one another, as the JSON of PostgreSQL's
functions, and back."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from jobd.core.cluster import ClusterView, Letter, NodeSeen, NodeWord, StopAsked
from jobd.core.outcome import StopCause
from jobd.store.columns import instant_of, instant_or_none, micros_or_none
from jobd.store.postgres_rows import Json, active_run_of, memory_of, text, tick_of


def word_json(word: NodeWord) -> Json:
    """Return what a node tells of itself."""
    told = {name: text(v) if isinstance(v, str) else v for name, v in asdict(word).items()}
    doubts_until = micros_or_none(word.doubts_until)
    return {**told, "labels": [text(one) for one in word.labels], "doubts_until": doubts_until}


def node_of(found: Json) -> NodeSeen:
    """Return a node. Words that only a newer jobd knows are left out."""
    known = {item.name for item in fields(NodeWord)}
    told = {name: value for name, value in found["word"].items() if name in known}
    told["labels"] = tuple(told.get("labels", ()))
    told["doubts_until"] = instant_or_none(told.get("doubts_until"))
    times = instant_of(found["started_at"]), instant_of(found["seen_at"])
    return NodeSeen(NodeWord(**told), *times)


def letter_of(found: Json) -> Letter:
    """Return a letter."""
    ends = (found["letter_id"], found["sender"], found["addressee"])
    return Letter(*ends, found["kind"], found["body"])


def view_of(view: Mapping[str, Any]) -> ClusterView:
    """Return the answer to a beat."""
    return ClusterView(
        at=instant_of(view["at"]),
        nodes=tuple(map(node_of, view["nodes"] or ())),
        decided=tuple(map(tick_of, view["decided"] or ())),
        jobs=tuple(map(memory_of, view["jobs"] or ())),
        overdue=tuple(map(active_run_of, view["overdue"] or ())),
        stops=tuple(StopAsked(run_id, StopCause(cause)) for run_id, cause in view["stops"] or ()),
        pools=dict(view["pools"] or {}),
        letters=tuple(map(letter_of, view["letters"] or ())),
        was_unknown=view["was_unknown"],
    )
