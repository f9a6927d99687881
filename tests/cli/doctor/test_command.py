"""``jobd doctor`` on the machine that runs the tests, whatever that is."""

import json
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from jobd.cli.doctor import command
from jobd.cli.doctor.plan import diagnose
from jobd.cli.main import main
from jobd.supervisor.cgroup import find_hierarchies
from jobd.supervisor.prospect import look_around

Doctor = Callable[..., tuple[object, dict[str, dict[str, Any]]]]

SECTIONS = ["configuration", "daemon", "state directory", "store", "users", "jobs", "limits"]


def files_below(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@pytest.fixture
def doctor(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Doctor:
    """Ask with a configuration: exit status, and the findings by section and subject."""
    # The process that it would end is the tests' own; and a busy machine is no failure.
    monkeypatch.setattr(command, "leave", sys.exit)
    monkeypatch.setattr(command, "diagnose", partial(diagnose, within_s=30.0))

    def ask(
        text: str, *, http: str = "", state_dir: str = "state"
    ) -> tuple[object, dict[str, dict[str, Any]]]:
        path = tmp_path / "jobd.toml"
        own = f'http = "{http}"\nsocket = "s"\nstate_dir = "{state_dir}"'
        path.write_text(f"[daemon]\n{own}\n{text}\n")
        with pytest.raises(SystemExit) as left:
            main(["doctor", "-c", str(path), "--json"])
        found = json.loads(capsys.readouterr().out)["findings"]
        return left.value.code, {f"{one['section']}/{one['subject']}": one for one in found}

    return ask


def job(keys: str = "") -> str:
    return f'[jobs.a]\ncommand = ["{sys.executable}"]\ntimeout = "1m"\nmemory_max = "64M"\n{keys}'


def test_a_machine_that_can_run_a_small_configuration_leaves_with_0(doctor: Doctor) -> None:
    status, found = doctor(job())
    assert (status, [one for one in found.values() if one["verdict"] == "fail"]) == (0, [])
    assert list(dict.fromkeys(one["section"] for one in found.values()))[:7] == SECTIONS


def test_nothing_is_left_behind(doctor: Doctor, tmp_path: Path) -> None:
    """It may be asked on a machine that must not be touched, as often as one likes."""
    (tmp_path / "state").mkdir()
    doctor(job())  # which writes the configuration
    before = files_below(tmp_path)
    _, found = doctor(job())
    assert "state directory/fsync" in found
    assert files_below(tmp_path) == before


def test_no_group_is_left_behind() -> None:
    look_around()
    hierarchies = find_hierarchies()
    groups = [*hierarchies.v1.values(), *([hierarchies.v2] if hierarchies.v2 else [])]
    assert [name for group in groups for name in Path(group).glob("jobd-doctor*")] == []


def test_a_bad_configuration_fails_with_its_line_and_the_machine_is_looked_at(
    doctor: Doctor,
) -> None:
    status, found = doctor('[jobs.a]\ncommand = "x"\ntimeout = "5 min"')
    assert status == 1
    assert found["configuration/files"]["words"].endswith(
        'jobd.toml:7: jobs.a.timeout: "5 min" is no duration'
    )
    assert found["configuration/files"]["mend"] == 'write "5m"'
    assert "machine/kernel" in found


@pytest.mark.parametrize(
    ("keys", "name", "verdict"),
    [
        ('on_failure = ["no-such-program"]', "jobs/a", "warn"),
        ('cwd = "/no/such/folder"', "jobs/a", "warn"),
        ('env_file = "/no/such/file"', "jobs/env files", "fail"),
        ('user = "no-such-user"', "users/users", "fail"),
        ('runbook = "https://wiki/a"', "jobs/runbooks", "ok"),
        ("", "jobs/runbooks", "warn"),
    ],
)
def test_what_a_job_names_is_looked_for(doctor: Doctor, keys: str, name: str, verdict: str) -> None:
    assert doctor(job(keys))[1][name]["verdict"] == verdict


def test_a_folder_that_is_closed_to_the_job_s_user_is_told(doctor: Doctor, tmp_path: Path) -> None:
    """A home with mode 0700, and a job of another user in it: each run is a start_error."""
    (tmp_path / "home").mkdir(mode=0o700)
    found = doctor(job(f'user = "nobody"\ncwd = "{tmp_path}/home"'))[1]
    assert found["jobs/a"]["words"].endswith(" may not be entered by nobody")


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("#!/bin/sh\n", 0o755, None),
        ("#!/bin/sh\n", 0o711, "may not be read by nobody"),
        ("no script", 0o711, None),
        ("#!/bin/sh\n", 0o744, "may not be executed by nobody"),
    ],
)
def test_a_command_that_is_closed_to_the_job_s_user_is_told(
    doctor: Doctor, text: str, mode: int, words: str | None
) -> None:
    """To root, who asks, it looks well; each run is a start_error. An interpreter reads a script as
    the job's user, a program the kernel reads."""
    with TemporaryDirectory() as folder:  # pytest's own are closed
        Path(folder).chmod(0o711)
        tool = Path(folder, "tool")
        tool.write_text(text)
        tool.chmod(mode)
        found = doctor(f'[jobs.a]\ncommand = ["{tool}"]\nuser = "nobody"')[1]
    told = found.get("jobs/a", {}).get("words")
    assert told == (None if words is None else f"command: {tool} {words}")


