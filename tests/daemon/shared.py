"""Nodes that share a store: one in memory that fails on demand; letters in a dictionary and
views that the test hands round."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import anyio

from jobd.core.claim import ActiveRun
from jobd.core.cluster import Letter, NodeSeen, NodeWord, StopAsked
from jobd.core.effects import Accepted, Reply
from jobd.core.events import OperatorEvent
from jobd.core.view import JobView, NodeView, SharedView
from jobd.daemon.peers import Peers
from jobd.daemon.postbox import Postbox
from jobd.errors import StateError, StoreUnavailable
from jobd.store.memory import MemoryStore
from jobd.web.node import OutputSlice, StoreHealth
from tests.daemon.fakes import NOON, FakeClock, FakeStore


class SharedMemory:
    """A MemoryStore with leases as one node reaches it: notes what it is asked, fails while
    ``is_down``, and may be slow (``answers_after`` is called before each answer)."""

    def __init__(self, whole: MemoryStore, node: str = "app1") -> None:
        self.whole = whole
        self.view = whole.at(node)
        self.is_down = False
        self.fails_next = 0  # so many of the coming calls
        self.refuses = ""  # why it cannot be used at all
        self.calls: list[tuple[str, Any]] = []
        self.answers_after: Callable[[], Any] = lambda: None
        self.is_open = False

    @property
    def trouble(self) -> str:
        return ""

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.view, name)

        async def asked(*arguments: Any, **options: Any) -> Any:
            self.calls.append((name, arguments[0] if arguments else None))
            if self.is_down or self.fails_next > 0:
                self.fails_next -= 1
                raise StoreUnavailable("connection refused")
            answer = await method(*arguments, **options)
            self.answers_after()
            return answer

        return asked

    async def open(self) -> None:
        self.is_open = True
        if self.refuses:
            raise StateError(self.refuses)
        if self.is_down:
            raise StoreUnavailable("connection refused")

    async def close(self) -> None:
        self.is_open = False

    def asked(self, name: str) -> list[Any]:
        """Return the first argument of each call of a name."""
        return [argument for call, argument in self.calls if call == name]


class FakeSharedStore(FakeStore):
    """The part of a SharedStore that letters and stops need."""

    def __init__(self) -> None:
        super().__init__()
        self.letters: list[Letter] = []
        self.replies: dict[str, str] = {}
        self.holders: dict[str, ActiveRun] = {}
        self.stops: list[StopAsked] = []
        self.is_mute = False  # takes letters, and gives none

    async def send(self, letter: Letter) -> None:
        self._fail_if_down()
        self.letters.append(letter)

    async def answer(self, letter_id: str, body: str) -> None:
        self._fail_if_down()
        self.replies[letter_id] = body

    async def reply(self, letter_id: str) -> str | None:
        self._fail_if_down()
        return self.replies.get(letter_id)

    async def ask_stop(self, stops: Sequence[StopAsked]) -> Sequence[ActiveRun | None]:
        self._fail_if_down()
        self.stops += stops
        return [self.holders.get(asked.run_id) for asked in stops]

    def unanswered(self, node: str) -> list[Letter]:
        """Return what a beat of that node would find."""
        if self.is_mute:
            return []
        return [one for one in self.letters if one.to == node and one.letter_id not in self.replies]

    def _fail_if_down(self) -> None:
        if self.is_down:
            raise StoreUnavailable("connection refused")


@dataclass
class FakeHere:
    """A node that others ask; see jobd.daemon.postbox.Here."""

    clock: FakeClock
    views: dict[str, JobView] = field(default_factory=dict)
    asked: list[OperatorEvent] = field(default_factory=list)
    says: Any = None  # instead of Accepted, or an exception to raise
    outputs: dict[tuple[str, int], bytes] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)

    def now(self) -> datetime:
        return self.clock.now()

    def job_view(self, name: str) -> JobView | None:
        return self.views.get(name)

    async def ask(self, event: OperatorEvent) -> Reply:
        self.asked.append(event)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says or Accepted(event.request_id, ("r1",), "started")

    async def read_here(self, run_id: str, attempt: int, offset: int, limit: int) -> OutputSlice:
        data = self.outputs.get((run_id, attempt), b"")[offset : offset + limit]
        return OutputSlice(data, offset + len(data))

    def digests(self) -> Mapping[str, str]:
        return self.known


def seen(node: str, ago_s: float = 0.5, **word: Any) -> NodeSeen:
    """Return a node that was heard of so long before noon."""
    facts = {"digest": "d1", **word}
    told = NodeWord(node, "i", f"id of {node}", "0.1.0", **facts)
    return NodeSeen(told, NOON - timedelta(hours=1), NOON - timedelta(seconds=ago_s))


def view_of_nodes(*nodes: NodeSeen, is_silent: bool = False) -> NodeView:
    """Return the scheduler's picture of nodes that share a store."""
    shared = SharedView(is_silent, NOON, nodes, NOON)
    return NodeView(0, 0, 0, 0, 16, 200, is_stopping=False, shared=shared)


@dataclass
class Town:
    """app1 asks, app2 answers as soon as somebody carries the letters."""

    clock: FakeClock
    store: FakeSharedStore = field(default_factory=FakeSharedStore)
    view: NodeView = field(default_factory=lambda: view_of_nodes(seen("app1"), seen("app2")))

    def __post_init__(self) -> None:
        self.peers = Peers(
            self.store,
            "app1",
            self.clock,
            view=lambda: self.view,
            health=lambda: StoreHealth(True, "", None),
            silence=lambda: timedelta(0),
        )
        self.there = FakeHere(self.clock)
        self.postbox = Postbox(self.store, self.there)

    async def carry(self) -> None:
        """Bring letters to app2 for ever, as its beats would."""
        while True:
            for letter in self.store.unanswered("app2"):
                await self.postbox.answer(letter)
            await anyio.sleep(0.01)  # between two beats; who started it cancels it
