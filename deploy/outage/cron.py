"""Cron: starts the command on each node at each tick, whatever still runs."""

import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deploy.outage.plan import NODES, Plan
from deploy.outage.sandbox import Sandbox

KILLED, FAILED, FINISHED, UNFINISHED = "killed", "failed", "finished", "unfinished"


@dataclass(frozen=True, slots=True)
class _Copy:
    process: subprocess.Popen[bytes]
    tick_min: float


class Cron:
    """Four of them, one a node, in one sandbox: together they have what four servers had."""

    def __init__(
        self, plan: Plan, sandbox: Sandbox, argv: Sequence[str], env: Mapping[str, str]
    ) -> None:
        self._command = sandbox.command(*argv)
        self._env = env
        self._ticks = list(plan.ticks())
        self._copies: list[_Copy] = []

    def spawn(self, at_min: float) -> None:
        """Start what has become due."""
        while self._ticks and self._ticks[0] <= at_min:
            tick_min = self._ticks.pop(0)
            self._copies += [_Copy(self._start(node), tick_min) for node in NODES]

    def fates(self) -> Counter[str]:
        """Return how many of the starts came to which end so far."""
        return Counter(_fate(copy.process.poll()) for copy in self._copies)

    def reap(self) -> None:
        """Wait for those whose sandbox is gone: they are, too."""
        for copy in self._copies:
            copy.process.wait(10)

    def _start(self, node: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command,
            env={**self._env, "JOBD_NODE": node},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def _fate(status: int | None) -> str:
    if status is None:
        return UNFINISHED
    if status == 0:
        return FINISHED
    return KILLED if status == -9 else FAILED
