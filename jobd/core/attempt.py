"""Attempt: what is kept of those attempts of a run that were retried, or were to be."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from jobd.core.outcome import Outcome
from jobd.core.zone import EPOCH

MOST_KEPT = 20  # of a run; of more, the oldest go

_MICROSECOND = timedelta(microseconds=1)
_KNOWN = 4  # columns of a row after its outcome; a newer jobd may write more


@dataclass(frozen=True, slots=True)
class EndedAttempt:
    """How an attempt went."""

    number: int
    node: str
    started_at: datetime | None  # None: nobody who is left saw it begin
    ended_at: datetime
    outcome: Outcome
    reason: str = ""  # why it could not start, or was stopped, in words
    exit_code: int | None = None
    signal: int | None = None
    memory_peak_bytes: int | None = None

    @property
    def lasted_s(self) -> float | None:
        """How long it took; None where its begin is not known."""
        if self.started_at is None:
            return None
        return max((self.ended_at - self.started_at).total_seconds(), 0.0)


def followed(retried: tuple[EndedAttempt, ...], attempt: EndedAttempt) -> tuple[EndedAttempt, ...]:
    """Return a run's attempts with the one that has ended, as many as are kept."""
    return (*retried, attempt)[-MOST_KEPT:]


def rows_of(
    attempts: Iterable[EndedAttempt], text: Callable[[str], str] = str
) -> list[Sequence[Any]]:
    """Return attempts as JSON has them, instants in microseconds since 1970; ``text`` makes words
    such as can be kept."""
    return [
        (
            one.number,
            one.node,
            None if one.started_at is None else (one.started_at - EPOCH) // _MICROSECOND,
            (one.ended_at - EPOCH) // _MICROSECOND,
            one.outcome.value,
            text(one.reason),
            one.exit_code,
            one.signal,
            one.memory_peak_bytes,
        )
        for one in attempts
    ]


def attempts_of(rows: Iterable[Sequence[Any]]) -> tuple[EndedAttempt, ...]:
    """Return the attempts of such rows."""
    return tuple(
        EndedAttempt(
            number,
            node,
            None if started is None else EPOCH + started * _MICROSECOND,
            EPOCH + ended * _MICROSECOND,
            Outcome(outcome),
            *rest[:_KNOWN],
        )
        for number, node, started, ended, outcome, *rest in rows
    )
