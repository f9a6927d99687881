"""Replay: both sides at once, on one network, one PostgreSQL and one time axis."""

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from deploy.cluster.leftovers import begin_anew, end_leftovers, locked, note_server
from deploy.cluster.postgres import PrivatePostgres
from deploy.outage.cron import FINISHED, KILLED, UNFINISHED, Cron
from deploy.outage.journal import Journal
from deploy.outage.network import Network
from deploy.outage.nodes import Nodes
from deploy.outage.plan import MIB, NODE_MIB, NODES, PIDS_MAX, START_S, Plan
from deploy.outage.record import Record, Sample, Side
from deploy.outage.sandbox import Sandbox

# -S: without site-packages it starts four times as fast.
COMMAND = [sys.executable, "-S", str(Path(__file__).with_name("program.py"))]
TURN_S = 0.05
ACCOUNTED_WITHIN_S = 60.0
SAMPLE_EVERY_S = 0.25
STORE = "jobd"
SIDES = ("cron", "jobd")


class Replay:
    """``with Replay(folder, plan) as replay: record = replay.run()``; nothing is left of it."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self._folder = folder.absolute()
        self._plan = plan
        self._undo = ExitStack()
        self._samples: dict[str, list[Sample]] = {side: [] for side in SIDES}
        self._oom_kills: list[tuple[float, int]] = []
        self._begin_s = self._begin_wall_s = 0.0

    def __enter__(self) -> Self:
        try:
            self._prepare()
        except BaseException:
            self._undo.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    @property
    def groups(self) -> list[str]:
        """The cgroup directories in which cron's side lives."""
        return self._sandbox.directories

    def run(self) -> Record:
        """Play the plan from its begin to its end."""
        self._await_tick()
        looked_s = 0.0
        while (at_min := self._minute(time.monotonic())) < self._plan.length_min:
            self._network.follow(at_min)
            self._cron.spawn(at_min)
            if time.monotonic() - looked_s >= SAMPLE_EVERY_S:
                looked_s = time.monotonic()
                self._look(at_min)
            time.sleep(TURN_S)  # between two turns; the length of the plan bounds them
        self._look(self._plan.length_min)
        self._await_accounts()
        return self._record()

    def _prepare(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._undo.enter_context(locked(self._folder / "lock", "a replay"))
        begin_anew(self._folder, (*NODES, *SIDES))
        self._sandbox = Sandbox(len(NODES) * NODE_MIB * MIB, PIDS_MAX)
        self._undo.callback(self._sandbox.close)
        server = self._undo.enter_context(PrivatePostgres())
        note_server(self._folder, server.folder)
        self._network = Network(server.port, self._plan)
        self._undo.callback(self._network.close)
        server.create_database(STORE)
        self._start_sides(server)

    def _start_sides(self, server: PrivatePostgres) -> None:
        self._journals = {side: Journal(self._folder / side) for side in SIDES}
        for journal in self._journals.values():
            journal.folder.mkdir()
        self._cron = Cron(
            self._plan, self._sandbox, COMMAND,
            {**os.environ, **self._environment(server, "cron")},
        )  # fmt: skip
        self._undo.callback(self._end_cron)
        # Supervisors of daemons that had to be killed are left; they end with what they hold.
        self._undo.callback(end_leftovers, self._folder)
        self._nodes = Nodes(
            self._folder, self._plan, lambda: self._store_url(server), COMMAND,
            self._environment(server, "jobd"),
        )  # fmt: skip
        self._undo.callback(self._nodes.stop)
        self._nodes.await_ready()

    def _environment(self, server: PrivatePostgres, side: str) -> dict[str, str]:
        return {
            "OUTAGE_FOLDER": str(self._journals[side].folder),
            "OUTAGE_PORT": str(self._network.port()),
            "OUTAGE_PASSWORD": server.password,
            "OUTAGE_START_S": str(START_S),
            "OUTAGE_QUERIES": str(self._plan.queries),
            "OUTAGE_HELD_MIB": str(self._plan.held_mib),
        }

    def _store_url(self, server: PrivatePostgres) -> str:
        """Return the URL of the store, by a way of its own."""
        return server.url(STORE).replace(f":{server.port}/", f":{self._network.port()}/")

    def _end_cron(self) -> None:
        self._sandbox.close()
        self._cron.reap()

    def _await_tick(self) -> None:
        """Begin at a tick, so that both sides start together. The one before it may have been
        started by jobd already: a run of a healthy day, and over by now."""
        interval_s = self._plan.interval_s
        self._begin_wall_s = (time.time() // interval_s + 1) * interval_s
        self._begin_s = time.monotonic() + self._begin_wall_s - time.time()
        time.sleep(self._begin_s - time.monotonic())  # only the clock brings the tick

    def _minute(self, monotonic_s: float) -> float:
        return (monotonic_s - self._begin_s) / self._plan.minute_s

    def _minute_of(self, stamp: str) -> float:
        return (datetime.fromisoformat(stamp).timestamp() - self._begin_wall_s) / (
            self._plan.minute_s
        )

    def _look(self, at_min: float) -> None:
        for side, samples in self._samples.items():
            held = self._journals[side].held_bytes()
            samples.append(Sample(at_min, len(held), sum(held)))
        self._oom_kills.append((at_min, self._sandbox.oom_kills()))

    def _await_accounts(self) -> None:
        """Wait until each tick is decided and each run has noted its start: the last ones are due
        shortly before the end. What is still missing then is missing in the record."""
        until_s = time.monotonic() + ACCOUNTED_WITHIN_S
        while not self._is_accounted_for() and time.monotonic() < until_s:
            time.sleep(TURN_S)  # between two questions, until ACCOUNTED_WITHIN_S is over

    def _is_accounted_for(self) -> bool:
        verdicts = [verdict for _, verdict in self._verdicts()]
        begun = sum(not verdict["reason"] for verdict in verdicts)
        return len(verdicts) == len(list(self._plan.ticks())) and begun <= len(self._starts("jobd"))

    def _record(self) -> Record:
        outlasted = self._nodes.first_outlasted()
        verdicts = list(self._verdicts())
        fates = Counter(_fate(verdict) for _, verdict in verdicts)
        scrapes = [(self._minute(scrape.at_s), scrape) for scrape in self._nodes.scrapes]
        return Record(
            plan=self._plan,
            cron=self._side("cron", self._cron.fates()),
            jobd=self._side("jobd", fates),
            oom_kills=self._oom_kills,
            utilization=[(at, scrape.utilization) for at, scrape in scrapes if at >= 0],
            reserved_most_bytes=max(scrape.reserved_bytes for _, scrape in scrapes),
            skips_min=sorted(at for at, verdict in verdicts if verdict["reason"]),
            outlasted_min=self._minute_of(outlasted) if outlasted else None,
        )

    def _verdicts(self) -> Iterator[tuple[float, dict[str, Any]]]:
        """Yield what became of the plan's ticks, with their minute; there may be one before them
        and one behind."""
        ticks = {round(tick) for tick in self._plan.ticks()}
        for verdict in self._nodes.verdicts():
            at_min = self._minute_of(verdict["fire_time"])
            if round(at_min) in ticks:
                yield at_min, verdict

    def _side(self, side: str, fates: Counter[str]) -> Side:
        notes = self._journals[side].notes()
        return Side(
            samples=self._samples[side],
            starts_min=self._starts(side),
            beside=sum(note.kind == "beside" for note in notes),
            fates=fates,
            ends_min=[self._minute(note.at_s) for note in notes if note.kind == "end"],
        )

    def _starts(self, side: str) -> list[float]:
        """Return the minutes of a side's starts within the plan."""
        notes = (note for note in self._journals[side].notes() if note.kind == "start")
        starts = [
            self._minute(note.at_s) if note.tick == "-" else self._minute_of(note.tick)
            for note in notes
        ]
        return [at for at in starts if 0 <= at < self._plan.length_min]


def _fate(verdict: dict[str, Any]) -> str:
    """Return what became of a tick of jobd's, in the words that are used for cron's."""
    if verdict["reason"]:
        return f"skipped: {verdict['reason']}"
    outcome = verdict["run"]["outcome"]
    if outcome is None:
        return UNFINISHED
    return {"success": FINISHED, "oom": KILLED}.get(outcome, outcome)