def test_a_command_in_a_folder_that_is_closed_to_the_job_s_user_is_told(
    doctor: Doctor, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir(mode=0o700)
    tool = tmp_path / "home/tool"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    found = doctor(f'[jobs.a]\ncommand = ["{tool}"]\nuser = "nobody"')[1]
    assert found["jobs/a"]["words"].endswith(" may not be entered by nobody")


def test_a_state_directory_of_the_kernel_s_is_refused_and_nothing_else_said(
    doctor: Doctor,
) -> None:
    """ "The daemon makes it", and to free some space, were no help."""
    status, found = doctor(job(), state_dir="/proc/jobd")
    said = {name: one for name, one in found.items() if name.startswith("state directory/")}
    assert status == 1
    assert [(name, one["words"]) for name, one in said.items()] == [
        ("state directory/directory", "proc at /proc is the kernel's own: it keeps no file")
    ]


def test_a_job_s_own_path_counts(doctor: Doctor, tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    text = f'[jobs.a]\ncommand = "tool"\nenv = {{ PATH = "{tmp_path}" }}'
    assert "jobs/a" not in doctor(text)[1]


def test_a_socket_at_which_nobody_listens_is_no_failure(doctor: Doctor, tmp_path: Path) -> None:
    """A daemon that was killed leaves it; the next one replaces it."""
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "s"))
    left.close()
    status, found = doctor(job())
    assert (status, found["daemon/socket"]["words"].endswith("left over: nobody listens")) == (
        0,
        True,
    )


def test_a_file_that_is_no_database_of_ours_fails(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state/jobd.db").write_text("no database" * 100)
    status, found = doctor(job())
    assert (status, found["store/own file"]["verdict"]) == (1, "fail")


def test_an_address_that_somebody_else_has_fails(doctor: Doctor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        status, found = doctor(job(), http=address)
    assert (status, found["daemon/http"]["verdict"]) == (1, "fail")


def test_a_postgresql_that_is_away_fails_and_says_how_to_reach_it(doctor: Doctor) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, and not listening
        port = nobody.getsockname()[1]
        status, found = doctor(f'[store]\nurl = "postgresql://jobd@127.0.0.1:{port}/jobd"\n{job()}')
    assert (status, found["store/reachable"]["verdict"]) == (1, "fail")
    assert "pg_hba.conf" in found["store/reachable"]["mend"]
