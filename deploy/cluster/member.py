"""Member: one node of the demo, a ``jobd run`` whose log lines get its name in front."""

import json
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread
from typing import IO

STOP_WITHIN_S = 15.0
BAD_CONFIGURATION = 78
_CONFIG = """\
# Written by "make cluster".
include = ["{jobs}"]

[daemon]
node = "{name}"
labels = ["{label}"]
state_dir = "state"
socket = "jobd.sock"
http = "127.0.0.1:{port}"
shutdown_grace = "2s"

[store]
url = "{store_url}"
lease_ttl = "10s"
"""
_COLOURS = {"a": "36", "b": "33", "c": "35"}


class Member:
    """A node with a folder: its configuration, its state and ``pid``, to kill it by."""

    def __init__(
        self, folder: Path, name: str, label: str, *, port: int, store_url: str, jobs: Path
    ) -> None:
        self.name = name
        self.socket = folder / "jobd.sock"
        self._folder = folder
        self._config = folder / "jobd.toml"
        self._process: subprocess.Popen[str] | None = None
        self._died_s: float | None = None
        folder.mkdir()
        self._config.touch(mode=0o600)  # it holds the store's password
        self._config.write_text(
            _CONFIG.format(name=name, label=label, port=port, store_url=store_url, jobs=jobs),
            encoding="utf-8",
        )

    def start(self) -> None:
        """Start the daemon; its log goes to the terminal from now on."""
        self._died_s = None
        self._process = subprocess.Popen(
            [sys.executable, "-m", "jobd", "run", "-c", str(self._config.absolute())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # a Ctrl-C is the demo's to tell
        )
        assert self._process.stdout is not None
        (self._folder / "pid").write_text(f"{self._process.pid}\n", encoding="ascii")
        Thread(target=self._pass_on, args=(self._process.stdout,), daemon=True).start()

    @property
    def is_hopeless(self) -> bool:
        """Whether the daemon has refused its configuration; the log says why."""
        return self._process is not None and self._process.poll() == BAD_CONFIGURATION

    def has_been_dead_for(self, seconds: float) -> bool:
        """Return whether it died so long ago; say so when it has just died."""
        if self._process is None or self._process.poll() is None or self.is_hopeless:
            return False
        if self._died_s is None:
            self._died_s = time.monotonic()
            how = self._process.returncode
            ended = f"was killed by signal {-how}" if how < 0 else f"exited with status {how}"
            self._say(f"the daemon {ended}; it is started again in {seconds:g} seconds")
        return time.monotonic() - self._died_s > seconds

    def ask_to_stop(self) -> None:
        """Ask the daemon to stop, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def await_end(self) -> None:
        """Wait for the daemon's end; kill it if it takes too long."""
        if self._process is None:
            return
        try:
            self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _pass_on(self, log: IO[str]) -> None:
        with log:
            for line in log:
                self._say(_readable(line.rstrip("\n")))

    def _say(self, words: str) -> None:
        name = self.name
        if sys.stdout.isatty():
            name = f"\x1b[{_COLOURS.get(name, '0')}m{name}\x1b[0m"
        print(f"{name} | {words}", flush=True)


def _readable(line: str) -> str:
    """Return a record of the log as a person reads it; any other line as it is."""
    try:
        record = json.loads(line)
        at, level, event = (record.pop(key) for key in ("timestamp", "level", "event"))
    except (ValueError, KeyError, AttributeError):
        return line
    data = " ".join(f"{key}={value}" for key, value in record.items() if value not in ("", None))
    return f"{at[11:19]} {level:7} {event} {data}".rstrip()
