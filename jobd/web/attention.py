"""Attention: what about a job somebody should look at, and which job first.

Told from what the scheduler remembers and from the skips of a day: cheap enough to be asked of ten
thousand jobs for one page. Trends are the report's.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from jobd.core.amounts import counted
from jobd.core.ceilings import MUCH, is_free_of_interval
from jobd.core.claim import Pause
from jobd.core.ledger import SkipReason
from jobd.core.outcome import Outcome
from jobd.core.run import RunState
from jobd.core.view import JobState, JobView
from jobd.web.remarks import Level
from jobd.web.shapes import Json
from jobd.web.words import distance, in_words, roughly

UNUSUALLY = 3  # times as long as usual
LONG = timedelta(minutes=1)  # below it nobody need look, however unusual it is
LATE = timedelta(seconds=5)

# Wanted, by a person or by who set max_duty; or told as an overlap.
_TOLD = frozenset({SkipReason.PAUSED, SkipReason.DRAINING, SkipReason.DUTY, SkipReason.OVERLAP})


class Concern(StrEnum):
    """Why somebody should look at a job, the most urgent first."""

    FAILING = "failing"
    LONG = "running too long"
    OVERLAPPING = "overlapping"
    SLOW = "slow"
    NEAR_CEILING = "near a ceiling"
    LATE = "late"
    SKIPPED = "skipped"
    PAUSED = "paused"
    UNDECIDED = "store down"

    @property
    def slug(self) -> str:
        """The concern as a word in an address."""
        return self.value.replace(" ", "-")


_RANKS: Mapping[Concern, int] = {concern: rank for rank, concern in enumerate(Concern)}
_QUIET = (len(_RANKS), 0.0)


@dataclass(frozen=True, slots=True)
class Worry:
    """One concern about a job: what is to be said of it, and how much it is beside others of
    its kind. Ten thousand are sorted for a hundred that are shown: so words are made late."""

    concern: Concern
    level: Level
    say: Callable[[], str]
    weight: float = 0.0

    @property
    def words(self) -> str:
        """What is to be said."""
        return self.say()


def worries(view: JobView, skips: Mapping[str, int], now: datetime) -> Iterator[Worry]:
    """Yield what there is to worry about, the most urgent first.

    ``skips``: the job's ticks that were skipped in the last day, by reason.
    """
    yield from _failing(view, now)
    yield from _too_long(view, now)
    yield from _overlapping(skips)
    yield from _slow(view)
    yield from _near_ceilings(view)
    yield from _late(view, now)
    yield from _skipped(skips)
    yield from _held_off(view, now)


def urgency(seen: Sequence[Worry]) -> tuple[int, float]:
    """Return where a job with these worries stands among others: the smaller, the sooner."""
    return (_RANKS[seen[0].concern], -seen[0].weight) if seen else _QUIET


def attention_shape(seen: Iterable[Worry]) -> list[Json]:
    """Return the worries about a job as JSON, the most urgent first."""
    return [
        {"concern": each.concern.value, "level": each.level.value, "words": each.words}
        for each in seen
    ]


def interval_use(view: JobView) -> float | None:
    """Return the share of its interval that a run takes; None where a run may not outgrow it:
    counted from the last run's end, or meant to run beside itself."""
    return None if is_free_of_interval(view.job) else view.utilization


def _failing(view: JobView, now: datetime) -> Iterator[Worry]:
    memory = view.memory
    if memory.last_outcome is None or memory.last_outcome == Outcome.SUCCESS:
        return
    if memory.last_outcome == Outcome.CANCELED:  # a person's doing
        return
    good = memory.last_success
    yield Worry(
        Concern.FAILING,
        Level.BAD,
        lambda: "never succeeded" if good is None else f"last success {distance(good - now)}",
    )


def _too_long(view: JobView, now: datetime) -> Iterator[Worry]:
    since, usual_s = [*_attempts_since(view)], view.memory.smoothed_duration_s
    if not since or usual_s is None:
        return
    runs_for = now - min(since)
    if runs_for > LONG and runs_for.total_seconds() > UNUSUALLY * usual_s:
        yield Worry(
            Concern.LONG,
            Level.BAD,
            lambda: f"for {roughly(runs_for)}, usually {in_words(usual_s)}",
            runs_for.total_seconds(),
        )


