"""A folder of units to write, and what the importer makes of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from jobd.config.importers.imported import ImportedJob, Value
from jobd.config.importers.systemd.folder import folders_of
from jobd.config.importers.systemd.importer import import_timers


@dataclass(frozen=True)
class Outcome:
    """Jobs and findings, the latter without the folder."""

    jobs: Sequence[ImportedJob]
    said: Sequence[str]

    @property
    def keys(self) -> dict[str, Value]:
        """The keys of the only job."""
        (job,) = self.jobs
        return dict(job.keys)


Units = Callable[..., Outcome]


@pytest.fixture
def import_units(tmp_path: Path) -> Units:
    """Import units given by their names; by default the timer x.timer fires daily."""

    def run(files: dict[str, str], zone: str = "UTC", keep: bool = False) -> Outcome:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text), encoding="utf-8")
        folders, timers = folders_of([tmp_path])
        imported = import_timers(folders, timers, zone=zone, keeps_services=keep)
        said = [str(finding).replace(f"{tmp_path}/", "") for finding in imported.findings]
        return Outcome(imported.jobs, said)

    return run


@pytest.fixture
def import_service(import_units: Units) -> Units:
    """Import a service by the lines of its [Service], and of its [Unit]."""

    def run(service: str, unit: str = "") -> Outcome:
        lines = [f"[Unit]\n{dedent(unit)}\n[Service]\n{dedent(service)}"]
        timer = "[Timer]\nOnCalendar=daily\nPersistent=true\n"
        return import_units({"x.timer": timer, "x.service": lines[0]})

    return run


@pytest.fixture
def import_timer(import_units: Units) -> Units:
    """Import a timer by the lines of its [Timer]."""

    def run(timer: str, zone: str = "UTC") -> Outcome:
        service = "[Service]\nType=oneshot\nExecStart=/bin/true\n"
        return import_units({"x.timer": f"[Timer]\n{dedent(timer)}", "x.service": service}, zone)

    return run
