"""Node: one real daemon, asked over HTTP as a Prometheus and a person would."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.request import urlopen

JOB = "runperiodic"
ANSWER_WITHIN_S = 30.0
STOP_WITHIN_S = 15.0
MOST_VERDICTS = 1000
_CONFIG = """\
[daemon]
node = "{name}"
state_dir = "state"
socket = "jobd.sock"
http = "127.0.0.1:{port}"
shutdown_grace = "0s"

[store]
url = "{store_url}"
lease_ttl = "10s"

{jobs}"""


class NotReady(Exception):
    """A daemon did not do what it was asked to; the message ends with its log's last words."""


class Node:
    """A folder with a configuration, and the daemon that runs on it."""

    def __init__(self, folder: Path, name: str, port: int, store_url: str, jobs: str) -> None:
        self.name = name
        self.folder = folder
        folder.mkdir()
        self._port = port
        config = folder / "jobd.toml"
        config.touch(mode=0o600)  # it holds the store's password
        config.write_text(
            _CONFIG.format(name=name, port=port, store_url=store_url, jobs=jobs),
            encoding="utf-8",
        )
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jobd", "run", "-c", str(config)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def is_ready(self) -> bool:
        """Return whether it schedules and its store answers; NotReady if it has left."""
        if self._process.poll() is not None:
            raise NotReady(f"{self.name} has left; its log ends:\n{self._log_text()[-2000:]}")
        try:
            return bool(json.loads(self._get("/readyz"))["ready"])
        except OSError:
            return False

    def samples(self) -> dict[str, float]:
        """Return the page of metrics: a value for each sample, named as there."""
        lines = (line.rpartition(" ") for line in self._get("/metrics").splitlines())
        return {name: float(value) for name, _, value in lines if name[:1] not in ("#", "")}

    def verdicts(self) -> list[dict[str, Any]]:
        """Return what the cluster's ledger says of the job's ticks."""
        page = self._get(f"/api/v1/jobs/{JOB}/why?limit={MOST_VERDICTS}")
        found: list[dict[str, Any]] = json.loads(page)["verdicts"]
        return found

    def log(self, words: str) -> list[dict[str, Any]]:
        """Return the log's records whose event begins with the words."""
        records = (json.loads(line) for line in self._log_text().splitlines() if line[:1] == "{")
        return [record for record in records if record["event"].startswith(words)]

    def ask_to_stop(self) -> None:
        """Ask the daemon to stop, and its runs with it."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def await_end(self) -> None:
        """Wait for its end; kill it if it takes too long."""
        try:
            self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _get(self, path: str) -> str:
        with urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=ANSWER_WITHIN_S) as answer:
            page: bytes = answer.read()
            return page.decode()

    def _log_text(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")
