"""The same random operations on the memory store and on SQLite get the same answers.

Both decide with the same functions; what is compared is everything around them: what is
written, what is read back, and what is still known after a restart. A failure names the
seed and the operation; the same seed gives the same operations again.
"""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from jobd.core.claim import ClaimGranted, Pause, PoolDemand
from jobd.core.job import Overlap
from jobd.core.ledger import SkipReason
from jobd.core.outcome import Outcome
from jobd.ports import AuditEntry, Enrolment, Happened, RunFilter, Window
from jobd.store.memory import MemoryStore
from jobd.store.sqlite import SqliteStore
from tests.store.shared import attempts, in_order

JOBS = ("backup", "poll", "sync", "report")
AT_LEAST, AT_MOST = 400, 4000

# How often each operation comes up; the names are methods of Both.
WEIGHTS = {
    "claim": 30,
    "claim_again": 4,
    "finish": 20,
    "skip": 12,
    "void": 2,
    "save_run": 8,
    "enrol": 4,
    "save_pause": 3,
    "save_skip_next": 3,
    "note": 4,
    "prune": 3,
    "orphans": 3,
    "run": 5,
    "runs": 6,
    "ticks": 8,
    "skip_counts": 3,
    "usage": 3,
    "happened": 3,
    "audit": 3,
    "restart": 2,
}
WANTED = {
    (operation, is_success)
    for operation in WEIGHTS
    if operation not in ("restart", "claim_again")
    for is_success in (True, False)
}


