"""Peers: asks other nodes. They never speak to each other; the shared store carries letters.

A letter is in its addressee's next view, so an answer takes a second or so. Whoever asks
looks for it five times a second, ten seconds at most, and then says so in plain words.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import anyio

from jobd.core import placement
from jobd.core.claim import ActiveRun
from jobd.core.cluster import Letter, StopAsked
from jobd.core.effects import Reply
from jobd.core.events import DrainAsked, TriggerAsked
from jobd.core.job import Job
from jobd.core.outcome import StopCause
from jobd.core.run import RunRecord
from jobd.core.view import NodeView
from jobd.daemon import letters
from jobd.daemon.drift import differing
from jobd.daemon.letters import BadLetter, Declined, Kind
from jobd.errors import NodeUnavailable, StoreUnavailable
from jobd.ports import Clock, SharedStore
from jobd.web.fleet import is_up, known_nodes, may_start, whereabouts
from jobd.web.node import OutputSlice, StoreHealth

PATIENCE = timedelta(seconds=10)
LOOK_S = 0.2  # between two looks for an answer
SLICE_BYTES = 1 << 16  # of output in one answer: it is a row of the store


class Peers:
    """Asks the other nodes of a cluster. ``view`` is the scheduler's picture of them."""

    def __init__(
        self,
        store: SharedStore,
        node: str,
        clock: Clock,
        *,
        view: Callable[[], NodeView],
        health: Callable[[], StoreHealth],
        silence: Callable[[], timedelta],
    ) -> None:
        self._store = store
        self._node = node
        self._clock = clock
        self._view = view
        self.health = health
        self.silence = silence  # for how long the store has not answered

    def best_for(self, job: Job) -> str | None:
        """Name the other node that would try a tick of the job first; None: none starts it."""
        view = self._view()
        at, known = view.shared.at if view.shared else None, known_nodes(view)
        able = [
            name
            for name, seen in known.items()
            if at is not None and name != self._node and may_start(seen, at)
            if placement.may_run(job.nodes, name, seen.word.labels)
        ]

        def turn(name: str) -> tuple[timedelta, int]:
            place = placement.rank(job.name, name, able)
            return placement.delay(place, known[name].word.load), place

        return min(able, key=turn, default=None)

    async def ask(self, to: str, event: TriggerAsked | DrainAsked) -> Reply:
        """Hand a wish to another node's scheduler; return its answer."""
        until = self._clock.now() + PATIENCE
        if isinstance(event, TriggerAsked):
            kind, content = Kind.TRIGGER, letters.trigger_content(event, until)
        else:
            kind, content = Kind.DRAIN, letters.drain_content(event, until)
        answer = await self._exchange(to, kind, content, "")
        return self._read(to, answer, lambda said: letters.reply_of(said, event.request_id))

    async def read_output(
        self, record: RunRecord, attempt: int, offset: int, limit: int
    ) -> OutputSlice:
        """Return a piece of what an attempt wrote on the node that holds the run."""
        content: dict[str, object] = {
            "run_id": record.run_id,
            "attempt": attempt,
            "offset": offset,
            "limit": min(limit, SLICE_BYTES),
        }
        what = f"the output of run {record.run_id} is held by "
        answer = await self._exchange(record.node, Kind.OUTPUT, content, what)
        return self._read(record.node, answer, letters.slice_of)

    async def search_output(
        self, record: RunRecord, attempt: int, offset: int, limit: int
    ) -> OutputSlice:
        """Return a piece of what an attempt wrote before the run went on, perhaps elsewhere.

        Only the holder of the last attempt is on record: the others are asked one by one.
        """
        others = [name for name in known_nodes(self._view()) if name != self._node]
        for name in others:
            with suppress(NodeUnavailable):
                held = replace(record, node=name)
                piece = await self.read_output(held, attempt, offset, limit)
                if piece.data or piece.skipped_bytes:
                    return piece
        return OutputSlice(b"", offset)

    async def drift(self, mine: Mapping[str, str]) -> dict[str, Sequence[str]]:
        """Return node → the jobs that differ there; () where it does not say which."""
        known = known_nodes(self._view())
        here = known.get(self._node)
        found: dict[str, Sequence[str]] = {}
        async with anyio.create_task_group() as tasks:
            for name, seen in known.items():
                if here is not None and seen.word.digest != here.word.digest:
                    tasks.start_soon(self._note_drift, name, mine, found)
        return found

    async def stop(self, run_ids: Iterable[str]) -> Sequence[ActiveRun]:
        """Ask the holders of runs to stop them; return those that are active."""
        stops = [StopAsked(run_id, StopCause.CANCEL) for run_id in run_ids]
        return [run for run in await self._store.ask_stop(stops) if run is not None]

    async def _note_drift(
        self, name: str, mine: Mapping[str, str], found: dict[str, Sequence[str]]
    ) -> None:
        try:
            answer = await self._exchange(name, Kind.DIGESTS, {}, "")
            theirs = self._read(name, answer, letters.digests_in)
        except (NodeUnavailable, StoreUnavailable):
            found[name] = ()
            return
        found[name] = differing(mine, theirs)

    async def _exchange(self, to: str, kind: Kind, content: Mapping[str, object], what: str) -> str:
        """Send a letter; return the answer. ``what`` begins the words where there is none."""
        self._check_reachable(to, what)
        letter = Letter(secrets.token_hex(8), self._node, to, kind, letters.write(content))
        await self._store.send(letter)
        answer: str | None = None
        with anyio.move_on_after(PATIENCE.total_seconds()):
            while answer is None:
                await anyio.sleep(LOOK_S)  # between two looks, which PATIENCE bounds
                answer = await self._look(letter.letter_id)
        if answer is None:
            words = f"does not answer within {PATIENCE.total_seconds():.0f} s"
            where = whereabouts(to, self._view())
            raise NodeUnavailable(f"{what}{where}, and {words}")
        return answer

    async def _look(self, letter_id: str) -> str | None:
        try:
            return await self._store.reply(letter_id)
        except StoreUnavailable:
            return None  # within the same patience it may be back

    def _check_reachable(self, to: str, what: str) -> None:
        """Raise at once where there is nothing to wait for."""
        view = self._view()
        shared, seen = view.shared, known_nodes(view).get(to)
        if shared is None or shared.is_silent or shared.at is None:
            who = f"{what}{to}, which" if what else to
            raise NodeUnavailable(f"{who} cannot be asked: the shared store does not answer")
        if seen is None or not is_up(seen, shared.at):
            raise NodeUnavailable(f"{what}{whereabouts(to, view)}: it cannot be asked")

    def _read(
        self, node: str, body: str, convert: Callable[[dict[str, object]], letters.T]
    ) -> letters.T:
        try:
            return letters.read(body, convert)
        except BadLetter as error:
            words = f"the answer of {node} is {error}; do both run the same version of jobd?"
            raise NodeUnavailable(words) from error
        except Declined as error:
            raise NodeUnavailable(f"{node} says: {error}") from error
