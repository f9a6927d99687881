"""Cluster: real daemons that share a PostgreSQL, each behind a proxy of its own.

All nodes write one journal: the locks in it tell whether two runs of a job were ever alive
together, on whichever nodes.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from deploy.cluster.postgres import PrivatePostgres
from deploy.cluster.proxy import Proxy
from tests.system.accounts import Accounts, written
from tests.system.journal import Journal, Note
from tests.system.node import Node
from tests.system.processes import eventually, processes_with

SUPERVISOR = [sys.executable, "-m", "jobd.supervisor"]
LEASE_TTL_S = 10.0  # the shortest that the configuration allows
# Where no lease is to run out. A call to the store may take a sixth of it, five seconds at most:
# a machine that stands still for a moment is no silence of the store then.
LONG_LEASE_S = 30.0
READY_WITHIN_S = 90.0  # twelve Pythons may start at once, on a machine that others use
# What a machine that stands still for a moment costs a job with a tick each second: its run is
# there still, or two ticks come due at once and the older one is too late.
STANDSTILL = frozenset({"overlap", "misfire"})
MORE = """\
node = "{name}"
labels = [{labels}]
[store]
url = "{url}"
lease_ttl = "{ttl:g}s"
keep_runs_per_job = 1000000
[limits]
max_running = 64
"""
# A run that may take long to stop has to begin with it early: nothing here does.
DEFAULTS = 'kill_after = "1s"\n'

_numbers = count(1)


class Member(Node):
    """A node of a cluster. ``proxies`` are its ways to the servers, ``proxy`` the first."""

    def __init__(
        self, directory: Path, jobs: str, *, name: str, proxies: Sequence[Proxy], more: str,
        journal: Journal,
    ) -> None:  # fmt: skip
        super().__init__(directory, jobs, more=more, defaults=DEFAULTS, journal=journal)
        self.name = name
        self.proxies = proxies
        self._service: subprocess.Popen[bytes] | None = None

    @property
    def proxy(self) -> Proxy:
        """The only way to the only server."""
        (only,) = self.proxies
        return only

    @property
    def starts(self) -> list[Note]:
        """What jobs noted of starts on this node."""
        return [note for note in self.journal.starts() if note.node == self.name]

    def await_notes(self, job: str, started: dict[str, str]) -> None:
        """Wait until a job has noted each of these starts, tick to run id, on this node: the
        ledger has them first."""

        def missing() -> set[tuple[str, str]]:
            noted = {note.tick: note.run_id for note in self.starts if note.job == job}
            return started.items() - noted.items()

        eventually(lambda: not missing(), lambda: f"noted by {job} on {self.name}: {missing()}")

    def shows(self, job: str) -> list[str]:
        """Return on which nodes a job runs by this node's word."""
        shown = self.job(job)
        return [run["node"] for run in (*shown["active"], *shown["elsewhere"])]

    def is_between_ticks(self, jobs: Collection[str]) -> bool:
        """Return whether none of these jobs, due each second, runs here, nor will at once."""
        busy = {run["job"] for run in self.status["active_runs"]}
        return busy.isdisjoint(jobs) and 0.5 < time.time() % 1 < 0.75

    def nodes_up(self) -> set[str]:
        """Return the nodes of the cluster that are up by this node's word."""
        return {one["node"] for one in self.get("/api/v1/nodes")["nodes"] if one["state"] == "up"}

    def configure(self, jobs: str) -> None:
        """Write the configuration, which holds a password."""
        super().configure(jobs)
        self.config.chmod(0o600)

    def serve(self) -> "Member":
        """Start the supervisor as a service of its own, which outlives the daemons."""
        self.state.mkdir(mode=0o700)
        control = str(self.directory / "service.sock")
        self._service = subprocess.Popen(
            [*SUPERVISOR, "--state-dir", str(self.state), "--socket", control],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert self._service.stdout is not None
        with self._service.stdout as words:
            assert words.readline() == b"ready\n"
        self.options = ("--supervisor", control)
        return self

    def clean(self) -> None:
        """End everything that was started here and see that nothing is left."""
        super().clean()
        if self._service is not None:
            self._service.wait(10)


class Cluster:
    """Members by name. Their jobs are the same; ``labels`` are each one's own."""

    def __init__(
        self,
        servers: Sequence[PrivatePostgres],
        jobs: str,
        *,
        names: Sequence[str] = ("a", "b", "c"),
        labels: dict[str, str] | None = None,
        lease_ttl_s: float = LEASE_TTL_S,
    ) -> None:
        self.database = f"cluster{next(_numbers)}_{os.getpid()}"
        servers[0].create_database(self.database)
        self.directory = Path(tempfile.mkdtemp(prefix="jobd-test-"))
        self.directory.chmod(0o755)
        self.journal = Journal(self.directory)
        self.servers = servers
        self._labels = labels or {}
        self._lease_ttl_s = lease_ttl_s
        self.members = {name: self.make(name, jobs) for name in names}

    def make(self, name: str, jobs: str, folder: str = "") -> Member:
        """Return a member that is not started yet, in a folder of its own."""
        proxies = [Proxy(server.port) for server in self.servers]
        directory = self.directory / (folder or name)
        directory.mkdir()
        label = self._labels.get(name, "")
        more = MORE.format(
            name=name,
            labels=f'"{label}"' if label else "",
            url=self._url(proxies),
            ttl=self._lease_ttl_s,
        )
        return Member(directory, jobs, name=name, proxies=proxies, more=more, journal=self.journal)

    def start(self) -> "Cluster":
        """Start all daemons and wait until each sees them all."""
        for member in self:
            member.launch()
        for member in self:
            self.await_member(member)
        return self

    def await_member(self, member: Member) -> None:
        """Wait until a member that was launched is ready and sees as many as there are."""
        eventually(
            member.is_ready,
            lambda: f"{member.name} ready; its log says {member.log_text()[-2000:]}",
            READY_WITHIN_S,
        )
        running = {one.name for one in self if one.is_running}
        eventually(lambda: running <= member.nodes_up(), f"{member.name} sees {running}")

    def __getitem__(self, name: str) -> Member:
        return self.members[name]

    def __iter__(self) -> Iterator[Member]:
        return iter(self.members.values())

    def run_on(self, name: str, job: str, *words: str) -> Note:
        """Trigger a job on a member, and return the note of its start."""
        document = self[name].ctl_json("trigger", job, "--node", name, *words)
        return self.started(document["run_ids"][0])

    def started(self, run_id: str, attempt: int = 1, within_s: float = 15) -> Note:
        """Wait for an attempt's start; return its note."""

        def found() -> list[Note]:
            return [n for n in self.journal.starts() if (n.run_id, n.attempt) == (run_id, attempt)]

        return eventually(found, f"attempt {attempt} of {run_id} has started", within_s)[0]

    def needless_skips(self, job: str, after: datetime) -> list[str]:
        """Return the ticks after an instant that a node skipped behind a run of its own that it
        knew to be over before: it tells the store of an end before it claims anything later."""
        ends = {
            (member.name, end["run"]): datetime.fromisoformat(end["timestamp"])
            for member in self
            for end in member.log("run ended")
        }

        def is_needless(verdict: dict[str, Any]) -> bool:
            ended = ends.get((verdict["decided_by"], verdict["blocker_id"]))
            return ended is not None and ended < datetime.fromisoformat(verdict["fire_time"])

        verdicts = next(iter(self)).verdicts(job)
        found = [verdict["fire_time"] for verdict in verdicts if is_needless(verdict)]
        return [tick for tick in found if datetime.fromisoformat(tick) > after]

    def heal(self) -> None:
        """End the faults of all proxies."""
        for member in self:
            for proxy in member.proxies:
                proxy.heal()

    def clean(self) -> None:
        """End everything that was started here and see that nothing is left."""
        with ExitStack() as all_of_it:
            for member in self:
                all_of_it.callback(self.remove, member)
        marks = (f"{self.directory}/", f"PATH={self.directory}:")
        eventually(lambda: not any(map(processes_with, marks)), "no process is left")
        shutil.rmtree(self.directory)

    def remove(self, member: Member) -> None:
        """End a member and its proxies."""
        member.clean()
        for proxy in member.proxies:
            proxy.close()

    def _url(self, proxies: Sequence[Proxy]) -> str:
        first = self.servers[0]
        hosts = ",".join(f"127.0.0.1:{proxy.port}" for proxy in proxies)
        return first.url(self.database).replace(f"{first.host}:{first.port}", hosts)


def lost(
    accounts: Accounts, after: datetime | None = None, but: Collection[str] = ()
) -> dict[str, str]:
    """Return what was skipped, after an instant, and why, other than by a standstill."""
    since = written(after) if after else ""
    fine = {*STANDSTILL, *but}
    skipped = accounts.skipped.items()
    return {tick: why for tick, why in skipped if tick > since and why not in fine}


def uptime_s() -> float:
    """Return what notes call ``at_s``, now."""
    return float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])


def lateness_s(note: Note) -> float:
    """Return how long after its tick's fire time a run started."""
    return after_s(note, note.tick)


def after_s(note: Note, tick: str) -> float:
    """Return how long after a fire time something was noted; negative: before it."""
    # Two clocks are read: of three looks that one counts in which they were closest.
    boot_s = max(time.time() - uptime_s() for _ in range(3))
    return boot_s + note.at_s - datetime.fromisoformat(tick).timestamp()
