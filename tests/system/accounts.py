"""Accounts: the ledger of a job that is due each second, checked against the calendar.

The schedule ``* * * * * *`` makes the expectation trivial: every whole second is a tick.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.system.node import Node
from tests.system.processes import eventually

SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Accounts:
    """What the ledger says of a job. Ticks are written as in ``$JOBD_TICK``."""

    ticks: list[str]  # as often as the ledger has them, oldest first
    started: dict[str, str]  # tick to run id
    skipped: dict[str, str]  # tick to reason


def read_accounts(node: Node, job: str) -> Accounts:
    """Return what the ledger has of a job with a tick each second.

    A row may stand for a range; what other rows say of single ticks in it counts more, and
    of two ranges the one that was decided first.
    """
    accounts = Accounts([], {}, {})
    for verdict in sorted(node.verdicts(job), key=_precedence):
        span = _span(verdict["fire_time"], verdict["last_fire_time"])
        new = span if len(span) == 1 else [tick for tick in span if tick not in accounts.ticks]
        assert len(new) == verdict["ticks"], f"miscounted, {len(new)} are new: {verdict}"
        accounts.ticks.extend(new)
        fates = accounts.started if verdict["verdict"] == "started" else accounts.skipped
        fates.update(dict.fromkeys(new, verdict["reason"] or verdict["run_id"]))
    accounts.ticks.sort()
    return accounts


def settled(node: Node, job: str, until: datetime | None = None) -> Accounts:
    """Wait until every second from the first tick to ``until`` (now) is in the ledger, and
    return the ledger up to there. No tick of it is in there twice."""
    now = datetime.now(UTC)
    last = written(until or now)
    if until is not None:  # that many ticks are to come yet, and only time brings them
        time.sleep(max(0.0, (until - now).total_seconds()))

    def missing(ticks: list[str]) -> list[str]:
        return [tick for tick in _span(ticks[0], last) if tick not in ticks] if ticks else [last]

    def whole() -> Accounts | None:
        # Another reading may have nothing: while the store is silent nobody knows the ledger.
        accounts = read_accounts(node, job)
        return None if missing(accounts.ticks) else accounts

    accounts = eventually(
        whole, lambda: f"decided, for {job}: {missing(read_accounts(node, job).ticks)}"
    )
    assert accounts is not None
    assert len(set(accounts.ticks)) == len(accounts.ticks), f"ticks of {job} were decided twice"
    return Accounts(
        [tick for tick in accounts.ticks if tick <= last],
        {tick: run for tick, run in accounts.started.items() if tick <= last},
        {tick: reason for tick, reason in accounts.skipped.items() if tick <= last},
    )


def agree(node: Node, job: str, accounts: Accounts) -> None:
    """Assert that what the ledger calls started is what the jobs themselves noted.

    A run that ended as ``lost`` may have noted nothing: nobody knows how far it came.
    """
    lost = {run["run_id"] for run in node.runs(job, "lost")}
    wanted = {tick: run for tick, run in accounts.started.items() if run not in lost}
    eventually(
        lambda: wanted.items() <= _noted(node, job).items(),
        lambda: f"noted by {job} itself: {wanted.items() - _noted(node, job).items()}",
    )
    noted = {t: run for t, run in _noted(node, job).items() if t <= accounts.ticks[-1]}
    assert noted.items() <= accounts.started.items(), "the ledger does not know what has run"


def _noted(node: Node, job: str) -> dict[str, str]:
    """Return tick to run id by the jobs' own notes."""
    starts = [note for note in node.journal.starts(job) if note.tick != "-"]
    noted = {note.tick: note.run_id for note in starts}
    assert len(noted) == len({note.run_id for note in starts}), "a tick was started twice"
    return noted


def written(instant: datetime) -> str:
    """Return an instant as jobs find it in their environment."""
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


def _span(first: str, last: str) -> list[str]:
    begin, end = datetime.fromisoformat(first), datetime.fromisoformat(last)
    count = (end - begin) // SECOND + 1
    return [written(begin + number * SECOND) for number in range(count)]


def _precedence(verdict: dict[str, Any]) -> tuple[bool, str]:
    is_range = verdict["fire_time"] != verdict["last_fire_time"]
    return is_range, verdict["decided_at"]
