"""Watches one run: its output as it grows, and its end. A daemon that restarts is waited for."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jobd.cli.ctl.client import Client, Document, Reply
from jobd.cli.ctl.errors import CtlError, NotFound, Refused, Unreachable
from jobd.clock import SystemClock

LONG_POLL_S = 25
PATIENCE_S = 30.0  # a restart of the daemon is over by then
STORE_PATIENCE_S = 300.0  # and a failover, or a short repair, of the store; the run goes on
PAUSE_S = 0.2  # between two questions; Patience bounds those that nobody answers


@dataclass(frozen=True, slots=True)
class Piece:
    """Some output of one attempt. ``skipped_bytes`` were lost in front of ``data``."""

    attempt: int
    data: bytes
    skipped_bytes: int


class Patience:
    """How long it may take until the daemon knows the run, or is there at all (again)."""

    def __init__(self) -> None:
        self._steady_s = SystemClock().steady_s
        self._since_s = self._steady_s()

    def renew(self) -> None:
        """The daemon has answered."""
        self._since_s = self._steady_s()

    def endure(self, error: CtlError) -> None:
        """Wait a moment; raise the error if it has gone on for too long or will not pass."""
        if self._steady_s() - self._since_s >= _bound_s(error):
            raise error
        time.sleep(PAUSE_S)  # between two questions, which the bound ends


def _bound_s(error: CtlError) -> float:
    """Return for how long an error may go on that passes by itself; 0 of any other."""
    if error.code == "store_unavailable":
        return STORE_PATIENCE_S
    is_passing = isinstance(error, Unreachable) or error.code in ("no_such_run", "unavailable")
    return PATIENCE_S if is_passing else 0.0


def wait_for_end(client: Client, run_id: str, patience: Patience) -> Document:
    """Return the run once it has ended, however long that takes."""
    while True:
        try:
            run: Document = client.get("runs", run_id, wait=LONG_POLL_S)["run"]
        except (Unreachable, Refused) as error:
            patience.endure(error)
            continue
        patience.renew()
        if run["ended_at"] is not None:
            return run
        time.sleep(PAUSE_S)  # between two looks; the run's end, or Ctrl-C, is what ends them


def follow(client: Client, run_id: str, attempt: int, patience: Patience) -> Iterator[Piece]:
    """Yield what the run writes, from ``attempt`` on, until it has ended."""
    offset = 0
    while True:
        reply = _next_reply(client, run_id, attempt, offset, patience)
        patience.renew()
        yield piece_of(reply)
        attempt, offset = _number(reply, "attempt"), _number(reply, "next-offset")
        if not is_complete(reply):
            continue
        if _number(reply, "attempts") > attempt:
            attempt, offset = attempt + 1, 0
        elif reply.headers["x-jobd-ended"] == "true":
            return


def read_all(client: Client, run_id: str, attempt: int) -> Iterator[Piece]:
    """Yield what an attempt has written so far."""
    offset = 0
    while True:
        reply = client.read("runs", run_id, "output", attempt=attempt, offset=offset)
        piece = piece_of(reply)
        attempt, offset = piece.attempt, _number(reply, "next-offset")
        yield piece
        if not piece.data and not piece.skipped_bytes:
            return


def piece_of(reply: Reply) -> Piece:
    """Return the piece of output that a reply carries."""
    return Piece(_number(reply, "attempt"), reply.body, _number(reply, "skipped-bytes"))


def is_complete(reply: Reply) -> bool:
    """Return whether nothing follows in this attempt."""
    return reply.headers["x-jobd-complete"] == "true"


def find_run(client: Client, name: str) -> dict[str, Any]:
    """Return the latest run of a job, or the run of that id or prefix."""
    try:
        runs = client.get("runs", job=name, limit=1)["runs"]
    except Refused as error:
        if error.code == "store_unavailable":
            return _active_run(client, name, error)
        if error.code != "no_such_job":
            raise
        return _run_by_id(client, name, error)
    if not runs:
        raise NotFound(f"job {name} has not run yet")
    run: dict[str, Any] = runs[0]
    return run


def _active_run(client: Client, name: str, silent: Refused) -> dict[str, Any]:
    """Return a run that is active; the daemon knows those without its store."""
    try:
        job = client.get("jobs", name)
    except Refused as error:
        if error.code != "no_such_job":
            raise
        return _run_by_id(client, name, error)
    active = [*job["elsewhere"], *job["active"]]
    if not active:
        raise silent
    run: dict[str, Any] = active[-1]
    return run


def _run_by_id(client: Client, name: str, no_job: Refused) -> dict[str, Any]:
    try:
        run: dict[str, Any] = client.get("runs", name)["run"]
    except Refused as error:
        raise (no_job if error.code == "no_such_run" else error) from None
    return run


def _next_reply(
    client: Client, run_id: str, attempt: int, offset: int, patience: Patience
) -> Reply:
    while True:
        try:
            return client.read(
                "runs", run_id, "output", attempt=attempt, offset=offset, follow=LONG_POLL_S
            )
        except (Unreachable, Refused) as error:
            _still_waits(client, run_id, patience)
            patience.endure(error)


def _still_waits(client: Client, run_id: str, patience: Patience) -> None:
    """Renew the patience while the run waits its turn: that may take long."""
    try:
        if client.get("runs", run_id)["run"]["state"] == "waiting":
            patience.renew()
    except (Unreachable, Refused):
        return


def _number(reply: Reply, name: str) -> int:
    return int(reply.headers[f"x-jobd-{name}"])
