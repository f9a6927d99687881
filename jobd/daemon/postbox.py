"""Postbox: answers what other nodes ask of this one."""

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import anyio

from jobd.core.cluster import Letter
from jobd.core.effects import Refused, Reply
from jobd.core.events import OperatorEvent, TriggerAsked
from jobd.core.view import JobView
from jobd.daemon import letters
from jobd.daemon.lane import Lane
from jobd.daemon.letters import Kind
from jobd.daemon.peers import SLICE_BYTES
from jobd.errors import JobdError, StoreUnavailable
from jobd.ports import SharedStore
from jobd.telemetry.logs import get_log
from jobd.web.node import OutputSlice
from jobd.web.problem import Problem
from jobd.web.shapes import JsonObject
from jobd.web.trigger import resolve_params

REMEMBERED = 10_000  # letters are shown until they are answered, and kept for a minute


class Here(Protocol):
    """What of this node others may ask for; DaemonNode is that."""

    def now(self) -> datetime: ...

    def job_view(self, name: str) -> JobView | None: ...

    async def ask(self, event: OperatorEvent) -> Reply:
        """Hand a wish to this node's scheduler; return its answer."""
        ...

    async def read_here(self, run_id: str, attempt: int, offset: int, limit: int) -> OutputSlice:
        """Return a piece of what an attempt wrote on this node."""
        ...

    def digests(self) -> Mapping[str, str]:
        """Return name → digest of every job that nodes share, as configured here."""
        ...


class Postbox:
    """Answers letters, each once. ``answer`` may take seconds: ``run`` gives each a task."""

    def __init__(self, store: SharedStore, here: Here) -> None:
        self._store = store
        self._here = here
        self._taken: deque[str] = deque(maxlen=REMEMBERED)
        self._lane = Lane[Letter]()

    def take(self, letters: Sequence[Letter]) -> None:
        """Take letters to be answered; never blocks."""
        for letter in letters:
            self._lane.put(letter)

    async def run(self) -> None:
        """Answer what was taken, until cancelled."""
        async with anyio.create_task_group() as tasks:
            while True:
                for letter in await self._lane.take():
                    tasks.start_soon(self.answer, letter)
                self._lane.done()

    async def answer(self, letter: Letter) -> None:
        """Do what a letter asks for and answer it. Never raises for what the world does.

        A view may show a letter again before its answer has arrived: that changes nothing.
        """
        if letter.letter_id in self._taken:
            return
        self._taken.append(letter.letter_id)
        try:
            await self._store.answer(letter.letter_id, letters.write(await self._said(letter)))
        except StoreUnavailable as error:
            # Whoever asked will be told that nobody answered, and that is so.
            get_log().warning("letter not answered", sender=letter.sender, error=str(error))

    async def _said(self, letter: Letter) -> JsonObject:
        try:
            return await self._dispatch(letter)
        except (JobdError, OSError, ValueError) as error:
            return {"error": str(error) or type(error).__name__}

    async def _dispatch(self, letter: Letter) -> JsonObject:
        match letter.kind:
            case Kind.TRIGGER | Kind.DRAIN:
                return letters.reply_content(await self._obey(letter))
            case Kind.OUTPUT:
                return letters.slice_content(await self._output(letter))
            case Kind.DIGESTS:
                return {"digests": dict(self._here.digests())}
        return {"error": f'this version does not know what "{letter.kind[:50]}" is'}

    async def _obey(self, letter: Letter) -> Reply:
        """Do as an operator on another node wishes, unless it is too late to be awaited:
        whoever was told that nobody answered must not be surprised a minute later."""
        until = letters.read(letter.body, letters.until_of)
        if until < self._here.now():
            raise JobdError("the wish came too late; it was not followed")
        convert = letters.trigger_of if letter.kind == Kind.TRIGGER else letters.drain_of
        event = letters.read(letter.body, lambda content: convert(content, letter.sender))
        refused = self._refusal(event) if isinstance(event, TriggerAsked) else None
        return refused or await self._here.ask(event)

    def _refusal(self, event: TriggerAsked) -> Refused | None:
        """Judge the parameters by the job as it is configured here, where it would run."""
        view = self._here.job_view(event.job)
        try:
            if view is not None:
                resolve_params(view.job, dict(event.params))
        except Problem as problem:
            return Refused(event.request_id, "bad_request", str(problem))
        return None

    async def _output(self, letter: Letter) -> OutputSlice:
        asked: dict[str, Any] = letters.read(letter.body, _output_asked)
        return await self._here.read_here(**asked)


def _output_asked(content: dict[str, Any]) -> dict[str, Any]:
    if not str(content["run_id"]).isalnum():
        raise ValueError("a run id that could be a path")
    return {
        "run_id": str(content["run_id"]),
        "attempt": int(content["attempt"]),
        "offset": max(int(content["offset"]), 0),
        "limit": min(max(int(content["limit"]), 0), SLICE_BYTES),
    }
