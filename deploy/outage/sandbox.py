"""Sandbox: where cron may melt. A cgroup with a ceiling on memory and on processes for all that
it starts, made by the code that makes those of jobd's runs: v2 or v1, whichever is here."""

import os
import time
from pathlib import Path

from jobd.supervisor.cgroup import remove
from jobd.supervisor.enforcer import RUNS_PREFIX, Enforcer
from jobd.supervisor.spec import Spec

PREFIX = "outage-"
END_WITHIN_S = 10.0
POLL_S = 0.05
# Become a member by each of the files named before "--", then execute what stands behind it.
ENTER = 'until [ "$1" = -- ]; do echo 0 > "$1" || exit 71; shift; done; shift; exec "$@"'


class NoSandbox(Exception):
    """This machine cannot bound what cron would take; the message says what is missing."""


class Sandbox:
    """``with Sandbox(...) as sandbox``: at its end all its members are killed, and it is gone."""

    def __init__(self, memory_bytes: int, pids: int) -> None:
        self._enforcer = Enforcer("auto", f"{PREFIX}{os.getpid()}")
        try:
            self._demand("memory", "pids")
            for directory in self._enforcer.directories:
                _remove_stale(Path(directory).parent)
            spec = _spec(memory_bytes, pids)
            self._tree = self._enforcer.make_tree(spec, is_hurried=False)
        except BaseException:
            self._enforcer.close()
            raise
        self._kill_one_at_a_time()

    def command(self, *argv: str) -> list[str]:
        """Return what executes a command inside, a member before its first instruction."""
        return ["/bin/sh", "-c", ENTER, "enter", *self._tree.joins, "--", *argv]

    def oom_kills(self) -> int:
        """Return how many members the kernel has killed because memory ran out."""
        return self._tree.usage().oom_kills

    def peak_bytes(self) -> int:
        """Return the most that all members together have held, as the kernel counts."""
        return self._tree.usage().memory_peak or 0

    @property
    def directories(self) -> list[str]:
        """The group's directories, to see that they are gone afterwards."""
        return [str(Path(join).parent) for join in self._tree.joins]

    def close(self) -> None:
        """Kill what is left inside and remove the group."""
        until_s = time.monotonic() + END_WITHIN_S
        while not self._tree.dissolve() and time.monotonic() < until_s:
            self._tree.kill()
            time.sleep(POLL_S)  # the killed take a moment to go; END_WITHIN_S bounds it
        self._enforcer.close()

    def _demand(self, *controllers: str) -> None:
        facts = self._enforcer.facts
        missing = [name for name in controllers if facts[name] in ("watcher", "none")]
        if missing:
            raise NoSandbox(
                f"no cgroup controller for {' and '.join(missing)} can be used here, and without "
                f"one cron would melt this machine instead of its sandbox ({facts['detail']}); "
                "run it as root, or in a cgroup that is delegated to you: systemd-run --user "
                "--scope -p Delegate=yes make outage"
            )

    def _kill_one_at_a_time(self) -> None:
        """With cgroup v2 a run's group dies as a whole; a server's processes do not."""
        for directory in self.directories:
            whole = Path(directory) / "memory.oom.group"
            if whole.exists():
                whole.write_text("0", encoding="ascii")


def _remove_stale(home: Path) -> None:
    """Remove groups of replays that were killed; those that have members stay."""
    for group in home.glob(f"{RUNS_PREFIX}{PREFIX}*"):
        if not Path(f"/proc/{group.name.rpartition('-')[2]}").exists():
            remove(str(group))


def _spec(memory_bytes: int, pids: int) -> Spec:
    """Return the order for a tree with these ceilings; what it would execute is not used."""
    return Spec(
        {
            "run": {"run_id": "cron", "attempt": 1}, "argv": ["true"], "env": {}, "cwd": "/",
            "output": "/dev/null", "output_max_bytes": 0, "stop_signal": 15, "kill_after_s": 0,
            "umask": 0o022, "memory_max_bytes": memory_bytes, "pids_max": pids,
        }
    )  # fmt: skip
