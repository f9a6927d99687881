"""``python -m tests.system.chaos MINUTES [SEED]``: break a cluster at random, and judge it.

Three daemons, each behind a proxy, share a PostgreSQL. A fault is chosen by the seed, lasts
for a while, is mended, and the next one comes; sometimes two at once. Afterwards all is
mended and the checkers say what they found. Exit status 0: nothing; 1: something.

The seed fixes the faults and their order, not the instants at which daemons do things: what
a seed finds may need several runs to be found again. tests/sim replays exactly.
"""

import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from deploy.cluster.postgres import PrivatePostgres
from tests.system.accounts import SECOND, Accounts, read_accounts, written
from tests.system.cluster import Cluster, Member
from tests.system.evidence import contradicted, doubles, overlaps, stale_tokens
from tests.system.processes import eventually, is_alive

NAMES = ("a", "b", "c")
COLLECT_EVERY = timedelta(minutes=3)  # a question is answered with a thousand ticks at most
SETTLED_WITHIN_S = 60.0

JOBS = """
[jobs.short]
command = "work 0.1"
schedule = "* * * * * *"
start_deadline = "15s"
[jobs.every]
command = "work 0.1"
schedule = "* * * * * *"
catchup = "all"
start_deadline = "30s"
[jobs.slow]
command = "work 2.5"
schedule = "* * * * * *"
[jobs.queued]
command = "work 1.3"
schedule = "* * * * * *"
overlap = "queue"
start_deadline = "10s"
[jobs.lasting]
command = "work 25"
schedule = "* * * * * *"
[jobs.retried]
command = "work 6"
schedule = "* * * * * *"
retries = { max = 5, delay = "0s", on = ["lost", "failure"] }
[jobs.replaced]
command = "work 60"
schedule = "* * * * * *"
overlap = "replace"
[jobs.pooled-one]
command = "work 1.2"
schedule = "* * * * * *"
pool = "narrow"
[jobs.pooled-two]
command = "work 1.2"
schedule = "* * * * * *"
pool = "narrow"
[pools.narrow]
size = 1
"""
JOB_NAMES = tuple(
    line.removeprefix("[jobs.").removesuffix("]")
    for line in JOBS.splitlines()
    if line.startswith("[jobs.")
)


