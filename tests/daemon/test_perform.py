"""Perform: each effect goes to whom it concerns, in order, and nothing waits."""

from typing import Any

import pytest

from jobd.core.effects import (
    Accepted,
    CallHooks,
    Claim,
    Effect,
    ExtendRun,
    FinishRun,
    LookAround,
    RecordSkips,
    Refused,
    RenewLeases,
    SaveDrain,
    SavePause,
    SaveRun,
    SaveSkipNext,
    StartRun,
    StopElsewhere,
    StopRun,
    TakeRuns,
)
from jobd.core.outcome import StopCause
from jobd.daemon.perform import Performer
from tests.daemon.fakes import finish_of, job_of, run_of

RUN = run_of()


class Lane:
    """One who takes effects over."""

    def __init__(self, name: str, taken: list[tuple[str, Effect]]) -> None:
        self.lane = self
        self._name, self._taken = name, taken

    def put(self, effect: Effect) -> None:
        self._taken.append((self._name, effect))

    give = put


class Membership:
    """What there is more of in a cluster."""

    def __init__(self, taken: list[tuple[str, Effect]]) -> None:
        self.renewals = Lane("renewals", taken)
        self.heartbeat = self
        self._taken = taken

    def look_around(self) -> None:
        self._taken.append(("heartbeat", LookAround()))


@pytest.fixture
def taken() -> list[tuple[str, Effect]]:
    return []


@pytest.fixture
def perform(taken: list[tuple[str, Effect]]) -> Any:
    here = Lane("this node", taken)
    others = (Lane(name, taken) for name in ("supervisor", "answers", "store", "hooks"))
    return Performer(here, *others, Membership(taken))


@pytest.mark.parametrize(
    ("effect", "whose"),
    [
        (Claim(()), "store"),
        (RecordSkips(()), "store"),
        (SaveRun(RUN), "store"),
        (FinishRun(finish_of(RUN)), "store"),
        (SavePause(("a",), None, "anna"), "store"),
        (SaveSkipNext("a", None, "anna"), "store"),
        (StartRun(RUN, job_of()), "supervisor"),
        (StopRun("aa11", StopCause.CANCEL), "supervisor"),
        (ExtendRun("aa11", 7.0), "supervisor"),
        (TakeRuns(()), "store"),
        (StopElsewhere(()), "store"),
        (RenewLeases(()), "renewals"),
        (LookAround(), "heartbeat"),
        (CallHooks(job_of(), finish_of(RUN).record, ()), "hooks"),
        (SaveDrain(None, "anna"), "this node"),
        (Accepted("q"), "answers"),
        (Refused("q", "busy", ""), "answers"),
    ],
)
def test_every_effect_has_one_to_perform_it(
    perform: Any, taken: list[Any], effect: Effect, whose: str
) -> None:
    perform([effect])
    assert taken == [(whose, effect)]


def test_an_attempt_that_will_be_retried_finishes_nothing(perform: Any, taken: list[Any]) -> None:
    """The lease stays with the run between its attempts."""
    perform([FinishRun(finish_of(RUN), will_retry=True)])
    assert taken == []


def test_order_is_kept(perform: Any, taken: list[Any]) -> None:
    effects = [FinishRun(finish_of(RUN)), Claim(()), StartRun(RUN, job_of()), RecordSkips(())]
    perform(effects)
    assert [effect for _, effect in taken] == effects
