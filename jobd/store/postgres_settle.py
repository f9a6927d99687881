"""Settle: a batch as the function ``jobd.settle`` takes it, and its answer read back."""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from jobd.core.attempt import rows_of
from jobd.core.claim import ActiveRun, ClaimAnswer, ClaimDenied, ClaimGranted, ClaimRequest
from jobd.core.ledger import Skip, SkipReason, TickRange
from jobd.ports.shared_store import Batch, Settled
from jobd.store import postgres_rows as rows
from jobd.store.columns import instant_of, instant_or_none, micros_or_none
from jobd.store.fresh import count_fresh

T = TypeVar("T")

_MICROSECOND = timedelta(microseconds=1)
_DECIDED = "decided"


@dataclass(slots=True)
class Settling:
    """One batch on its way. ``known``: the ledger rows over its ranges, once it was told."""

    batch: Batch
    node: str
    lease_ttl: timedelta
    known: dict[int, list[TickRange]] = field(default_factory=dict)
    _skips: list[rows.Json] = field(default_factory=list)

    def asked(self, lock_timeout: str) -> dict[str, Any]:
        """Return what to send."""
        batch = self.batch
        self._skips = self._skip_items()
        asked: dict[str, Any] = {
            "node": self.node,
            "ttl": self.lease_ttl // _MICROSECOND,
            "takes_over": batch.may_take_over,
            "not_after": micros_or_none(batch.not_after),
            "lock_timeout": lock_timeout,
            "jobs": sorted(_jobs_of(batch)),
            "ends": self._ends(),
            "claims": self._claims(),
        }
        pools = {c.demand.pool.name for c in batch.claims if c.demand.pool is not None}
        if pools:
            asked["pools"] = sorted(pools)
        if batch.skips:
            asked["skips"] = self._skips
        if batch.saves:
            asked["saves"] = [save_json(run) for run in batch.saves]
        return asked

    def learn(self, again: Mapping[str, Sequence[Sequence[int]]]) -> None:
        """Reckon with these ledger rows from now on: they lie over ranges of the batch."""
        for pos, found in again.items():
            job = self.batch.skips[int(pos)].ticks.job
            self.known[int(pos)] = [rows.range_of(job, row) for row in found]

    def settled(self, answer: Mapping[str, Any]) -> Settled:
        """Return the answers, position by position."""
        batch = self.batch
        ended, fresh = dict(answer["ended"]), dict(answer["skipped"])
        claimed = self._granted(answer["granted"], instant_of(answer["at"]))
        for pos, *found in answer["claimed"]:
            claimed[pos] = _answer(batch.claims[pos], found)
        return Settled(
            tuple(ended[pos] for pos in range(len(batch.finishes))),
            tuple(_counted(skip, fresh[pos]) for pos, skip in enumerate(batch.skips)),
            tuple(claimed[pos] for pos in range(len(batch.claims))),
            tuple(rows.record_of(run) for run in answer.get("lost", ())),
        )

    def _granted(self, waves: Sequence[Sequence[int]], at: datetime) -> dict[int, ClaimAnswer]:
        """Return the answers to plain claims; ``waves``: of each positions, then tokens."""
        claims, answers = self.batch.claims, dict[int, ClaimAnswer]()
        for places, tokens in zip(waves[::2], waves[1::2], strict=True):
            for pos, token in zip(places, tokens, strict=True):
                answers[pos] = ClaimGranted(claims[pos], token, at)
        return answers

    def _ends(self) -> list[rows.Json]:
        numbered = list(enumerate(self.batch.finishes))
        waves = waves_of((pair, (pair[1].record.job,)) for pair in numbered)
        return [rows.wave_json(rows.END, (rows.finish_row(*one) for one in wave)) for wave in waves]

    def _claims(self) -> list[rows.Json]:
        numbered = list(enumerate(self.batch.claims))
        waves = waves_of((pair, _contested(pair[1])) for pair in numbered)
        return [rows.wave_json(rows.WISH, (rows.claim_row(*one) for one in wave)) for wave in waves]

    def _skip_items(self) -> list[rows.Json]:
        """Return the skips, each with how many of its ticks are new; those of single ticks are
        looked up in the ledger by the function itself."""
        items, earlier = list[rows.Json](), defaultdict[str, list[TickRange]](list)
        for pos, skip in enumerate(self.batch.skips):
            ticks, seen = skip.ticks, self.known.get(pos, [])
            before = [one for one in earlier[ticks.job] if _meet(one, ticks)]
            count = count_fresh(ticks, [*seen, *before], skip.schedule)
            items.append(rows.skip_json(pos, skip, count, seen))
            earlier[ticks.job].append(ticks)
        return items


def save_json(run: ActiveRun, started_at: datetime | None = None) -> rows.Json:
    """Return where a run stands. ``started_at``: when it began, if that is to be remembered."""
    return {
        "run_id": run.run_id,
        "token": run.token,
        "attempt": run.attempt,
        "retry_at": micros_or_none(run.retry_at),
        "started_at": micros_or_none(started_at),
        "retried": rows_of(run.retried, rows.text) or None,
    }


def waves_of(items: Iterable[tuple[T, Collection[Hashable]]]) -> list[list[T]]:
    """Return items in runs of which none contests with another of its run."""
    waves, taken = list[list[T]](), set[Hashable]()
    for item, contested in items:
        if not waves or not taken.isdisjoint(contested):
            waves.append([])
            taken = set()
        waves[-1].append(item)
        taken.update(contested)
    return waves


def _contested(wish: ClaimRequest) -> Collection[Hashable]:
    pool = wish.demand.pool  # its name in a tuple, which no job's can be mistaken for
    return (wish.job,) if pool is None else (wish.job, (pool.name,))


def _jobs_of(batch: Batch) -> set[str]:
    runs = {end.record.job for end in batch.finishes} | {run.job for run in batch.saves}
    return runs | {s.ticks.job for s in batch.skips} | {c.job for c in batch.claims}


def _meet(one: TickRange, other: TickRange) -> bool:
    return one.last >= other.first and one.first <= other.last


def _counted(skip: Skip, fresh: int) -> Skip:
    if fresh == skip.ticks.count:
        return skip
    return replace(skip, ticks=replace(skip.ticks, count=fresh))


def _answer(wish: ClaimRequest, found: Sequence[Any]) -> ClaimAnswer:
    verdict = found[0]
    if verdict in ("granted", "again"):
        return ClaimGranted(wish, found[1], instant_of(found[2]))
    _, is_settled, blocker, until = found
    return ClaimDenied(
        wish,
        None if verdict == _DECIDED else SkipReason(verdict),
        is_settled,
        None if blocker is None else rows.active_run_of(blocker),
        instant_or_none(until),
    )