@dataclass(slots=True)
class Chaos:
    """A cluster, a seed, and what has become known of its ticks so far."""

    cluster: Cluster
    chance: random.Random
    ticks: dict[str, Accounts] = field(default_factory=dict)
    collected: datetime = field(default_factory=lambda: datetime.now(UTC))
    began: datetime = field(default_factory=lambda: datetime.now(UTC))

    # Faults: each breaks something, and returns how it is mended.

    def kill_daemon(self, member: Member) -> Callable[[], None]:
        """kill -9 of the daemon; its supervisor holds on to the runs."""
        member.kill9()
        return member.launch

    def kill_supervisor(self, member: Member) -> Callable[[], None]:
        """kill -9 of the supervisor; the daemon starts another."""
        member.kill_supervisor()
        return _nothing

    def kill_node(self, member: Member) -> Callable[[], None]:
        """Daemon and supervisor at once."""
        member.kill_both()
        return member.launch

    def stop_cleanly(self, member: Member) -> Callable[[], None]:
        """SIGTERM, as an upgrade does."""
        member.stop_daemon(within_s=40)
        return member.launch

    def suspend(self, member: Member) -> Callable[[], None]:
        """SIGSTOP, as a machine that swaps."""
        member.send(signal.SIGSTOP)
        return lambda: member.send(signal.SIGCONT)

    def cut(self, member: Member) -> Callable[[], None]:
        """Every connection breaks, and so does each new one."""
        member.proxy.refuse()
        return member.proxy.heal

    def break_once(self, member: Member) -> Callable[[], None]:
        """Every connection breaks; new ones are fine."""
        member.proxy.cut()
        return _nothing

    def blackhole(self, member: Member) -> Callable[[], None]:
        """Nothing arrives for now, in one direction or in both."""
        member.proxy.blackhole(*self.chance.choice([(), ("up",), ("down",)]))
        return member.proxy.heal

    def swallow(self, member: Member) -> Callable[[], None]:
        """The server hears all, and its answers are lost."""
        member.proxy.swallow_answers()
        return member.proxy.heal

    def delay(self, member: Member) -> Callable[[], None]:
        """A slow network."""
        member.proxy.latency_s = self.chance.choice([0.05, 0.15, 0.6])
        member.proxy.jitter_s = member.proxy.latency_s
        return member.proxy.heal

    def restart_server(self, member: Member) -> Callable[[], None]:
        """PostgreSQL is stopped, or crashes, and comes back after a while."""
        server = self.cluster.servers[0]
        if not server.is_running:
            return _nothing
        self.chance.choice([server.stop, server.crash])()
        return server.start

    # What happens

    def last(self, minutes: float) -> list[str]:
        """Break things for so long, mend them, and return what is wrong."""
        until_s = time.monotonic() + minutes * 60
        while time.monotonic() < until_s:
            self.strike()
            if datetime.now(UTC) - self.collected > COLLECT_EVERY:
                self.collect()
        self.settle()
        skips = sum(len(accounts.skipped) for accounts in self.ticks.values())
        starts = len(self.cluster.journal.starts())
        print(f"{starts} starts and {skips} skips of {len(JOB_NAMES)} jobs are judged")
        return self.judge()

    def strike(self) -> None:
        """Break something for a while, or two things."""
        mends = []
        for name in self.chance.sample(NAMES, self.chance.choice([1, 1, 2])):
            fault, member = self.chance.choice(FAULTS), self.cluster[name]
            print(f"{self._elapsed()} {name}: {fault.__name__}", flush=True)
            if not member.is_running:
                member.launch()
            eventually(lambda member=member: _is_alive(member), f"{name} is alive", 30)
            mends.append(fault(self, member))
        # Most are short; some are longer than a lease.
        time.sleep(self.chance.choice([0.3, 1, 2, 4, 8, 14]))
        for mend in mends:
            mend()
        # All is well for a while, or not even that: the next may strike who has just come back.
        time.sleep(self.chance.choice([0, 0.5, 2, 5]))

    def collect(self) -> None:
        """Ask what has become of the ticks, before an answer could not hold them all."""
        self.collected = datetime.now(UTC)
        for job in JOB_NAMES:
            self._add(job, read_accounts(self._anybody(), job))

    def settle(self) -> None:
        """Mend everything, and wait until every tick up to then is decided."""
        self.cluster.heal()
        for member in self.cluster:
            if not member.is_running:
                member.launch()
            self.cluster.await_member(member)
        quiet = datetime.now(UTC) + SECOND
        eventually(
            lambda: self.collect() or all(not self.missing(job, quiet) for job in JOB_NAMES),
            lambda: f"decided: { ({job: self.missing(job, quiet) for job in JOB_NAMES}) }",
            SETTLED_WITHIN_S,
        )
        self._end_runs()

    def missing(self, job: str, until: datetime) -> list[str]:
        """Return the ticks that nobody has decided, up to an instant."""
        known = set(self.ticks[job].ticks)
        if not known:  # the store was silent whenever it was asked
            return [written(until)]
        first = datetime.fromisoformat(min(known))
        due = (written(first + n * SECOND) for n in range((until - first) // SECOND + 1))
        return [tick for tick in due if tick not in known]

    def judge(self) -> list[str]:
        """Return everything that is wrong."""
        journal = self.cluster.journal
        return [
            *overlaps(journal),
            *doubles(journal),
            *stale_tokens(journal),
            *contradicted(journal, self._runs()),
            *(words for job in JOB_NAMES for words in self._unaccounted(job)),
        ]

    def _anybody(self) -> Member:
        """Return a member that answers."""

        def found() -> Member | None:
            return next((m for m in self.cluster if m.is_running and _answers(m)), None)

        member = eventually(found, "a node answers for the cluster", SETTLED_WITHIN_S)
        assert member is not None
        return member

    def _add(self, job: str, more: Accounts) -> None:
        known = self.ticks.setdefault(job, Accounts([], {}, {}))
        known.started.update(more.started)
        known.skipped.update(more.skipped)
        known.ticks[:] = sorted({*known.ticks, *more.ticks})

    def _unaccounted(self, job: str) -> list[str]:
        """Return where the ledger and the jobs' own notes differ."""
        accounts = self.ticks[job]
        both = sorted(accounts.started.keys() & accounts.skipped.keys())
        noted = {n.tick: n.run_id for n in self.cluster.journal.starts(job) if n.tick != "-"}
        runs = self._runs()
        silent = [
            f"{job}: {tick} was started as {run}, says the ledger; the job noted nothing"
            for tick, run in accounts.started.items()
            if tick not in noted and runs.get(run, {}).get("outcome") not in ("lost", "canceled")
        ]
        unknown = [
            f"{job}: {tick} ran as {run}; the ledger has {accounts.started.get(tick)}"
            for tick, run in noted.items()
            if accounts.started.get(tick) != run
        ]
        return [*(f"{job}: {tick} is started and skipped" for tick in both), *silent, *unknown]

    def _runs(self) -> dict[str, dict]:
        """Return every run of the jobs that left a note."""
        member = self._anybody()
        ids = {n.run_id for n in self.cluster.journal.starts()}
        ids |= {run for accounts in self.ticks.values() for run in accounts.started.values()}
        known = {run["run_id"]: run for job in JOB_NAMES for run in member.runs(job)}
        return known | {run: member.run(run) for run in ids - known.keys()}

    def _end_runs(self) -> None:
        """Pause everything and end what runs, so that every run has an outcome."""
        member = self._anybody()
        assert member.ctl("pause", "--all").returncode == 0

        def over() -> bool:
            active = [r for m in self.cluster for r in m.status["active_runs"]]
            for run in active:
                member.ctl("cancel", run["run_id"])
            return not active and not member.status["active_elsewhere"]

        eventually(over, "nothing runs any more", SETTLED_WITHIN_S)
        self.collect()

    def _elapsed(self) -> str:
        return f"{(datetime.now(UTC) - self.began).total_seconds():7.1f} s"


FAULTS = (
    Chaos.kill_daemon,
    Chaos.kill_supervisor,
    Chaos.kill_node,
    Chaos.stop_cleanly,
    Chaos.suspend,
    Chaos.cut,
    Chaos.break_once,
    Chaos.blackhole,
    Chaos.swallow,
    Chaos.delay,
    Chaos.restart_server,
)


def _nothing() -> None:
    """It mends itself."""


def _is_alive(member: Member) -> bool:
    """Return whether a daemon answers, and has a supervisor."""
    try:
        return bool(member.get("/healthz")["alive"] and is_alive(member.supervisor_pid))
    except OSError:
        assert member.is_running, f"the daemon has left: {member.log_text()[-2000:]}"
        return False


def _answers(member: Member) -> bool:
    try:
        return bool(member.get("/readyz")["ready"] and member.status["shared"]["up"])
    except OSError:
        return False


def run(minutes: float, seed: int) -> list[str]:
    """Break a cluster for so long; return what is wrong with it then."""
    with ExitStack() as stack:
        server = stack.enter_context(PrivatePostgres())
        cluster = Cluster([server], JOBS, names=NAMES)
        stack.callback(cluster.clean)
        chaos = Chaos(cluster.start(), random.Random(seed))
        try:
            wrong = chaos.last(minutes)
        except AssertionError as error:
            wrong = [f"it did not come to rest: {error}"]
        if wrong:
            print(f"journal and logs are kept in {_keep(cluster, seed)}")
    return wrong


def _keep(cluster: Cluster, seed: int) -> Path:
    """Copy what tells how it came, and return where to."""
    folder = Path(tempfile.mkdtemp(prefix=f"jobd-chaos-{seed}-"))
    shutil.copy(cluster.directory / "journal", folder)
    for member in cluster:
        shutil.copy(member.directory / "log", folder / f"{member.name}.log")
    return folder


def main(words: list[str]) -> int:
    """Run, print the verdict, return the exit status."""
    minutes = float(words[0]) if words else 60.0
    seed = int(words[1]) if len(words) > 1 else random.randrange(1_000_000)
    print(f"chaos for {minutes:g} minutes, seed {seed}", flush=True)
    wrong = run(minutes, seed)
    for line in wrong[:50]:
        print(f"WRONG  {line}")
    verdict = f"{len(wrong)} things are wrong" if wrong else "no overlap, nothing twice, all kept"
    print(f"{verdict}; seed {seed}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