def _attempts_since(view: JobView) -> Iterator[datetime]:
    """Yield when the attempts began that run: one that waits for the next hangs at nothing. When
    a further attempt began on another node, that one knows."""
    for shown in view.runs:
        if shown.state is RunState.RUNNING and shown.started_at is not None:
            yield shown.started_at
    for run in view.elsewhere:
        if run.attempt == 1 and run.retry_at is None:
            yield run.claimed_at


def _overlapping(skips: Mapping[str, int]) -> Iterator[Worry]:
    count = skips.get(SkipReason.OVERLAP.value, 0)
    if count:
        yield Worry(Concern.OVERLAPPING, Level.WARN, lambda: _ticks(count), count)


def _slow(view: JobView) -> Iterator[Worry]:
    use = interval_use(view)
    if use is not None and use >= MUCH:
        level = Level.BAD if use >= 1 else Level.WARN
        yield Worry(Concern.SLOW, level, lambda: f"{_percent(use)} of its interval", use)


def _near_ceilings(view: JobView) -> Iterator[Worry]:
    memory, job = view.memory, view.job
    taken_s, peak = memory.smoothed_duration_s, memory.memory_peak_bytes
    if taken_s is not None and job.timeout is not None:
        yield from _near_ceiling(taken_s / job.timeout.total_seconds(), "timeout")
    if peak is not None and job.limits.memory_max_bytes:
        yield from _near_ceiling(peak / job.limits.memory_max_bytes, "memory_max")


def _near_ceiling(use: float, ceiling: str) -> Iterator[Worry]:
    if use >= MUCH:
        yield Worry(Concern.NEAR_CEILING, Level.WARN, lambda: f"{_percent(use)} of {ceiling}", use)


def _late(view: JobView, now: datetime) -> Iterator[Worry]:
    waits_long = [waiting for waiting in view.waiting if now - waiting.since > LATE]
    if waits_long:
        waits_for = now - min(waiting.since for waiting in waits_long)
        reasons = ", ".join(sorted({waiting.held_by for waiting in waits_long}))
        yield Worry(
            Concern.LATE,
            Level.WARN,
            lambda: f"waits for {roughly(waits_for)}: {reasons.replace('_', ' ')}",
            waits_for.total_seconds(),
        )
    elif not view.waiting and view.next_due is not None and not view.runs:
        late = now - view.next_due
        if late > LATE:
            yield Worry(
                Concern.LATE, Level.BAD, lambda: f"by {roughly(late)}", late.total_seconds()
            )


def _skipped(skips: Mapping[str, int]) -> Iterator[Worry]:
    others = {r: n for r, n in skips.items() if r not in _TOLD and n}
    if others:
        count, reasons = sum(others.values()), ", ".join(sorted(others)).replace("_", " ")
        yield Worry(Concern.SKIPPED, Level.WARN, lambda: f"{_ticks(count)}: {reasons}", count)


def _held_off(view: JobView, now: datetime) -> Iterator[Worry]:
    pause, skip_next = view.pause, view.memory.skip_next
    if pause is not None:
        yield Worry(Concern.PAUSED, Level.NOTE, lambda: _pause_words(pause, now))
    if skip_next is not None:
        yield Worry(Concern.PAUSED, Level.NOTE, lambda: _skip_next_words(skip_next))
    if view.state is JobState.STORE_DOWN:
        words = "no tick is decided until the shared store answers"
        yield Worry(Concern.UNDECIDED, Level.BAD, lambda: words)


def _pause_words(pause: Pause, now: datetime) -> str:
    until = f", ends {distance(pause.until - now)}" if pause.until else ""
    return f"by {pause.by} {distance(pause.since - now)}{_why(pause)}{until}"


def _skip_next_words(skip_next: Pause) -> str:
    return f"for the next tick alone, by {skip_next.by}{_why(skip_next)}"


def _why(pause: Pause) -> str:
    return f' "{pause.reason}"' if pause.reason else ""


def _ticks(count: int) -> str:
    return f"{counted(count, 'tick')} in 24 h"


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"
