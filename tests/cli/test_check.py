"""``jobd check``: all that is wrong, in one go."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jobd.cli.main import main

GOOD = '[jobs.a]\ncommand = "x"\ntimeout = "1m"\nmemory_max = "64M"\nevery = "5m"\n'

Check = Callable[[str], tuple[object, str, str]]


@pytest.fixture
def check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Check:
    """Check a file named jobd.toml in the current folder: exit status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def run(text: str) -> tuple[object, str, str]:
        Path("jobd.toml").write_text(text)
        with pytest.raises(SystemExit) as left:
            main(["check", "-c", "jobd.toml"])
        return (left.value.code, *capsys.readouterr())

    return run


def test_a_good_file_is_summed_up(check: Check) -> None:
    assert check(GOOD) == (0, "OK: 1 job, 0 warnings\n", "")


def test_errors_are_told_like_a_compiler_does(check: Check) -> None:
    assert check('[jobs.a]\ncommand = "x"\ntimeout = "5 min"\nnice = 99\n') == (
        78,
        "",
        'jobd.toml:3: jobs.a.timeout: "5 min" is no duration; write "5m"\n'
        "jobd.toml:4: jobs.a.nice: 99 is too large; write 19 or less\n"
        "jobd.toml: 2 errors\n",
    )


def test_warnings_leave_the_exit_status_at_0(check: Check) -> None:
    status, out, err = check('[jobs.a]\ncommand = "x"\ntimeout = "1m"\nevery = "5s"\n')
    assert (status, out) == (0, "OK: 1 job, 2 warnings\n")
    assert [line.split(": ")[:3] for line in err.splitlines()] == [
        ["jobd.toml:1", "warning", "jobs.a.memory_max"],
        ["jobd.toml:1", "warning", "jobs.a.timeout"],
    ]


def test_a_file_that_does_not_exist_is_78(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["check", "-c", str(tmp_path / "none.toml")])
    assert left.value.code == 78
    assert "does not exist; write it, or name another with -c" in capsys.readouterr().err


def test_the_start_that_ships_with_jobd_is_good(capsys: pytest.CaptureFixture[str]) -> None:
    """One warning is on purpose: the file explains it."""
    with pytest.raises(SystemExit) as left:
        main(["check", "-c", str(Path(__file__).parents[2] / "config/jobd.toml")])
    assert left.value.code == 0
    assert capsys.readouterr().out == "OK: 6 jobs, 1 warning\n"


def test_ticks_that_a_simulated_day_skips_are_warned_of(check: Check) -> None:
    longer = GOOD.replace('timeout = "1m"', 'timeout = "9m"\nexpected_duration = "7m"')
    status, out, err = check(longer)
    assert (status, out) == (0, "OK: 1 job, 2 warnings\n")
    [_, line] = err.splitlines()
    assert line.startswith("jobd.toml:1: warning: jobs.a.expected_duration: 144 of 288 ticks in")


@pytest.mark.parametrize(("count", "is_told"), [(32, False), (33, True)])
def test_a_job_with_more_secrets_than_are_hidden_is_warned_of(
    check: Check, count: int, is_told: bool
) -> None:
    """Of its file and of its own variables together: the last of them would be shown."""
    Path("a.env").write_text("".join(f"TOKEN_{n}=sesame{n:04}\n" for n in range(count - 1)))
    own = f'env_file = "{Path.cwd()}/a.env"\nenv = {{ DB_PASSWORD = "sword-fish" }}\n'
    status, out, err = check(GOOD + own)
    assert status == 0
    assert ("jobs.a.env_file: and env give a run more than 32 values" in err) is is_told
    assert "sesame" not in out + err


def test_an_env_file_that_cannot_be_read_is_no_matter_of_secrets(check: Check) -> None:
    assert check(f'{GOOD}env_file = "/nowhere/a.env"\n')[1:] == ("OK: 1 job, 0 warnings\n", "")
