"""``jobd import systemd``: the configuration on standard output, all else on standard error."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from jobd.cli.main import main

Run = Callable[..., tuple[object, str, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the import of a folder with one timer: exit status, stdout, stderr."""
    (tmp_path / "backup.timer").write_text("[Timer]\nOnCalendar=03:00\nWakeSystem=yes\n")
    (tmp_path / "backup.service").write_text(
        "[Unit]\nDescription=The nightly copy\n[Service]\nType=oneshot\nExecStart=/bin/backup\n"
    )

    def called(*arguments: str) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as left:
            main(["import", "systemd", "--timezone", "UTC", *(arguments or (str(tmp_path),))])
        return (left.value.code, *capsys.readouterr())

    return called


def test_a_folder_of_units_becomes_a_configuration(run: Run, tmp_path: Path) -> None:
    status, out, err = run()
    assert status == 0
    assert tomllib.loads(out)["jobs"] == {
        "backup": {
            "description": "The nightly copy",
            "command": ["/bin/backup"],
            "schedule": "0 3 * * *",
            "timezone": "UTC",
            "catchup": "none",
            "cwd": "/",
        }
    }
    assert err.splitlines() == [
        f"{tmp_path}/backup.timer:3: WakeSystem=yes has no equivalent; keep the timer for that",
        "1 job imported, 1 thing to look at",
    ]


def test_the_way_to_turn_the_timers_off_stands_at_the_head(run: Run) -> None:
    """Or the work is done twice from the next night on."""
    assert "systemctl disable --now backup.timer" in run()[1].partition("[jobs")[0]


def test_services_may_stay_with_systemd(run: Run, tmp_path: Path) -> None:
    _, out, _ = run("--keep-services", str(tmp_path))
    command = tomllib.loads(out)["jobs"]["backup"]["command"]
    assert command == ["systemctl", "start", "--wait", "backup.service"]


def test_an_instance_is_imported_by_its_name(run: Run, tmp_path: Path) -> None:
    (tmp_path / "dump@.timer").write_text("[Timer]\nOnCalendar=daily\n")
    (tmp_path / "dump@.service").write_text("[Service]\nExecStart=/bin/dump %i\n")
    _, out, _ = run(f"{tmp_path}/dump@main.timer")
    assert tomllib.loads(out)["jobs"]["dump-main"]["command"] == ["/bin/dump", "main"]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["/nowhere"], 65, "/nowhere is no folder; name a folder of units"),
        (["/nowhere/a.timer"], 65, "/nowhere/a.timer does not exist"),
        (["--timezone", "Mars/Base", "/"], 64, "--timezone:"),
    ],
)
def test_what_is_no_input_is_refused_with_what_to_name(
    run: Run, arguments: list[str], status: int, said: str
) -> None:
    found, out, err = run(*arguments)
    assert (found, out) == (status, "")
    assert said in err


def test_a_folder_without_timers_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    status, out, err = run(str(tmp_path / "empty"))
    assert (status, out) == (65, "")
    assert err == f"{tmp_path}/empty has no timers; name the folder that has them\n"
