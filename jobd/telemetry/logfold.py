"""LogFold: one line for each thing that an operator may ask about later.

Starts, ends and skips of runs, what operators asked for, and each change (not each sign) of
the store's and the supervisor's health.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from structlog.typing import FilteringBoundLogger

from jobd.core import effects as fx
from jobd.core import events as ev
from jobd.core.claim import ActiveRun, ClaimDenied
from jobd.core.ledger import SkipReason
from jobd.core.outcome import Outcome
from jobd.core.run import RunRecord
from jobd.telemetry import fields

# Skips and ends that somebody asked for, and a run that was once a little late; all others
# deserve a look, as do overlaps in a row.
_EXPECTED_SKIPS = frozenset({SkipReason.PAUSED, SkipReason.DRAINING, SkipReason.OVERLAP})
_EXPECTED_ENDS = frozenset({Outcome.SUCCESS, Outcome.CANCELED})

_ASKED = {
    ev.TriggerAsked: ("trigger", "run triggered"),
    ev.CancelAsked: ("cancel", "run canceled"),
    ev.PauseAsked: ("pause", "job paused"),
    ev.ResumeAsked: ("resume", "job resumed"),
    ev.SkipNextAsked: ("skip-next", "next tick is to be skipped"),
}


class LogFold:
    """Folds what passes through the scheduler into log records."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log
        self._starting: dict[str, ActiveRun] = {}
        self._asked: dict[str, ev.OperatorEvent] = {}  # by request, until it is answered
        self._claim_error = ""
        self._trouble = ""
        self._pressure = ""
        self._is_configured = False
        self._folds: dict[type, Callable[[Any], None]] = {
            ev.Configured: self._configured,
            ev.Recovered: self._recovered,
            ev.ClaimsDecided: self._claims_decided,
            ev.ClaimsFailed: self._claims_failed,
            ev.TakenOver: self._taken_over,
            ev.SkipsRecorded: self._skips_recorded,
            ev.RunStarted: self._run_started,
            ev.SupervisorLost: self._supervisor_lost,
            ev.ClockJumped: self._clock_jumped,
            ev.ShutdownAsked: self._shutdown_asked,
            **dict.fromkeys(_ASKED, self._operator_asked),
            fx.StartRun: self._start_run,
            fx.StopRun: self._stop_run,
            fx.FinishRun: self._finish_run,
            fx.Accepted: self._accepted,
            fx.Refused: self._refused,
        }

    def observe(self, event: ev.Event, effects: Iterable[fx.Effect], now: datetime) -> None:
        """Log an event that the scheduler has handled, and what it asked for in answer."""
        folds = self._folds
        fold = folds.get(type(event))
        if fold is not None:
            fold(event)
        for effect in effects:
            fold = folds.get(type(effect))
            if fold is not None:
                fold(effect)

    def store_trouble(self, trouble: str) -> None:
        """Log why history is not being kept ("" when it is), if that has changed."""
        if trouble and trouble != self._trouble:
            self._log.error("history is not kept", trouble=trouble)
        elif self._trouble and not trouble:
            self._log.info("history is kept again")
        self._trouble = trouble

    def pressure(self, words: str) -> None:
        """Log what is above its limit ("" when nothing is), if that begins or ends."""
        if words and not self._pressure:
            self._log.warning("under pressure, nothing new starts", pressure=words)
        elif self._pressure and not words:
            self._log.info("the pressure has eased")
        self._pressure = words

    def overlaps(self, job: str, in_a_row: int) -> None:
        """Log that a job's runs outlast its interval again and again."""
        self._log.warning(
            "a job outlasts its interval: its ticks are skipped while the prior run is active",
            job=job,
            in_a_row=in_a_row,
        )

    def config_refused(self, errors: Sequence[str], by: str) -> None:
        """Log that a reload failed and changed nothing."""
        shown = fields.shortened(errors)
        self._log.error("reload refused, configuration unchanged", by=by, errors=shown)

    def reloaded(
        self, added: Sequence[str], changed: Sequence[str], removed: Sequence[str], by: str
    ) -> None:
        """Log what a reload changed."""
        self._log.info(
            "configuration reloaded",
            by=by,
            added=fields.shortened(added),
            changed=fields.shortened(changed),
            removed=fields.shortened(removed),
        )

    def _configured(self, event: ev.Configured) -> None:
        if not self._is_configured:  # later ones are reloads, which know who asked
            self._log.info(
                "configuration in force", jobs=len(event.jobs), max_running=event.max_running
            )
        self._is_configured = True

    def _recovered(self, event: ev.Recovered) -> None:
        self._log.info("supervisor connected", runs_held=len(event.held))
        for held in event.held:
            if held.exit is None and not held.start_error:
                self._log.info("run taken back", **fields.of_run(held.run))

    def _supervisor_lost(self, event: ev.SupervisorLost) -> None:
        self._log.error("supervisor lost, and every run with it")

    def _clock_jumped(self, event: ev.ClockJumped) -> None:
        self._log.warning("wall clock jumped", by_s=event.by.total_seconds())

    def _shutdown_asked(self, event: ev.ShutdownAsked) -> None:
        self._log.info("stopping the runs" if event.stop_runs else "starting nothing more")

    def _claims_decided(self, event: ev.ClaimsDecided) -> None:
        self._store_answered()
        self._ended_for_others(event.lost)
        for answer in event.answers:
            if isinstance(answer, ClaimDenied):
                self._denied(answer)

    def _taken_over(self, event: ev.TakenOver) -> None:
        self._ended_for_others(event.ended)
        for run in event.runs:
            self._log.warning("run taken over from a silent node", **fields.of_run(run))

    def _ended_for_others(self, records: Iterable[RunRecord]) -> None:
        """Their own node may never say it: it is gone."""
        for record in records:
            self._log.warning(
                "run of a silent node ended", node=record.node, **fields.of_end(record)
            )

    def _denied(self, answer: ClaimDenied) -> None:
        is_tick = answer.request.fire_time is not None
        if answer.settled and answer.reason is not None and is_tick:
            self._skipped(answer.reason, fields.of_denial(answer))

    def _skips_recorded(self, event: ev.SkipsRecorded) -> None:
        self._store_answered()
        for skip in event.skips:
            if skip.ticks.count:
                self._skipped(skip.reason, fields.of_skip(skip))

    def _skipped(self, reason: SkipReason, which: fields.Fields) -> None:
        log = self._log.info if reason in _EXPECTED_SKIPS else self._log.warning
        log("tick skipped", **which)

    def _claims_failed(self, event: ev.ClaimsFailed) -> None:
        if event.error != self._claim_error:
            self._log.error("claims fail", error=event.error, claims=len(event.requests))
        self._claim_error = event.error

    def _store_answered(self) -> None:
        if self._claim_error:
            self._log.info("claims are answered again")
        self._claim_error = ""

    def _start_run(self, effect: fx.StartRun) -> None:
        self._starting[effect.run.run_id] = effect.run

    def _run_started(self, event: ev.RunStarted) -> None:
        run = self._starting.pop(event.run_id, None)
        if run is not None:
            self._log.info("run started", **fields.of_run(run))

    def _stop_run(self, effect: fx.StopRun) -> None:
        self._log.info("stopping run", run=effect.run_id, cause=effect.cause.value)

    def _finish_run(self, effect: fx.FinishRun) -> None:
        record = effect.finish.record
        self._starting.pop(record.run_id, None)
        text = "attempt ended, will retry" if effect.will_retry else "run ended"
        log = self._log.info if record.outcome in _EXPECTED_ENDS else self._log.warning
        log(text, **fields.of_end(record))

    def _operator_asked(self, event: ev.OperatorEvent) -> None:
        self._asked[event.request_id] = event

    def _accepted(self, effect: fx.Accepted) -> None:
        event = self._asked.pop(effect.request_id, None)
        if event is not None:
            _, text = _ASKED[type(event)]
            runs = fields.given(runs=",".join(effect.run_ids))
            self._log.info(text, **fields.of_request(event), **runs)

    def _refused(self, effect: fx.Refused) -> None:
        event = self._asked.pop(effect.request_id, None)
        if event is not None:
            action, _ = _ASKED[type(event)]
            asked = {"action": action, **fields.of_request(event)}
            self._log.warning("request refused", **asked, code=effect.code, why=effect.message)
