"""The same random operations of several nodes on the memory store and on PostgreSQL get the same
answers.

They decide by two programs, one in Python and one in PL/pgSQL: this is what holds them
together. A failure names the seed and the operation; the same seed gives the same again.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from jobd.core.claim import ActiveRun, ClaimGranted, Pause, PoolDemand
from jobd.core.cluster import ClusterView, Holding, Letter, StopAsked, TakeOver
from jobd.core.job import Overlap
from jobd.core.ledger import Skip, SkipReason, TickRange
from jobd.core.outcome import Outcome, StopCause
from jobd.core.schedule import CronSchedule
from jobd.ports import AuditEntry, Enrolment, Happened, RunFilter, Window
from jobd.ports.shared_store import Batch
from tests.store import shared
from tests.store.conftest import make_cluster
from tests.store.shared import Cluster, attempts, word_of

JOBS = ("backup", "poll", "sync", "report")
NODES = ("a", "b")
AT_LEAST, AT_MOST = 300, 3000
MINUTES = CronSchedule.parse("* * * * *", job="backup", timezone="UTC")

# How often each operation comes up; the names are methods of Both.
WEIGHTS = {
    "settle": 40,
    "claim_again": 5,
    "renew": 8,
    "take_over": 8,
    "beat": 8,
    "ask_stop": 3,
    "letter": 3,
    "reply": 3,
    "void": 2,
    "save_run": 6,
    "enrol": 4,
    "save_pause": 3,
    "save_skip_next": 3,
    "note": 2,
    "prune": 3,
    "orphans": 3,
    "run": 3,
    "runs": 4,
    "ticks": 6,
    "skip_counts": 3,
    "usage": 3,
    "happened": 3,
    "audit": 3,
}
WANTED = {
    (name, is_good)
    for name in WEIGHTS
    if name not in ("claim_again", "settle")
    for is_good in (True, False)
}
WANTED |= {
    (name, is_good) for name in ("claim", "finish", "skip", "letter") for is_good in (True, False)
}
WANTED |= {(f"denied: {reason}", True) for reason in ("overlap", "duty", "pool", "paused", "None")}


def in_order(answer: Any) -> Any:
    """Return a view with what it tells in an order of our own; the contract names none."""
    if isinstance(answer, Happened):
        return shared.in_order(answer)
    if not isinstance(answer, ClusterView):
        return answer
    return replace(
        answer,
        nodes=sorted(answer.nodes, key=lambda seen: seen.word.node),
        jobs=sorted(answer.jobs, key=lambda memory: memory.job),
        overdue=sorted(answer.overdue, key=lambda run: run.run_id),
        stops=sorted(answer.stops, key=lambda stop: stop.run_id),
        letters=sorted(answer.letters, key=lambda letter: letter.letter_id),
        pools=dict(answer.pools),
    )


def certain(*views: ClusterView) -> list[ClusterView]:
    """Return views with what they must tell alike. Of jobs and ticks they may tell more than has
    changed, and when the clock was set back or a skip was void they may leave some out. When
    exactly an old letter is dropped is free too."""
    names = set.intersection(*({memory.job for memory in view.jobs} for view in views))
    return [
        replace(view, decided=(), letters=(), jobs=[m for m in view.jobs if m.job in names])
        for view in views
    ]


def differences(memory: Any, postgres: Any, path: str = "") -> Iterator[str]:
    """Yield where two answers differ: the rest would bury it."""
    if is_dataclass(memory) and type(memory) is type(postgres):
        for item in fields(memory):
            pair = (getattr(one, item.name) for one in (memory, postgres))
            yield from differences(*pair, f"{path}.{item.name}")
    elif isinstance(memory, list | tuple) and len(memory) == len(postgres):
        for place, pair in enumerate(zip(memory, postgres, strict=True)):
            yield from differences(*pair, f"{path}[{place}]")
    elif memory != postgres:
        yield f"{path}: memory {memory}, PostgreSQL {postgres}"


class Both:
    """Two stores that must not be told apart. ``seen`` says what succeeded and what did not."""

    def __init__(self, memory: Cluster, postgres: Cluster, seed: int) -> None:
        self.random = Random(seed)
        self.stores = (memory, postgres)
        self.seen: Counter[tuple[str, bool]] = Counter()
        self.runs: list[ClaimGranted] = []
        self.holders: dict[str, str] = {}
        self.known: set[str] = set()
        self.asked: list[str] = []
        self.gone: set[str] = set()
        self.notes: list[AuditEntry] = []
        self.clock = 0.0

    @property
    def scene(self) -> Cluster:
        return self.stores[0]

    async def tick(self) -> None:
        """Let time go on, now and then by more than a lease, and rarely back."""
        self.clock += self.random.choice((0, 0, 0.1, 0.1, 0.3, 1, -0.5))
        self.clock = max(round(self.clock, 1), 0)
        for store in self.stores:
            is_back = store.now > store.at(self.clock)
            await store.set(self.clock)
            if is_back:  # a beat comes first: when else leases are cut that last too long is free
                await (await store.node("c")).beat(word_of("c"), None)

    def minute(self) -> int:
        """Return a whole minute near the present."""
        return max(int(self.clock) - self.random.choice((-1, 0, 0, 0, 1, 3, 20)), 0)

    def at(self) -> Any:
        return self.scene.at(self.minute())

    def job(self) -> str:
        return self.random.choice(sorted(self.known) or JOBS)

    async def ask(
        self, operation: str, *args: Any, node: str = "", sort_by: Any = None, **kwargs: Any
    ) -> Any:
        """Return the answer that both stores give."""
        node = node or self.random.choice(NODES)
        answers = []
        for store in self.stores:
            answer = await getattr(await store.node(node), operation)(*args, **kwargs)
            answer = list(answer) if isinstance(answer, list | tuple) else in_order(answer)
            answers.append(answer if sort_by is None else sorted(answer, key=sort_by))
        certainties = certain(*answers) if operation == "beat" else answers
        found = list(differences(*certainties))
        assert not found, f"{operation} {args} of {node}: {found}"
        return answers[0]

    def saw(self, operation: str, is_success: Any) -> None:
        self.seen[operation, bool(is_success)] += 1

    async def enrol(self) -> None:
        names = self.random.sample(JOBS, self.random.randint(0, len(JOBS)))
        roll = [Enrolment(name, self.random.choice("AAAB")) for name in names]
        memories = await self.ask("enrol", roll, self.scene.now)
        self.known.update(names)
        self.saw("enrol", any(m.settled_until == self.scene.now for m in memories.values()))

    async def settle(self) -> None:
        if not self.known:
            return
        chance = self.random
        batch = Batch(
            tuple(self.end() for _ in range(chance.choice((0, 1, 2))) if self.runs),
            tuple(self.skip() for _ in range(chance.choice((0, 0, 1, 2, 3)))),
            tuple(self.wish() for _ in range(chance.choice((0, 1, 2, 4)))),
            chance.random() < 0.8,
            saves=await self.saves(),
        )
        node = self.random.choice(NODES)
        done = await self.ask("settle", batch, node=node)
        for name, answers in (
            ("finish", done.finished),
            ("skip", [one.ticks.count for one in done.skipped]),
            ("claim", [isinstance(one, ClaimGranted) for one in done.answers]),
        ):
            for answer in answers:
                self.saw(name, answer)
        for answer in done.answers:
            if isinstance(answer, ClaimGranted):
                self.runs.append(answer)
                self.holders[answer.request.run_id] = node
            else:
                self.saw(f"denied: {answer.reason and answer.reason.value}", True)

    def wish(self) -> Any:
        tick = self.random.choice((None, self.minute(), self.minute(), self.minute()))
        pool = self.random.choice((None, None, PoolDemand("db", 2), PoolDemand("net", 1)))
        wish = self.scene.wish(
            self.job(),
            tick,
            overlap=self.random.choice(list(Overlap)),
            max_instances=3,
            pool=pool,
            settled=self.random.choice((None, tick)),
        )
        ignores = replace(wish.demand, ignores_duty=self.random.random() < 0.2)
        return replace(
            wish, demand=ignores, params=self.random.choice(((), (("N", "v\u00e4\n\\'"),)))
        )

    def skip(self) -> Skip:
        first, length = self.minute(), self.random.choice((0, 0, 1, 7))
        at = self.scene.at
        return Skip(
            TickRange(self.job(), at(first), at(first + length), length + 1),
            self.random.choice(list(SkipReason)),
            self.random.choice(("", "so \udcff\\")).encode("utf-8", "replace").decode(),
            settled_until=self.random.choice((None, at(first + length))),
            schedule=MINUTES,
        )

    def some_run(self) -> ClaimGranted:
        run = self.random.choice(self.runs[-6:])
        return replace(run, token=run.token + (self.random.random() < 0.1))

    def end(self) -> Any:
        outcome = self.random.choice(list(Outcome))
        run = self.some_run()
        end = self.scene.end(run, self.clock, outcome)
        rest = self.random.choice((None, None, self.scene.at(self.clock + 2)))
        smoothed = self.random.choice((None, 0.1, 30.0))
        duration = self.random.choice((None, 0.123456, 7.0))
        return replace(
            end,
            record=replace(
                end.record,
                node=self.holders[run.request.run_id],
                params=run.request.params,
                duration_s=duration,
                reason="why",
                attempt=self.random.choice((1, 1, 2)),
                retried=attempts(self.random, self.at()),
            ),
            rest_until=rest,
            smoothed_duration_s=smoothed,
            smoothed_lasted_s=self.random.choice((None, 0.7, 1e6)),
            expected_memory_bytes=self.random.choice((None, 1 << 20, 5 << 40)),
        )

    async def claim_again(self) -> None:
        """Repeat a claim; not of a run that history has dropped, as its id would be a new run's,
        and no daemon does that."""
        if self.runs and (request := self.some_run().request).run_id not in self.gone:
            await self.ask("settle", Batch(claims=(request,)))

    async def active(self) -> list[Any]:
        """Return the active runs as the stores know them now."""
        view = await self.ask("beat", word_of("c"), self.scene.at(-1e6), node="c")
        return [run for memory in view.jobs for run in memory.active]

    async def renew(self) -> None:
        runs = self.random.sample(self.runs, min(3, len(self.runs)))
        holdings = [Holding(run.request.run_id, run.token) for run in runs]
        holdings += [Holding(run.run_id, run.token) for run in (await self.active())[:2]]
        for is_held in await self.ask("renew", holdings):
            self.saw("renew", is_held)

    async def take_over(self) -> None:
        for run in (await self.active())[:2]:
            wish = TakeOver(run, self.random.choice((None, self.at(), self.at())))
            node = self.random.choice(NODES)
            (taken,) = await self.ask("take_over", [wish], node=node)
            self.saw("take_over", taken)
            if isinstance(taken, ActiveRun):
                self.holders[run.run_id] = node

    async def beat(self) -> None:
        node = self.random.choice(NODES)
        word = word_of(
            node, incarnation=self.random.choice("xy"), running=self.random.randint(0, 9)
        )
        since = self.random.choice((None, self.scene.now, self.at()))
        view = await self.ask("beat", word, since, node=node)
        self.saw("beat", view.decided)

    async def ask_stop(self) -> None:
        if self.runs:
            stops = [
                StopAsked(self.some_run().request.run_id, self.random.choice(list(StopCause)))
                for _ in range(self.random.randint(1, 3))
            ]
            for run in await self.ask("ask_stop", stops):
                self.saw("ask_stop", run)

    async def letter(self) -> None:
        name = f"l{len(self.asked)}"
        self.asked.append(name)
        for is_new in self.random.choice(((True,), (True, False))):
            await self.ask("send", Letter(name, "a", self.random.choice(NODES), "trigger", "{}"))
            self.saw("letter", is_new)

    async def reply(self) -> None:
        """Answer a letter just sent, once; when exactly an old one is dropped is free."""
        await self.letter()
        if self.random.random() < 0.5:
            await self.ask("answer", self.asked[-1], f"answer {self.clock}")
        self.saw("reply", await self.ask("reply", self.asked[-1]))

    async def void(self) -> None:
        self.clock = max(self.clock - self.random.randint(0, 20), 0)
        await self.tick()
        schedules = dict.fromkeys(self.random.sample(JOBS, 3), MINUTES)
        self.saw("void", await self.ask("void_skips_after", self.scene.now, schedules))

    async def saves(self) -> tuple[ActiveRun, ...]:
        """Return attempts as they may be saved, some of them under a wrong token."""
        active = await self.active() if self.runs else []
        runs = self.random.sample(active, min(len(active), self.random.choice((0, 0, 1, 2))))
        return tuple(
            replace(
                run,
                token=run.token + (self.random.random() < 0.2),
                attempt=self.random.randint(1, 5),
                retry_at=self.random.choice((None, self.at())),
                retried=attempts(self.random, self.at()),
            )
            for run in runs
        )

    async def save_run(self) -> None:
        saves = await self.saves()
        if not saves:
            return
        run = saves[0]
        await self.ask("save_run", run, self.random.choice((None, self.at())))
        record = await self.ask("run", run.run_id)
        self.saw("save_run", record.token == run.token)

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
        gone = await self.ask("prune", self.at(), keep, sort_by=str)
        self.gone.update(gone)
        self.saw("prune", gone)

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
        self.saw(
            "ticks", await self.ask("ticks", self.job(), at=at, limit=self.random.randint(0, 9))
        )

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

    async def step(self) -> str:
        """Do one random operation; return its name."""
        await self.tick()
        (name,) = self.random.choices(list(WEIGHTS), list(WEIGHTS.values()))
        await getattr(self, "runs_" if name == "runs" else name)()
        return name


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(4))
async def test_postgres_answers_like_memory(request: Any, seed: int) -> None:
    """Ends only after every operation has both succeeded and been refused."""
    both = Both(make_cluster("memory", request), make_cluster("postgres", request), seed)
    done: list[str] = []
    try:
        while len(done) < AT_LEAST or (WANTED - set(both.seen) and len(done) < AT_MOST):
            done.append(await both.step())
    finally:
        for store in both.stores:
            await store.close()
        print(f"seed {seed}, operation {len(done)} after {done[-5:]}")
    assert WANTED - set(both.seen) == set()
