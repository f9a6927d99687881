"""Why: what became of a job's ticks, and what was in their way. Pure: rows in, words out.

Times in the words are in the job's own time zone, the one its schedule is written in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from enum import StrEnum

from jobd.core.attempt import EndedAttempt
from jobd.core.claim import Trigger
from jobd.core.ledger import SkipReason, TickRecord
from jobd.core.run import RunRecord
from jobd.core.ticks import due_of
from jobd.core.view import JobView
from jobd.web.shapes import JsonObject, iso, run_shape
from jobd.web.words import attempt_words, clock_time, in_words, stamp

_MEANINGS = {
    SkipReason.OVERLAP: "the prior run was still active",
    SkipReason.DUTY: "the job rested after its last run (max_duty)",
    SkipReason.POOL: "its pool was full",
    SkipReason.MEMORY_BUDGET: "no room within limits.memory_budget",
    SkipReason.MAX_RUNNING: "all places of limits.max_running were taken",
    SkipReason.PRESSURE: "the node was under pressure",
    SkipReason.BACKLOG: "too many ticks waited already (limits.max_waiting)",
    SkipReason.DEADLINE: "it could not start within start_deadline",
    SkipReason.MISFIRE: "nobody decided it in time",
    SkipReason.PAUSED: "the job was paused",
    SkipReason.DRAINING: "the node was draining or stopping",
    SkipReason.STORE_DOWN: "the store did not answer in time",
    SkipReason.NO_NODE: "no node could run it",
}


class Kind(StrEnum):
    """What a verdict says."""

    STARTED = "started"
    SKIPPED = "skipped"
    MANUAL = "manual"  # a run by hand: no tick stands behind it
    WAITING = "waiting"
    UNDECIDED = "undecided"
    FUTURE = "future"
    NO_TICK = "no_tick"


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a verdict may rest on. ``runs`` holds those that the rows name, if still kept."""

    view: JobView
    zone: tzinfo
    now: datetime
    rows: Sequence[TickRecord] = ()  # newest first
    runs: Mapping[str, RunRecord] = field(default_factory=dict)
    manual: Sequence[RunRecord] = ()
    names_nodes: bool = False  # there are several: say which one did it


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one tick, or of a range of them, or of a run by hand."""

    kind: Kind
    text: str
    fire_time: datetime | None
    row: TickRecord | None = None
    run: RunRecord | None = None  # the one it became
    blocker: RunRecord | None = None
    lateness_s: float | None = None  # from its due time, jitter included

    def shape(self) -> JsonObject:
        """Return the verdict as JSON."""
        row = self.row
        return {
            "verdict": self.kind.value,
            "text": self.text,
            "fire_time": iso(self.fire_time),
            "last_fire_time": iso(row.ticks.last) if row else iso(self.fire_time),
            "ticks": row.ticks.count if row else 0,
            "reason": row.reason.value if row and row.reason else None,
            "detail": row.detail if row else "",
            "decided_at": iso(row.decided_at) if row else None,
            "decided_by": row.node if row else None,
            "run_id": self.run.run_id if self.run else (row.run_id if row else None),
            "run": run_shape(self.run, with_params=False) if self.run else None,
            "blocker_id": row.blocker if row else None,
            "blocker": run_shape(self.blocker, with_params=False) if self.blocker else None,
            "lateness_s": self.lateness_s,
        }


def explain(evidence: Evidence) -> list[Verdict]:
    """Return a verdict for each ledger row and each run by hand, newest first."""
    verdicts = [judge_row(evidence, row) for row in evidence.rows]
    verdicts += [judge_manual(evidence, run) for run in evidence.manual]
    return sorted(verdicts, key=_instant_of, reverse=True)


def judge_row(evidence: Evidence, row: TickRecord) -> Verdict:
    """Return what one row of the ledger says."""
    return _skipped(evidence, row) if row.reason is not None else _started(evidence, row)


def judge_manual(evidence: Evidence, run: RunRecord) -> Verdict:
    """Return what became of a run that somebody asked for."""
    by = run.requested_by or "an operator"
    where = _on(run.node, evidence)
    words = f"run {run.run_id} started by hand{where}, asked by {by}, {_fate(run, evidence)}"
    text = f"{stamp(run.claimed_at, evidence.zone)} {words}"
    return Verdict(Kind.MANUAL, text, run.claimed_at, run=run)


def _skipped(evidence: Evidence, row: TickRecord) -> Verdict:
    assert row.reason is not None
    blocker = evidence.runs.get(row.blocker or "")
    words = _MEANINGS[row.reason]
    if row.blocker is not None:
        words = f"run {row.blocker} ({_whereabouts(evidence, row, blocker)}) was active"
    if row.detail:
        words = row.detail if row.blocker is None else f"{words}; {row.detail}"
    by = f"; decided by {row.node}" if evidence.names_nodes else ""
    text = f"{_which(row, evidence.zone)} skipped: {row.reason.value} — {words}{by}"
    return Verdict(Kind.SKIPPED, text, row.ticks.first, row, blocker=blocker)


def _whereabouts(evidence: Evidence, row: TickRecord, blocker: RunRecord | None) -> str:
    if blocker is None:
        return "no longer in the history"
    zone, beside = evidence.zone, row.ticks.first
    words = f"on {blocker.node}, started {clock_time(blocker.began_at, beside, zone)}"
    if blocker.attempt > 1:  # it may have begun elsewhere: only its last holder is on record
        words = f"started {clock_time(blocker.began_at, beside, zone)}"
        words += f", attempt {blocker.attempt} on {blocker.node}"
    if blocker.ended_at is None:
        return f"{words}, still running now"
    return f"{words}, still running then, ended {clock_time(blocker.ended_at, beside, zone)}"


def _started(evidence: Evidence, row: TickRecord) -> Verdict:
    which = _which(row, evidence.zone)
    run = evidence.runs.get(row.run_id or "")
    if run is None:
        where = _on(row.node, evidence)
        text = f"{which} started as run {row.run_id}{where} (no longer in the history)"
        return Verdict(Kind.STARTED, text, row.ticks.first, row)
    lateness = run.began_at - due_of(evidence.view.job, row.ticks.first)
    how = " to catch up" if run.trigger is Trigger.CATCHUP else ""
    after = f"{in_words(lateness)} after its due time"
    where = _on(row.node, evidence)
    text = f"{which} started as run {run.run_id}{where}{how}, {after}, {_fate(run, evidence)}"
    if evidence.names_nodes and run.node != row.node:
        text += f", taken over by {run.node}"
    return Verdict(
        Kind.STARTED, text, row.ticks.first, row, run, lateness_s=lateness.total_seconds()
    )


def _on(node: str, evidence: Evidence) -> str:
    return f" on {node}" if evidence.names_nodes else ""


def _fate(run: RunRecord, evidence: Evidence) -> str:
    """Return how a run ended, or that it has not."""
    tries = f", {tries_of(run)}" if tries_of(run) else ""
    if run.ended_at is None:
        return f"still active after {in_words(evidence.now - run.began_at)}{tries}"
    why = f" ({reason_of(run)})" if reason_of(run) else ""
    outcome = run.outcome.value if run.outcome else "unknown"
    return f"ended {outcome}{why} after {in_words(run.lasted_s or 0.0)}{tries}"


def tries_of(run: RunRecord) -> str:
    """Return which attempt a run is at, and how those before it ended; "" at the first."""
    return attempt_words(run.attempt, ((one.number, one.outcome) for one in run.retried))


def reason_of(run: RunRecord | EndedAttempt) -> str:
    """Return why a run came out as it did, in a few words; "" when nothing is to be said."""
    if run.reason:
        return run.reason
    if run.signal is not None:
        return f"signal {run.signal}"
    return f"exit status {run.exit_code}" if run.exit_code else ""


def _which(row: TickRecord, zone: tzinfo) -> str:
    ticks = row.ticks
    if ticks.count == 1:
        return stamp(ticks.first, zone)
    return f"{ticks.count} ticks from {stamp(ticks.first, zone)} to {stamp(ticks.last, zone)}"


def _instant_of(verdict: Verdict) -> datetime:
    assert verdict.fire_time is not None, "rows and runs have an instant"
    return verdict.fire_time
