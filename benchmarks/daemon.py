"""A real daemon with its supervisor, started for a measurement and ended after it."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

READY_WITHIN_S = 120.0
END_WITHIN_S = 60.0
LOOK_EVERY_S = 0.01


class Daemon:
    """One running ``jobd run``. ``ready_s`` is how long it took from its start to ready."""

    def __init__(self, folder: Path, config: str, command: Sequence[str]) -> None:
        self.socket = folder / "jobd.sock"
        (folder / "jobd.toml").write_text(config, encoding="utf-8")
        began_s = time.perf_counter()
        with (folder / "log").open("wb") as log:
            words = [sys.executable, *command, "run", "-c", str(folder / "jobd.toml")]
            self._process = subprocess.Popen(words, stderr=log)
        self._log = folder / "log"
        self._wait_ready(began_s + READY_WITHIN_S)
        self.ready_s = time.perf_counter() - began_s

    @property
    def pids(self) -> tuple[int, int]:
        """The daemon and its supervisor, the one child that it has."""
        daemon = self._process.pid
        children = Path(f"/proc/{daemon}/task/{daemon}/children").read_text().split()
        return daemon, int(children[0])

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """Return status and body of an answer of the daemon."""
        connection = http.client.HTTPConnection("localhost", timeout=60)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.sock.connect(str(self.socket))
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def end(self) -> None:
        """Stop it as systemd would; it takes its supervisor along."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait_ready(self, until_s: float) -> None:
        while not self._is_ready():
            if self._process.poll() is not None or time.perf_counter() > until_s:
                self.end()
                raise RuntimeError(f"the daemon is not ready:\n{self._log.read_text()[-2000:]}")
            time.sleep(LOOK_EVERY_S)  # between two questions, until the instant given

    def _is_ready(self) -> bool:
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False


@contextmanager
def daemon(
    jobs: str, *, max_running: int = 16, more: str = "", command: Sequence[str] = ("-m", "jobd")
) -> Iterator[Daemon]:
    """Run a daemon with these jobs (TOML) in a directory of its own, while the context lasts.

    ``more`` is TOML that goes on with [daemon], and other tables behind it. ``command``: what
    Python is told, instead of jobd.
    """
    with tempfile.TemporaryDirectory(prefix="jobd-bench-") as folder:
        head = (
            f'[daemon]\nstate_dir = "state"\nsocket = "jobd.sock"\nhttp = ""\n'
            f'shutdown_grace = "1s"\n{more}[limits]\nmax_running = {max_running}\n'
            f'max_waiting = {max_running}\nmemory_budget = "1T"\n'
        )
        os.chmod(folder, 0o700)
        running = Daemon(Path(folder), head + jobs, command)
        try:
            yield running
        finally:
            running.end()
