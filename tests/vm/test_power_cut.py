"""The power goes in the middle of a run, and the same disk starts again."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from tests.vm.server import EVIDENCE, Afterwards, Server

EVERY = timedelta(seconds=10)


def test_the_run_that_was_cut_ends_as_lost(afterwards: Afterwards) -> None:
    run = afterwards.server.ended("steady", afterwards.cut_run)
    assert run["outcome"] == "lost"


def test_nothing_of_it_goes_on(afterwards: Afterwards) -> None:
    beats = afterwards.server.run(f"wc -l < {EVIDENCE}/steady")
    afterwards.server.run("sleep 1")  # five beats of the job, if it still ran
    assert afterwards.server.run(f"wc -l < {EVIDENCE}/steady") == beats


def test_every_tick_of_the_time_without_power_is_accounted_for(afterwards: Afterwards) -> None:
    """Each one that was due is in the ledger, started or skipped with a reason, and once."""
    ledger = _ledger(afterwards.server)
    since = min(ledger)
    assert since < afterwards.cut_after
    due = round((max(ledger) - since) / EVERY) + 1
    assert ledger == Counter({since + n * EVERY: 1 for n in range(due)})


def test_no_tick_ran_twice(afterwards: Afterwards) -> None:
    """What the job wrote itself; what was in no disk's hands when the power went is not there."""
    lines = afterwards.server.run(f"grep -a Z {EVIDENCE}/clock").splitlines()
    assert [tick for tick, times in Counter(lines).items() if times > 1] == []


def _ledger(server: Server) -> Counter[datetime]:
    """Return how often each tick of the job "clock" was decided."""
    found: Counter[datetime] = Counter()
    for verdict in server.ctl("why clock --limit 1000")["verdicts"]:
        found.update(_ticks(verdict))
    return found


def _ticks(verdict: dict[str, Any]) -> list[datetime]:
    first = datetime.fromisoformat(verdict["fire_time"])
    last = datetime.fromisoformat(verdict["last_fire_time"])
    first, last = min(first, last), max(first, last)
    ticks = [first + n * EVERY for n in range(round((last - first) / EVERY) + 1)]
    assert len(ticks) == verdict["ticks"]
    return ticks
