"""Demo: a private PostgreSQL, three daemons, and their log in one terminal.

A daemon that dies is started again after a while, so that one can kill it and see first
where its share goes, and then how it comes back.
"""

import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from deploy.cluster.leftovers import begin_anew, end_leftovers, locked, note_server
from deploy.cluster.member import Member
from deploy.cluster.postgres import PrivatePostgres

JOBS = Path(__file__).parent.parent.parent / "config" / "cluster-demo.toml"
LABELS = {"a": "large", "b": "small", "c": "small"}
AGAIN_AFTER_S = 20.0  # longer than a lease
LOOK_EVERY_S = 0.2

_HINT = """
Three nodes, a, b and c, share one PostgreSQL. Their log follows, each line with its node.
Give it a minute, and in another terminal, in this directory, try

  {jobd} ctl --socket {state}/a/jobd.sock nodes
  {jobd} ctl --socket {state}/a/jobd.sock jobs
  {jobd} ctl --socket {state}/a/jobd.sock runs report
  {jobd} ctl --socket {state}/a/jobd.sock why import-orders
  curl -s http://127.0.0.1:{port}/metrics | grep jobd_ticks      ({ports} for b and c)

or, in a browser, http://127.0.0.1:{port}/cluster

Kill a node, and see where its share goes; it is started again {again:g} seconds later:

  kill -9 $(cat {state}/b/pid)
  {jobd} ctl --socket {state}/a/jobd.sock nodes

Ctrl-C stops everything.
"""


class Demo:
    """All of it, from start to end: ``with Demo(...) as demo: demo.watch()``."""

    def __init__(self, state: Path, port: int) -> None:
        self._state = state
        self._port = port
        self._members: list[Member] = []
        self._undo = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._undo.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def watch(self) -> None:
        """Start again what dies, until interrupted, or until nothing can run."""
        while not all(member.is_hopeless for member in self._members):
            for member in self._members:
                if member.has_been_dead_for(AGAIN_AFTER_S):
                    member.start()
            time.sleep(LOOK_EVERY_S)  # between two looks; a person ends them with Ctrl-C

    def _start(self) -> None:
        self._state.mkdir(parents=True, exist_ok=True)
        self._undo.enter_context(locked(self._state / "lock", "a demo"))
        begin_anew(self._state, LABELS)
        print("Starting PostgreSQL and three nodes ...", flush=True)
        server = self._undo.enter_context(PrivatePostgres())
        note_server(self._state, server.folder)
        # The supervisors of killed daemons are left; they end first, with what they hold.
        self._undo.callback(end_leftovers, self._state.absolute())
        self._undo.callback(self._stop)
        print(self._hint(), flush=True)
        for number, (name, label) in enumerate(LABELS.items()):
            member = Member(
                self._state / name, name, label,
                port=self._port + number, store_url=server.url(), jobs=JOBS,
            )  # fmt: skip
            self._members.append(member)
            member.start()

    def _stop(self) -> None:
        print("Stopping ...", flush=True)
        for member in self._members:
            member.ask_to_stop()
        for member in self._members:
            member.await_end()

    def _hint(self) -> str:
        jobd = Path(sys.executable).with_name("jobd")
        return _HINT.format(
            jobd=jobd.relative_to(Path.cwd()) if jobd.is_relative_to(Path.cwd()) else jobd,
            state=self._state,
            port=self._port,
            ports=f"{self._port + 1} and {self._port + 2}",
            again=AGAIN_AFTER_S,
        )
