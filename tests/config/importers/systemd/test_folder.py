"""Where units are found: names, drop-ins, masks, templates, several folders."""

import os
from pathlib import Path

import pytest

from jobd.config.importers.imported import NotImportable
from jobd.config.importers.systemd.folder import folders_of
from jobd.config.importers.systemd.importer import import_timers
from tests.config.importers.systemd.conftest import Units

TIMER = "[Timer]\nOnCalendar=daily\n"
SERVICE = "[Service]\nType=oneshot\nExecStart=/bin/echo %i\n"


def test_a_timer_may_start_a_service_of_another_name(import_units: Units) -> None:
    outcome = import_units({"a.timer": f"{TIMER}Unit=b.service", "b.service": SERVICE})
    assert outcome.jobs[0].name == "a"


def test_drop_ins_come_after_the_unit_in_the_order_of_their_names(import_units: Units) -> None:
    first = "[Timer]\nOnCalendar=\nOnCalendar=weekly\nRandomizedDelaySec=1h"
    outcome = import_units(
        {
            "a.timer": TIMER,
            "a.timer.d/20-later.conf": "[Timer]\nRandomizedDelaySec=2h",
            "a.timer.d/10-first.conf": first,
            "a.service": SERVICE,
        }
    )
    assert (outcome.keys["schedule"], outcome.keys["jitter"]) == ("0 0 * * mon", "2h")


def test_drop_ins_of_a_prefix_and_of_all_services_count(import_units: Units) -> None:
    files = {
        "a-b.timer": TIMER,
        "a-b.service": SERVICE,
        "a-.service.d/x.conf": "[Service]\nNice=5",
        "service.d/y.conf": "[Service]\nTimeoutStartSec=1h",
    }
    keys = import_units(files).keys
    assert (keys["nice"], keys["timeout"]) == (5, "1h")


def test_an_instance_that_is_enabled_is_a_job(import_units: Units, tmp_path: Path) -> None:
    wants = tmp_path / "timers.target.wants"
    wants.mkdir()
    (wants / "a@15-main.timer").symlink_to("/lib/systemd/system/a@.timer")
    outcome = import_units({"a@.timer": TIMER, "a@.service": SERVICE})
    assert [(job.name, job.keys["command"]) for job in outcome.jobs] == [
        ("a-15-main", ["/bin/echo", "15-main"])
    ]


def test_another_name_of_a_timer_is_no_second_job(import_units: Units, tmp_path: Path) -> None:
    (tmp_path / "alias.timer").symlink_to("a.timer")
    assert [job.name for job in import_units({"a.timer": TIMER, "a.service": SERVICE}).jobs] == [
        "a"
    ]


def test_a_template_alone_is_told_with_the_command_that_imports_an_instance(
    import_units: Units,
) -> None:
    outcome = import_units({"a@.timer": TIMER, "a@.service": SERVICE})
    assert outcome.jobs == ()
    assert outcome.said[0].startswith("a@.timer: is a template")
    assert outcome.said[0].endswith("a@INSTANCE.timer")


def test_a_masked_timer_is_told_and_no_job(import_units: Units, tmp_path: Path) -> None:
    (tmp_path / "a.timer").symlink_to("/dev/null")
    outcome = import_units({"b.timer": TIMER, "b.service": SERVICE})
    assert [job.name for job in outcome.jobs] == ["b"]
    assert outcome.said == ["a.timer: is masked, so there is no job"]


def test_what_is_no_file_is_told_and_the_others_are_imported(
    import_units: Units, tmp_path: Path
) -> None:
    """systemd passes over it. To open the pipe would wait for ever."""
    (tmp_path / "a.timer").mkdir()
    os.mkfifo(tmp_path / "c.timer")
    (tmp_path / "b.timer.d/x.conf").mkdir(parents=True)
    outcome = import_units({"b.timer": TIMER, "b.service": SERVICE})
    assert [job.name for job in outcome.jobs] == ["b"]
    assert outcome.said == [f"{name}.timer: is no file, so there is no job" for name in "ac"]


def test_a_folder_hides_no_file_of_its_name_in_the_next_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "etc/a.timer", tmp_path / "lib"):
        path.mkdir(parents=True)
    (tmp_path / "lib/a.timer").write_text(TIMER)
    (tmp_path / "lib/a.service").write_text(SERVICE)
    folders, timers = folders_of([tmp_path / "etc", tmp_path / "lib"])
    assert len(import_timers(folders, timers, zone="UTC").jobs) == 1


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"a.timer": f"{TIMER}Unit={'x' * 300}.service"}, "a.timer: starts xxx"),
        ({"a.timer": f"{TIMER}Unit=b.target"}, "a.timer: starts b.target, which is no service"),
        ({"a.timer": f"{TIMER}Unit=b"}, "a.timer: starts b, which is no service"),
        ({}, "a.timer: starts a.service, which is in none of the folders; name its folder as well"),
        ({"a.service": ""}, "a.timer: starts a.service, which is masked"),
    ],
)
def test_a_service_that_is_not_there_is_told(
    import_units: Units, files: dict[str, str], said: str
) -> None:
    outcome = import_units({"a.timer": TIMER, **files})
    assert outcome.jobs == ()
    assert outcome.said[0].startswith(said)


def test_the_first_folder_hides_namesakes_in_the_next(tmp_path: Path) -> None:
    """As /etc/systemd/system does with those in /lib."""
    for folder, calendar in (("etc", "weekly"), ("lib", "daily")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.timer").write_text(f"[Timer]\nOnCalendar={calendar}\n")
    (tmp_path / "lib/a.service").write_text(SERVICE)
    folders, timers = folders_of([tmp_path / "etc", tmp_path / "lib"])
    (job,) = import_timers(folders, timers, zone="UTC").jobs
    assert job.keys["schedule"] == "0 0 * * mon"


def test_a_file_stands_for_its_timer_alone(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.timer").write_text(TIMER)
        (tmp_path / f"{name}.service").write_text(SERVICE)
    _, timers = folders_of([tmp_path / "b.timer"])
    assert timers == ["b.timer"]


def test_an_instance_may_be_named_that_has_no_file(tmp_path: Path) -> None:
    (tmp_path / "a@.timer").write_text(TIMER)
    _, timers = folders_of([tmp_path / "a@x.timer"])
    assert timers == ["a@x.timer"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere", "is no folder; name a folder of units"),
        ("a.service", "is no timer; name a folder of units"),
        ("c.timer", "does not exist; name a folder of units, or a .timer file"),
    ],
)
def test_what_is_no_timer_is_refused_with_what_to_name(
    tmp_path: Path, name: str, said: str
) -> None:
    (tmp_path / "a.service").write_text(SERVICE)
    with pytest.raises(NotImportable, match=said):
        folders_of([tmp_path / name])
