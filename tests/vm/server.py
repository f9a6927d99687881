"""A server: a machine on which jobd is installed, and what the tests ask of it."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.vm.machine import Machine

EVIDENCE = "/var/tmp/evidence"
APT = "DEBIAN_FRONTEND=noninteractive apt-get install -y -qq"


class Server:
    """Speaks to systemd and to jobd as an operator does, by their commands."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def run(self, script: str, within_s: float = 60.0) -> str:
        """Return what a script of root's writes; it has to succeed."""
        return self.machine.run(script, within_s)

    def wait_until(self, condition: str, within_s: float = 60.0) -> None:
        """Wait until a script of root's succeeds."""
        self.machine.wait_until(condition, within_s)

    def ctl(self, words: str) -> Any:
        """Return what ``jobd ctl`` answers."""
        return json.loads(self.run(f"jobd ctl {words} --json"))

    def start(self, job: str) -> str:
        """Have a run of the job started; return its id."""
        return str(self.ctl(f"trigger {job}")["run_ids"][0])

    def finish(self, job: str) -> dict[str, Any]:
        """Run the job to its end; return the run."""
        return self.ended(job, self.start(job))

    def ended(self, job: str, run_id: str) -> dict[str, Any]:
        """Return a run that has ended, or ends soon."""
        self.wait_until(
            f"jobd ctl runs {job} --json | python3 -c '{_HAS_ENDED}' {run_id}", within_s=90
        )
        return next(run for run in self.ctl(f"runs {job}")["runs"] if run["run_id"] == run_id)

    def active(self) -> dict[str, str]:
        """Return the job of each run that is active, by its id."""
        return {run["run_id"]: run["job"] for run in self.ctl("status")["active_runs"]}

    def cancel(self, job: str) -> None:
        """End what the job has running, and wait for it."""
        for run_id in [run_id for run_id, name in self.active().items() if name == job]:
            self.run(f"jobd ctl cancel {run_id}")
            self.ended(job, run_id)

    def property(self, unit: str, name: str) -> str:
        """Return a property of a unit."""
        return self.run(f"systemctl show --value -p {name} {unit}")

    def main_pid(self, unit: str) -> int:
        """Return the process that systemd has started for a unit."""
        return int(self.property(unit, "MainPID"))

    def beats(self) -> list[str]:
        """Return the run of each beat that the job "steady" has written."""
        return self.run(f"cat {EVIDENCE}/steady 2>/dev/null || true").split()

    def wait_for_beats(self, count: int = 3) -> None:
        """Wait until the job "steady" has written so many more."""
        wanted = len(self.beats()) + count
        self.wait_until(f'[ "$(wc -l < {EVIDENCE}/steady)" -ge {wanted} ]')


@dataclass(frozen=True, slots=True)
class Afterwards:
    """The server that came back, and the run that the power cut ended."""

    server: Server
    cut_run: str
    cut_after: datetime


_HAS_ENDED = (
    "import json, sys; "
    'runs = json.load(sys.stdin)["runs"]; '
    'sys.exit(not any(run["run_id"] == sys.argv[1] and run["state"] == "ended" for run in runs))'
)
