"""Signs: what was skipped, and what ended badly."""

from datetime import timedelta

from jobd.core.ledger import SkipReason
from jobd.ports import SkipCell
from jobd.web.pages.signs import failure_signs, skip_signs
from tests.web.pages.test_bars import MINUTE, NOON, WINDOW, bars, cell

OVERLAP, PAUSED = SkipReason.OVERLAP, SkipReason.PAUSED


def skip(minute: int, reason: SkipReason = OVERLAP, ticks: int = 1, lasts: int = 0) -> SkipCell:
    first = NOON + minute * MINUTE
    last = first + timedelta(minutes=lasts)
    return SkipCell("a", minute, reason, ticks, first, last, f"at {minute}", f"run{minute}")


def test_a_skip_that_has_room_is_a_sign_with_its_reason() -> None:
    (sign,) = skip_signs([skip(5)], WINDOW)
    assert (sign.kind, sign.count, sign.detail, sign.blocker) == ("overlap", 1, "at 5", "run5")


def test_skips_for_one_reason_close_together_are_one_sign() -> None:
    (sign,) = skip_signs([skip(minute) for minute in range(200)], WINDOW)
    assert sign.count == 200
    assert sign.last == NOON + 199 * MINUTE


def test_different_reasons_are_different_signs() -> None:
    cells = [skip(minute, reason) for minute in range(9) for reason in (OVERLAP, PAUSED)]
    assert [sign.kind for sign in skip_signs(cells, WINDOW)] == ["overlap", "paused"]


def test_skips_far_apart_are_signs_of_their_own() -> None:
    assert [sign.count for sign in skip_signs([skip(0), skip(60)], WINDOW)] == [1, 1]


def test_a_range_of_ticks_reaches_to_its_last_one() -> None:
    (sign,) = skip_signs([skip(0, ticks=60, lasts=60), skip(30)], WINDOW)
    assert (sign.count, sign.last) == (61, NOON + 60 * MINUTE)


def test_a_run_that_ended_badly_has_a_sign_where_it_ended() -> None:
    (sign,) = failure_signs(bars(cell(10, 5, "timeout", run_id="t1"), cell(60, 5)), WINDOW)
    assert (sign.kind, sign.first, sign.run_id) == ("timeout", NOON + 15 * MINUTE, "t1")


def test_a_run_that_a_person_stopped_has_none() -> None:
    assert failure_signs(bars(cell(10, 5, "canceled")), WINDOW) == []


def test_of_many_runs_the_failures_are_counted() -> None:
    (sign,) = failure_signs(bars(cell(10, runs=9), cell(10, 0.5, "failure", runs=2)), WINDOW)
    assert (sign.count, sign.run_id) == (2, None)
