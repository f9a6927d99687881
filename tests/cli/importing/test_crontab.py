"""``jobd import crontab``: the configuration on standard output, all else on standard error."""

import io
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from jobd.cli.importing import delivery
from jobd.cli.importing.delivery import deliver
from jobd.cli.main import main
from jobd.config.importers.imported import Import, ImportedJob

Run = Callable[..., tuple[object, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the import in a folder of its own: exit status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def called(*arguments: str, text: bytes = b"") -> tuple[object, str, str]:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
        with pytest.raises(SystemExit) as left:
            main(["import", "crontab", "--timezone", "UTC", *arguments])
        return (left.value.code, *capsys.readouterr())

    return called


def test_a_crontab_from_a_pipe_becomes_a_configuration(run: Run) -> None:
    status, out, err = run("--user", "joe", "-", text=b"MAILTO=ops\n0 4 * * * /bin/backup\n")
    assert status == 0
    assert tomllib.loads(out) == {
        "jobs": {
            "backup": {
                "command": "/bin/backup",
                "schedule": "0 4 * * *",
                "timezone": "UTC",
                "user": "joe",
            }
        }
    }
    assert err.splitlines()[0].startswith('<stdin>:1: MAILTO="ops" had the output')
    assert err.splitlines()[-1] == "1 job imported, 1 thing to look at"


def test_folders_and_files_are_one_configuration(run: Run, tmp_path: Path) -> None:
    for name, text in (("cron.d/a", "@daily root x\n"), ("spool/joe", "@daily x\n")):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    _, out, _ = run("cron.d", "spool")
    jobs = tomllib.loads(out)["jobs"]
    assert {name: job["user"] for name, job in jobs.items()} == {"x": "root", "x-2": "joe"}


def test_a_system_crontab_may_lie_anywhere(run: Run) -> None:
    _, out, _ = run("--system", "-", text=b"@daily root x\n")
    assert tomllib.loads(out)["jobs"]["x"]["user"] == "root"


def test_a_new_file_is_written(run: Run, tmp_path: Path) -> None:
    status, out, _ = run("--user", "joe", "-o", "new.toml", "-", text=b"@daily x\n")
    assert (status, out) == (0, "")
    assert "x" in tomllib.loads((tmp_path / "new.toml").read_text())["jobs"]


def test_a_file_that_exists_is_left_as_it_is(run: Run, tmp_path: Path) -> None:
    """It may be the one that was completed by hand yesterday."""
    (tmp_path / "old.toml").write_text("mine")
    status, _, err = run("--user", "joe", "-o", "old.toml", "-", text=b"@daily x\n")
    assert (status, (tmp_path / "old.toml").read_text()) == (73, "mine")
    assert "old.toml exists, and is left as it is; name another file" in err


def test_what_is_no_crontab_is_65(run: Run) -> None:
    status, out, err = run("-", text=b"[Unit]\nDescription=x\n")
    assert (status, out) == (65, "")
    assert err.splitlines()[-1].startswith("<stdin>: no line is one of a crontab")


def test_a_file_that_is_not_there_is_65(run: Run) -> None:
    status, _, err = run("none")
    assert status == 65
    assert err == "none: cannot be read (No such file or directory); name a file that is there\n"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--system", "--user", "joe"], "not both"),
        (["--user", "joe smith"], "is no account name"),
        (["--timezone", "Europe/Belrin"], "Europe/Berlin"),
    ],
)
def test_options_that_cannot_be_meant_are_usage_errors(
    run: Run, options: list[str], words: str
) -> None:
    status, _, err = run(*options, "-", text=b"@daily x\n")
    assert status == 64
    assert words in err


def test_what_jobd_would_not_take_is_never_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An importer with a defect says so; it does not hand out a file that fails later."""
    wrong = Import((ImportedJob("a", {"command": "x", "timeout": "5 min"}),))
    assert deliver(wrong, tmp_path / "out.toml") == delivery.exits.SOFTWARE
    assert "This is a defect of jobd" in capsys.readouterr().err
    assert not (tmp_path / "out.toml").exists()
