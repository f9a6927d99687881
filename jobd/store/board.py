"""Board: what nodes that share a store tell of themselves and to each other."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from jobd.core.cluster import Letter, NodeSeen, NodeWord, StopAsked
from jobd.core.outcome import StopCause
from jobd.errors import StateError

NODES_SHOWN = timedelta(hours=24)
NAMESAKE = timedelta(seconds=10)  # another of the same name that was seen within it is alive
LETTER_KEPT = timedelta(minutes=1)


@dataclass(slots=True)
class Posted:
    """A letter on the board."""

    letter: Letter
    at: datetime
    answer: str | None = None


@dataclass(slots=True, eq=False)
class Board:
    """Nodes, letters, and runs that somebody wants stopped."""

    nodes: dict[str, NodeSeen] = field(default_factory=dict)
    stops: dict[str, StopCause] = field(default_factory=dict)
    letters: dict[str, Posted] = field(default_factory=dict)

    def see(self, word: NodeWord, now: datetime) -> bool:
        """Note that a node is there; return whether it was unknown.

        ``StateError``: another node of that name is.
        """
        known = self.nodes.get(word.node)
        if known is not None and _is_namesake(known, word, now):
            raise StateError(
                f"another daemon is called {word.node} and was seen at {known.seen_at:%H:%M:%S}; "
                "give one of them another daemon.node"
            )
        is_same = known is not None and known.word.incarnation == word.incarnation
        started_at = known.started_at if known is not None and is_same else now
        self.nodes[word.node] = NodeSeen(word, started_at, now)
        return known is None

    def forget(self, older_than: datetime) -> frozenset[str]:
        """Forget the nodes that have not been seen since then; return their names."""
        gone = frozenset(name for name, one in self.nodes.items() if one.seen_at < older_than)
        for name in gone:
            del self.nodes[name]
        return gone

    def seen(self, now: datetime) -> tuple[NodeSeen, ...]:
        """Return the nodes of the last day, by name."""
        return tuple(
            node for _, node in sorted(self.nodes.items()) if now - node.seen_at <= NODES_SHOWN
        )

    def stops_of(self, run_ids: Iterable[str]) -> tuple[StopAsked, ...]:
        """Return which of these runs are to be stopped."""
        if not self.stops:
            return ()
        return tuple(StopAsked(run, self.stops[run]) for run in run_ids if run in self.stops)

    def letters_to(self, node: str, now: datetime) -> tuple[Letter, ...]:
        """Return a node's letters that wait for an answer."""
        if not self.letters:
            return ()
        self._tidy(now)
        return tuple(
            p.letter for p in self.letters.values() if p.letter.to == node and p.answer is None
        )

    def post(self, letter: Letter, now: datetime) -> None:
        """Put up a letter; once, however often it is sent."""
        self._tidy(now)
        self.letters.setdefault(letter.letter_id, Posted(letter, now))

    def answer(self, letter_id: str, body: str) -> None:
        """Answer a letter that is still there."""
        posted = self.letters.get(letter_id)
        if posted is not None:
            posted.answer = body

    def reply(self, letter_id: str) -> str | None:
        """Return the answer to a letter."""
        posted = self.letters.get(letter_id)
        return None if posted is None else posted.answer

    def _tidy(self, now: datetime) -> None:
        for letter_id in [i for i, p in self.letters.items() if now - p.at > LETTER_KEPT]:
            del self.letters[letter_id]


def _is_namesake(known: NodeSeen, word: NodeWord, now: datetime) -> bool:
    is_other = known.word.state_id != word.state_id and not known.word.is_leaving
    return is_other and now - known.seen_at <= NAMESAKE
