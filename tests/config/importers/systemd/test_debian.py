"""Timers that Debian's packages install, as they are: each imports, and fires when it did."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from jobd.config.importers.imported import Import
from jobd.config.importers.systemd.folder import folders_of
from jobd.config.importers.systemd.importer import import_timers
from jobd.config.importers.writer import render
from jobd.config.load import load
from jobd.core.schedule import CronSchedule, upcoming
from tests.config.importers.systemd.expressions import analyzed

DEBIAN = Path(__file__).parent / "debian"
NOW = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)
INSTANCE = DEBIAN / "pg_dump@15-main.timer"


@pytest.fixture(scope="module")
def imported() -> Import:
    folders, timers = folders_of([DEBIAN, INSTANCE])
    return import_timers(folders, timers, zone="UTC")


def test_each_timer_becomes_a_job(imported: Import) -> None:
    timers = {path.stem for path in DEBIAN.glob("*.timer")} - {"pg_dump@"} | {"pg_dump-15-main"}
    assert {job.name for job in imported.jobs} == timers


def test_jobd_takes_what_is_printed(imported: Import, tmp_path: Path) -> None:
    """Accounts aside, which this machine may not have: those are warnings."""
    file = tmp_path / "imported.toml"
    file.write_text(render(imported), encoding="utf-8")
    assert len(load(file).jobs) == len(imported.jobs)


def test_each_fires_when_its_timer_does(
    imported: Import, needs_tool: Callable[[str, str], str]
) -> None:
    needs_tool("systemd-analyze", "systemd")
    lines = {job.name: line for job in imported.jobs if (line := on_calendar(job.source))}
    assert len(lines) > 15
    schedules = {job.name: str(job.keys.get("schedule")) for job in imported.jobs}
    for name, theirs in zip(lines, analyzed([*lines.values()], 50, NOW), strict=True):
        schedule = CronSchedule.parse(schedules[name], job=name, timezone="UTC")
        assert tuple(islice(upcoming(schedule, NOW), 50)) == theirs, name


def on_calendar(source: tuple[str, ...]) -> str | None:
    found = [line.partition("OnCalendar=")[2] for line in source if "OnCalendar=" in line]
    return found[0] if found else None


def test_none_needs_more_than_a_look(imported: Import) -> None:
    """None of them is written switched off: what jobd cannot do for them is not what they do."""
    assert [job.name for job in imported.jobs if job.keys.get("enabled") is False] == []
