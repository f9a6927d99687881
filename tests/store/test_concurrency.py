"""Many callers at once, callers who give up, and a daemon that is killed while it writes."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jobd.core.claim import ClaimGranted
from jobd.core.ledger import SkipReason
from jobd.errors import StoreUnavailable
from jobd.ports import RunFilter
from jobd.store.sqlite import SqliteStore

# Claims tick after tick, ends every second run, and says so only once the call has returned.
WRITE = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from jobd.core.claim import ClaimRequest, Demand, Trigger
from jobd.core.job import Overlap
from jobd.core.outcome import Outcome
from jobd.core.run import Finish, RunRecord
from jobd.ports import Enrolment
from jobd.store.sqlite import SqliteStore

async def main():
    store = SqliteStore(Path(sys.argv[1]), node="app1")
    await store.open()
    start = datetime(2026, 3, 1, tzinfo=UTC)
    await store.enrol([Enrolment("poll", "A")], start)
    demand = Demand(Overlap.ALLOW, 10**9)
    for n in count():
        at = start + timedelta(minutes=n)
        wish = ClaimRequest(f"run{n}", "poll", at, Trigger.SCHEDULE, demand, settled_until=at)
        (answer,) = await store.claim([wish], "app1", at)
        print("claimed", n, answer.token, flush=True)
        if n % 2:
            record = RunRecord(f"run{n}", "poll", "app1", answer.token, Trigger.SCHEDULE, at, at,
                               ended_at=at, outcome=Outcome.SUCCESS)
            await store.finish([Finish(record, None, None)])
            print("ended", n, answer.token, flush=True)

asyncio.run(main())
"""


def killed_after(database: Path, lines: int) -> list[list[str]]:
    """Return what a writer said before it was killed in the middle of its work."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITE, database], stdout=subprocess.PIPE, text=True
    )
    with writer:
        said = [writer.stdout.readline().split() for _ in range(lines)]
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read()
    return [*said, *(line.split() for line in rest.splitlines())]


@pytest.mark.parametrize("lines", [1, 20, 301])
async def test_a_killed_daemon_loses_nothing_that_it_was_told(
    database: Path, make_scene, lines: int
) -> None:
    said = killed_after(database, lines)
    claimed = {f"run{n}" for what, n, _ in said if what == "claimed"}
    ended = {f"run{n}" for what, n, _ in said if what == "ended"}
    store = SqliteStore(database, node="app1")
    await store.open()
    runs = {run.run_id: run for run in await store.runs(RunFilter(limit=10**6))}
    memory = (await make_scene(store).enrol("poll", schedule="A"))["poll"]
    await store.close()
    assert claimed <= set(runs)
    assert ended <= {run.run_id for run in runs.values() if run.outcome is not None}
    assert len(runs) <= len(claimed) + 1  # the one that was under way
    assert memory.token == len(runs)
    assert {run.run_id for run in memory.active} == {
        r for r, run in runs.items() if not run.outcome
    }


async def test_a_killed_daemon_leaves_no_run_without_its_tick(database: Path) -> None:
    killed_after(database, 100)
    store = SqliteStore(database, node="app1")
    await store.open()
    runs = await store.runs(RunFilter(limit=10**6))
    ticks = await store.ticks("poll", limit=10**6)
    await store.close()
    assert [run.run_id for run in runs] == [tick.run_id for tick in ticks]


async def test_of_many_who_want_one_tick_one_gets_it(sqlite_scene) -> None:
    await sqlite_scene.enrol("backup")
    answers = await asyncio.gather(*(sqlite_scene.claim("backup", 1) for _ in range(50)))
    granted = [answer for answer in answers if isinstance(answer, ClaimGranted)]
    assert [answer.token for answer in granted] == [1]


async def test_operations_take_effect_in_the_order_of_their_calls(sqlite_scene) -> None:
    scene = sqlite_scene
    await scene.enrol("backup")
    first = await scene.claim("backup", 1)
    overlapping, ended, fresh, settled = await asyncio.gather(
        scene.claim("backup", 2),
        scene.finish(first, 3),
        scene.claim("backup", 4),
        scene.skip(scene.skip_of("backup", 1, 5, count=5)),
    )
    assert (overlapping.reason, ended) == (SkipReason.OVERLAP, True)
    assert (isinstance(fresh, ClaimGranted), settled) == (True, [2])


@pytest.mark.parametrize("patience", [0, 1, 2, 5, 20])
async def test_a_caller_who_gives_up_leaves_all_or_nothing(sqlite_scene, patience: int) -> None:
    """Whatever the moment: job, run and tick agree, and the claim can be repeated."""
    scene = sqlite_scene
    jobs = [f"job{n}" for n in range(200)]
    await scene.enrol(*jobs)
    wishes = [scene.request(job, 1) for job in jobs]
    claim = asyncio.create_task(scene.store.claim(wishes, "app1", scene.at(1)))
    for _ in range(patience):
        await asyncio.sleep(0)  # a turn of the loop: the moment is counted in them
    claim.cancel()
    await asyncio.gather(claim, return_exceptions=True)
    memory = await scene.memory("job7")
    runs = await scene.store.runs(RunFilter(limit=1000))
    assert len(runs) in (0, 200)
    assert [run.run_id for run in memory.active] == [r.run_id for r in runs if r.job == "job7"]
    assert len(await scene.store.ticks("job7")) == len(memory.active) == memory.token
    answers = await scene.store.claim(wishes, "app1", scene.at(2))
    assert {answer.token for answer in answers} == {1}


async def test_a_closed_store_says_so(database: Path) -> None:
    store = SqliteStore(database, node="app1")
    await store.open()
    await store.close()
    await store.close()
    with pytest.raises(StoreUnavailable, match="is not open"):
        await store.ping()


async def test_what_was_asked_before_a_close_is_done(database: Path, make_scene) -> None:
    store = SqliteStore(database, node="app1")
    await store.open()
    scene = make_scene(store)
    await scene.enrol("backup")
    claim = asyncio.create_task(scene.claim("backup", 1))
    await asyncio.sleep(0)  # one turn of the loop, in which the claim is asked for
    await store.close()
    assert isinstance(await claim, ClaimGranted)
    await store.open()
    assert len(await store.runs(RunFilter())) == 1
    await store.close()