class Both:
    """Two stores that must not be told apart. ``seen`` says what succeeded and what did not."""

    def __init__(self, path: Path, make_scene: Any, seed: int) -> None:
        self.random = Random(seed)
        self.path = path
        self.memory = MemoryStore()
        self.sqlite = SqliteStore(path, node="app1")
        self.scene = make_scene(self.memory)
        self.runs: list[ClaimGranted] = []
        self.notes: list[AuditEntry] = []
        self.known: set[str] = set()
        self.seen: Counter[tuple[str, bool]] = Counter()
        self.clock = 0

    def minute(self) -> int:
        """Return a minute near the slowly rising present, and sometimes far behind it."""
        self.clock += self.random.random() < 0.3
        back = self.random.choice((0, 0, 0, 1, 3, 20))
        return max(self.clock - back, 0)

    def at(self) -> Any:
        return self.scene.at(self.minute())

    def job(self) -> str:
        return self.random.choice(sorted(self.known) or JOBS)

    async def ask(self, operation: str, *args: Any, sort_by: Any = None, **kwargs: Any) -> Any:
        """Return the answer that both stores give."""
        expected = await getattr(self.memory, operation)(*args, **kwargs)
        answer = await getattr(self.sqlite, operation)(*args, **kwargs)
        if isinstance(expected, Happened):
            expected, answer = in_order(expected), in_order(answer)
        if isinstance(expected, list | tuple):
            expected, answer = list(expected), list(answer)
        if sort_by is not None:
            expected, answer = sorted(expected, key=sort_by), sorted(answer, key=sort_by)
        assert answer == expected, f"{operation}{args}: SQLite {answer}, memory {expected}"
        return expected

    def saw(self, operation: str, is_success: Any) -> None:
        self.seen[operation, bool(is_success)] += 1

    async def enrol(self) -> None:
        names = self.random.sample(JOBS, self.random.randint(0, len(JOBS)))
        roll = [Enrolment(name, self.random.choice("AAAB")) for name in names]
        now = self.at()
        memories = await self.ask("enrol", roll, now)
        self.known.update(names)
        self.saw("enrol", any(memory.settled_until == now for memory in memories.values()))

    async def claim(self) -> None:
        wishes = [self.wish() for _ in range(self.random.randint(1, 4)) if self.known]
        for answer in await self.ask("claim", wishes, "app1", self.at()):
            self.saw("claim", isinstance(answer, ClaimGranted))
            if isinstance(answer, ClaimGranted):
                self.runs.append(answer)

    def wish(self) -> Any:
        tick = self.random.choice((None, self.minute(), self.minute()))
        return self.scene.request(
            self.job(),
            tick,
            overlap=self.random.choice(list(Overlap)),
            max_instances=3,
            ignores_duty=self.random.random() < 0.3,
            settled=self.random.choice((None, tick)),
            params=self.random.choice(((), (("NAME", "väl\nue"),))),
            pool=self.random.choice((None, PoolDemand("disk", 3, self.random.randint(1, 2)))),
        )

    async def claim_again(self) -> None:
        if self.runs:
            place = self.random.randrange(len(self.runs))
            wish = self.runs[place].request
            (answer,) = await self.ask("claim", [wish], "app1", self.at())
            if isinstance(answer, ClaimGranted):  # anew, if retention had forgotten the run
                self.runs[place] = answer

    async def skip(self) -> None:
        if not self.known:
            return
        first, length = self.minute(), self.random.choice((0, 0, 1, 7))
        wish = self.scene.skip_of(
            self.job(),
            first,
            first + length,
            length + 1,
            reason=self.random.choice(list(SkipReason)),
            settled_until=self.random.choice((None, self.scene.at(first + length))),
        )
        (done,) = await self.ask("skip", [wish], "app1", self.at())
        self.saw("skip", done.ticks.count)

    async def void(self) -> None:
        self.clock = max(self.clock - self.random.randint(0, 30), 0)
        now = self.scene.at(self.clock + self.random.choice((0, 0.5)))
        schedules = dict.fromkeys(self.random.sample(JOBS, 3), self.scene.minutes)
        self.saw("void", await self.ask("void_skips_after", now, schedules))

    def some_run(self) -> ClaimGranted:
        run = self.random.choice(self.runs[-6:])
        return replace(run, token=run.token + (self.random.random() < 0.1))

    async def finish(self) -> None:
        if not self.runs:
            return
        run, duration = self.some_run(), self.random.choice((None, 0.1, 1 / 3))
        end = self.scene.end(
            run,
            self.minute(),
            outcome=self.random.choice(list(Outcome)),
            rest=self.random.choice((None, self.clock + 2)),
            smoothed=duration,
            smoothed_whole=self.random.choice((None, 0.7, 1e6)),
            attempt=self.random.choice((1, 1, 2)),
            retried=attempts(self.random, self.at()),
            expected=self.random.choice((None, 1 << 20, 5 << 40)),
            duration_s=duration,
            started_at=None if duration is None else run.claimed_at,
        )
        (is_accepted,) = await self.ask("finish", [end])
        self.saw("finish", is_accepted)

    async def save_run(self) -> None:
        if not self.runs:
            return
        attempt, retry_at = self.random.randint(1, 5), self.random.choice((None, self.at()))
        where = {
            "attempt": attempt,
            "retry_at": retry_at,
            "retried": attempts(self.random, self.at()),
        }
        run = self.scene.active_run(self.some_run(), **where)
        await self.ask("save_run", run, self.random.choice((None, self.at())))
        record = await self.ask("run", run.run_id)
        self.saw("save_run", record and record.ended_at is None and record.token == run.token)

    async def save_pause(self, operation: str = "save_pause") -> None:
        if self.known:
            until = self.random.choice((None, self.at()))
            pause = self.random.choice((None, Pause("ann\u00e4", self.at(), "why", until)))
            jobs = self.random.sample(sorted(self.known), self.random.randint(1, len(self.known)))
            await self.ask(operation, jobs if operation == "save_pause" else jobs[0], pause)
            self.saw(operation, pause)

    async def save_skip_next(self) -> None:
        await self.save_pause("save_skip_next")

    async def note(self) -> None:
        new = AuditEntry(self.at(), "uid 0", "trigger", self.random.choice(JOBS))
        entry = self.random.choice((new, new, *self.notes[-1:]))
        self.notes.append(entry)
        before = len(await self.ask("audit", limit=5000))
        await self.ask("note", entry)
        self.saw("note", len(await self.ask("audit", limit=5000)) > before)

    async def prune(self) -> None:
        keep = self.random.choice((0, 3, 1000))
        self.saw("prune", await self.ask("prune", self.at(), keep, sort_by=str))

    async def orphans(self) -> None:
        self.saw("orphans", await self.ask("orphans", sort_by=lambda run: (run.job, run.token)))

    async def runs_(self) -> None:
        job = self.random.choice((None, *JOBS))
        outcome = self.random.choice((None, "active", *Outcome))
        self.saw("runs", await self.ask("runs", RunFilter(job, outcome, self.random.randint(0, 9))))

    async def run(self) -> None:
        known = self.random.choice(self.runs).request.run_id if self.runs else ""
        self.saw("run", await self.ask("run", known[: self.random.randint(0, 8)]))

    async def ticks(self) -> None:
        at = self.random.choice((None, self.at()))
        limit = self.random.randint(0, 9)
        self.saw("ticks", await self.ask("ticks", self.job(), at=at, limit=limit))

    async def skip_counts(self) -> None:
        since = self.scene.at(self.clock + self.random.choice((-30, -1, 5)))
        self.saw("skip_counts", await self.ask("skip_counts", since))

    async def usage(self) -> None:
        jobs, most = self.random.sample(JOBS, 2), self.random.choice((0, 2, 5, 100))
        self.saw("usage", await self.ask("usage", jobs, most))

    async def happened(self) -> None:
        start = self.scene.at(self.random.choice((-1000, self.clock - 40, self.clock - 1)))
        jobs = self.random.choice((None, tuple(self.random.sample(JOBS, 2))))
        end = start + timedelta(minutes=self.random.randint(1, 60))
        window = Window(start, end, self.random.choice((1, 7, 60)), jobs)
        self.saw("happened", (await self.ask("happened", window)).runs)

    async def audit(self) -> None:
        target = self.random.choice((None, "nobody", *JOBS))
        self.saw("audit", await self.ask("audit", target, 3))

    async def restart(self) -> None:
        await self.sqlite.close()
        self.sqlite = SqliteStore(self.path, node="app1")
        await self.sqlite.open()

    async def step(self) -> str:
        """Do one random operation; return its name."""
        (name,) = self.random.choices(list(WEIGHTS), list(WEIGHTS.values()))
        await getattr(self, "runs_" if name == "runs" else name)()
        return name


@pytest.mark.parametrize("seed", range(8))
async def test_sqlite_answers_like_memory(database: Path, make_scene: Any, seed: int) -> None:
    """Ends only after every operation has both succeeded and been refused."""
    both = Both(database, make_scene, seed)
    await both.sqlite.open()
    done: list[str] = []
    try:
        while len(done) < AT_LEAST or (WANTED - set(both.seen) and len(done) < AT_MOST):
            done.append(await both.step())
    finally:
        await both.sqlite.close()
        print(f"seed {seed}, operation {len(done)} after {done[-5:]}")
    assert WANTED - set(both.seen) == set()
    assert both.sqlite.trouble == ""
