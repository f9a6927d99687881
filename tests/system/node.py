"""Node: a real daemon in a directory of its own, asked in the ways in which users ask it."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.system.journal import Journal
from tests.system.processes import WITHIN_S, command_line, eventually, is_alive, processes_with

HEAD = """\
[daemon]
state_dir = "state"
socket = "jobd.sock"
http = "{http}"
shutdown_grace = "{grace}"
{more}
[limits.pressure]  # the machine's, on which other tests may run: here it never holds anything
memory = 100.0
io = 100.0
store = "1m"
[defaults]
env = {{ PATH = "{directory}:/usr/bin:/bin" }}
{defaults}
"""
MOST_VERDICTS = 1000  # in one answer
JOBD = [sys.executable, "-m", "jobd"]


class Node:
    """A directory with a configuration, and the daemons that were started on it.

    ``jobs`` is TOML behind the head above, ``more`` and ``defaults`` go on with its tables; the
    command ``work`` is that of the journal, which several nodes may share.
    """

    def __init__(
        self,
        directory: Path,
        jobs: str,
        *,
        http: str = "",
        grace: str = "0s",
        more: str = "",
        defaults: str = "",
        journal: Journal | None = None,
    ) -> None:
        self.directory = directory
        self.config = directory / "jobd.toml"
        self.state = directory / "state"
        self.socket = directory / "jobd.sock"
        self.journal = journal or Journal(directory)
        self.daemon: subprocess.Popen[bytes] | None = None
        self.options: tuple[str, ...] = ()  # of jobd run
        here = self.journal.directory
        self._head = HEAD.format(
            http=http, grace=grace, more=more, defaults=defaults, directory=here
        )
        self._supervisors: set[int] = set()
        self.configure(jobs)

    def configure(self, jobs: str) -> None:
        """Write the configuration; a daemon that runs does not know yet."""
        self.config.write_text(self._head + jobs, encoding="utf-8")

    def start(self) -> "Node":
        """Start a daemon and wait until it is ready."""
        self.launch()
        eventually(self.is_ready, lambda: f"ready; its log says {self.log_text()[-2000:]}")
        self._supervisors.add(self.supervisor_pid)
        return self

    def launch(self) -> None:
        """Start a daemon and wait for nothing."""
        with (self.directory / "log").open("ab") as log:
            self.daemon = subprocess.Popen(
                [*JOBD, "run", "-c", str(self.config), *self.options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def is_ready(self) -> bool:
        """Return whether the daemon that was started last answers that it is ready."""
        assert self.daemon is not None, "not started"
        assert self.daemon.poll() is None, f"the daemon has left: {self.log_text()[-2000:]}"
        try:
            return bool(self.get("/readyz")["ready"] and self.status["pid"] == self.daemon.pid)
        except OSError:
            return False

    @property
    def is_running(self) -> bool:
        """Whether the daemon that was started last has not ended."""
        return self.daemon is not None and self.daemon.poll() is None

    @property
    def pid(self) -> int:
        """The daemon's process."""
        assert self.daemon is not None, "not started"
        return self.daemon.pid

    @property
    def supervisor_pid(self) -> int:
        """The supervisor's process, as it wrote it down itself."""
        # Empty for a moment, when a new one takes the lock.
        text = eventually((self.state / "supervisor.lock").read_text, "there is a supervisor")
        return int(text)

    def send(self, number: signal.Signals) -> None:
        """Send the daemon a signal."""
        os.kill(self.pid, number)

    def kill9(self) -> None:
        """Kill the daemon; its supervisor stays."""
        assert self.daemon is not None, "not started"
        self.daemon.kill()
        self.daemon.wait(WITHIN_S)

    def kill_supervisor(self) -> int:
        """Kill the supervisor with SIGKILL; return which process it was."""
        pid = self.supervisor_pid
        assert "jobd.supervisor" in Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")
        self._supervisors.add(pid)
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill_both(self) -> None:
        """Kill daemon and supervisor, so that the node is gone."""
        self.send(signal.SIGSTOP)  # lest it starts another supervisor
        self.kill_supervisor()
        self.kill9()

    def stop_daemon(
        self, number: signal.Signals = signal.SIGTERM, within_s: float = WITHIN_S
    ) -> int:
        """Ask the daemon to stop; return its exit status."""
        self.send(number)
        return self.wait(within_s)

    def wait(self, within_s: float = WITHIN_S) -> int:
        """Wait for the daemon's end; return its exit status."""
        assert self.daemon is not None, "not started"
        return self.daemon.wait(within_s)

    def restart(self) -> "Node":
        """Kill the daemon and start another."""
        self.kill9()
        return self.start()

    # Asking

    def get(self, path: str) -> dict[str, Any]:
        """Return the JSON at a path of the socket; OSError when nobody answers. While the store
        is silent it is asked again: a machine that stands still is enough for that."""
        return eventually(lambda: self._answer(path), f"the store answers {path}")

    def _answer(self, path: str) -> dict[str, Any]:
        """Return the JSON at a path, nothing while the store does not answer."""
        status, body = self.fetch(path)
        answer: dict[str, Any] = json.loads(body)
        assert status in (200, 503), f"{path}: {answer}"
        is_silent = answer.get("error", {}).get("code") == "store_unavailable"
        return {} if is_silent else answer

    def fetch(self, path: str) -> tuple[int, str]:
        """Return status and body of a path of the socket."""
        connection = http.client.HTTPConnection("localhost", timeout=WITHIN_S)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(WITHIN_S)
        try:
            connection.sock.connect(str(self.socket))
            connection.request("GET", path)
            reply = connection.getresponse()
            return reply.status, reply.read().decode()
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()

    def ctl(self, *words: str, within_s: float = WITHIN_S) -> subprocess.CompletedProcess[str]:
        """Run jobd ctl against this node."""
        argv = [*JOBD, "ctl", "--socket", str(self.socket), *words]
        return subprocess.run(argv, capture_output=True, text=True, timeout=within_s, check=False)

    def ctl_json(self, *words: str) -> dict[str, Any]:
        """Return the document of a ctl command that must succeed."""
        done = self.ctl(*words, "--json")
        assert done.returncode == 0, done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    @property
    def status(self) -> dict[str, Any]:
        """What jobd ctl status --json prints."""
        return self.get("/api/v1/status")

    def job(self, name: str) -> dict[str, Any]:
        """Return what jobd ctl show --json prints of a job."""
        return self.get(f"/api/v1/jobs/{quote(name)}")

    def runs(self, job: str = "", outcome: str = "") -> list[dict[str, Any]]:
        """Return the runs in the history, oldest first."""
        query = f"limit=1000&job={job}" if job else "limit=1000"
        found = self.get(f"/api/v1/runs?{query}" + (f"&outcome={outcome}" if outcome else ""))
        runs: list[dict[str, Any]] = found["runs"]
        return runs[::-1]

    def run(self, run_id: str) -> dict[str, Any]:
        """Return one run as the history has it."""
        run: dict[str, Any] = self.get(f"/api/v1/runs/{run_id}")["run"]
        return run

    def trigger(self, job: str, *words: str) -> str:
        """Trigger a job; return its run's id."""
        run_id: str = self.ctl_json("trigger", job, *words)["run_ids"][0]
        return run_id

    def ended(self, run_id: str, within_s: float = WITHIN_S) -> dict[str, Any]:
        """Wait for a run's end; return it."""
        eventually(lambda: self.run(run_id)["ended_at"], f"run {run_id} has ended", within_s)
        return self.run(run_id)

    def run_to_end(self, job: str) -> dict[str, Any]:
        """Trigger a job, wait for its end, and return the run."""
        return self.ended(self.trigger(job))

    def output(self, run: dict[str, Any]) -> str:
        """Return what is kept of a run's last attempt."""
        text: str = self.ctl_json("logs", run["run_id"])["text"]
        return text

    def verdicts(self, job: str) -> list[dict[str, Any]]:
        """Return what the ledger says of the job's ticks, oldest first.

        An answer has ``MOST_VERDICTS`` rows. What reaches beyond the oldest of them is left
        out: of other rows in the same range the answer may not tell.
        """
        found = self.get(f"/api/v1/jobs/{job}/why?limit={MOST_VERDICTS}")["verdicts"]
        is_whole = len(found) < MOST_VERDICTS
        edge = "" if is_whole else found[-1]["last_fire_time"]
        return [v for v in found if v["ticks"] and v["fire_time"] > edge][::-1]

    def log_text(self) -> str:
        """Return everything that the daemons logged."""
        return (self.directory / "log").read_text(encoding="utf-8")

    def log(self, event: str) -> list[dict[str, Any]]:
        """Return the log's records of an event."""
        whole = self.log_text().split("\n")[:-1]  # what has no end yet is being written
        records = [json.loads(line) for line in whole if line.startswith("{")]
        return [record for record in records if record["event"] == event]

    def metric(self, sample: str) -> float | None:
        """Return a sample of /metrics, named as there: ``name{label="value"}``."""
        for line in self.fetch("/metrics")[1].splitlines():
            name, _, value = line.rpartition(" ")
            if name == sample:
                return float(value)
        return None

    # Leaving

    def clean(self) -> None:
        """End everything that was started here and see that nothing is left."""
        if self.is_running:
            self.send(signal.SIGCONT)
            self.kill9()
        if (self.state / "supervisor.lock").exists():
            self._supervisors.add(self.supervisor_pid)
        for pid in self._supervisors:
            self._kill_if_ours(pid)
        groups = self.groups()
        eventually(lambda: not self._leftovers(), "no process is left")
        eventually(lambda: not any(map(os.path.exists, groups)), f"{groups} are removed")
        shutil.rmtree(self.directory)

    def _kill_if_ours(self, pid: int) -> None:
        if is_alive(pid) and str(self.state).encode() in command_line(pid):
            os.kill(pid, signal.SIGKILL)

    def _leftovers(self) -> list[int]:
        return processes_with(f"{self.directory}/") if self.daemon is not None else []

    def groups(self) -> list[str]:
        """Return the cgroup directories that the supervisor said it uses."""
        record = self.state / "supervisor.groups"
        if not record.exists():
            return []
        groups: list[str] = json.loads(record.read_bytes())["directories"]
        return groups
