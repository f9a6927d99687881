"""What a service executes: the job's command does the same, seen by running it."""

import os
import subprocess
from pathlib import Path

import pytest

from jobd.config.importers.systemd.execution import command_lines
from jobd.config.importers.systemd.script import Program, command_keys
from jobd.config.importers.systemd.specifiers import UnitName
from jobd.config.importers.systemd.syntax import Assignment
from tests.config.importers.systemd.conftest import Units

ARGUMENTS = 'printf "%%s|"'  # what a test shows: each argument it got


def run(units: Units, service: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    """Run the job of a service as jobd does; return its exit status and its output."""
    keys = units(f"Type=oneshot\n{service}").keys
    command = keys["command"]
    argv = ["/bin/sh", "-c", command] if keys.get("shell") else command
    assert isinstance(argv, list)
    known = keys.get("env", {})
    assert isinstance(known, dict)
    done = subprocess.run(
        [str(word) for word in argv],
        env={"PATH": os.environ["PATH"], **known, **(env or {})},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a  'b c' \"d\te\"", "a|b c|d\te|"),
        (r"a\x20b \\ \s", "a b|\\| |"),
        ("> & | *", ">|&|||*|"),
        ("$$HOME 100%% %n", "$HOME|100%|x.service|"),
        (r"a \; b", "a|;|b|"),
        ("''", "|"),
    ],
)
def test_a_command_gets_the_very_arguments_that_systemd_gives(
    import_service: Units, line: str, expected: str
) -> None:
    assert run(import_service, f"ExecStart={ARGUMENTS} {line}") == (0, expected)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("ExecStart=/bin/rm -r ${CACHE_DIRECTORY}/old", "$CACHE_DIRECTORY"),
        ("ExecStart=/bin/true\nExecStopPost=/bin/tell $EXIT_STATUS", "$EXIT_STATUS"),
    ],
)
def test_a_variable_that_only_systemd_sets_switches_the_job_off(
    import_service: Units, line: str, name: str
) -> None:
    """Taken for empty, /var/cache/x/old would be /old."""
    imported = import_service(f"Type=oneshot\n{line}")
    assert imported.keys["enabled"] is False
    assert f"holds {name}, which only systemd sets" in " ".join(imported.said)
    assert name.removeprefix("$") in str(imported.keys["command"])


def test_such_a_variable_is_like_any_other_where_the_unit_sets_it(import_service: Units) -> None:
    imported = import_service(
        "Environment=CACHE_DIRECTORY=/c\nExecStart=/bin/ls ${CACHE_DIRECTORY}/x"
    )
    assert imported.keys["command"] == ["/bin/ls", "/c/x"]
    assert "enabled" not in imported.keys


def test_a_variable_that_is_passed_on_is_left_to_the_run(import_service: Units) -> None:
    """The advice is to write it into env, which does nothing for a command that has lost it."""
    service = f"PassEnvironment=A B\nExecStart={ARGUMENTS} $A ${{B}}"
    assert run(import_service, service, {"A": "one two", "B": "x"}) == (0, "one|two|x|")


@pytest.mark.parametrize("source", ["Environment", "EnvironmentFile"])
def test_a_variable_in_braces_is_one_argument_and_a_bare_one_its_words(
    import_service: Units, tmp_path: Path, source: str
) -> None:
    """Whether the value is known when the unit is imported or only when the job runs."""
    (tmp_path / "vars").write_text('A="one two"\n')
    given = '"A=one two"' if source == "Environment" else f"-{tmp_path}/vars"
    service = f"{source}={given}\nExecStart={ARGUMENTS} ${{A}} x${{A}}y $A $NONE ${{NONE}}"
    assert run(import_service, service) == (0, "one two|xone twoy|one|two||")


def test_a_file_of_variables_may_be_missing_if_the_unit_says_so(import_service: Units) -> None:
    service = f"EnvironmentFile=-/nowhere/x\nExecStart={ARGUMENTS} a"
    assert run(import_service, service) == (0, "a|")


def test_a_colon_keeps_dollars_as_they_are(import_service: Units) -> None:
    assert run(import_service, f"ExecStart=:{ARGUMENTS} $A") == (0, "$A|")


def test_commands_run_in_their_order(import_service: Units) -> None:
    service = "ExecStartPost=echo post\nExecStart=echo a ; echo b\nExecStartPre=echo pre"
    assert run(import_service, service) == (0, "pre\na\nb\npost\n")


def test_a_failure_ends_the_rest(import_service: Units) -> None:
    service = "ExecStartPre=sh -c 'exit 3'\nExecStart=echo a"
    assert run(import_service, service) == (3, "")


def test_a_failure_with_a_dash_is_none(import_service: Units) -> None:
    assert run(import_service, "ExecStartPre=-false\nExecStart=echo a") == (0, "a\n")
    assert run(import_service, "ExecStart=-false") == (0, "")


@pytest.mark.parametrize(
    ("exit_status", "expected"), [(0, (0, "a\n")), (1, (0, "")), (255, (255, ""))]
)
def test_a_condition_that_does_not_hold_ends_the_run_without_a_failure(
    import_service: Units, exit_status: int, expected: tuple[int, str]
) -> None:
    service = f"ExecCondition=sh -c 'exit {exit_status}'\nExecStart=echo a"
    assert run(import_service, service) == expected


def test_what_cleans_up_runs_after_a_failure_which_stays_one(import_service: Units) -> None:
    service = "ExecStart=sh -c 'exit 3'\nExecStop=echo stop\nExecStopPost=echo clean"
    assert run(import_service, service) == (3, "clean\n")


def test_what_stops_a_oneshot_runs_after_a_success(import_service: Units) -> None:
    service = "ExecStart=echo a\nExecStop=echo stop\nExecStopPost=echo clean"
    assert run(import_service, service) == (0, "a\nstop\nclean\n")


def test_what_cleans_up_also_runs_when_the_job_is_stopped(import_service: Units) -> None:
    """The signal goes to the whole tree, and must not take the shell that cleans up with it."""
    service = "ExecStart=sh -c 'kill -TERM $$PPID; exit 4'\nExecStopPost=echo clean"
    assert run(import_service, service) == (4, "clean\n")


@pytest.mark.parametrize("signal", ["SIGRTMIN+3", "SIGPOLL", "SIGUSR1", "SIGKILL"])
def test_a_shell_knows_the_signal_that_it_is_to_outlive(import_service: Units, signal: str) -> None:
    """dash ends at the line with a name that it does not know."""
    service = f"KillSignal={signal}\nExecStart=echo a\nExecStopPost=echo clean"
    assert run(import_service, service) == (0, "a\nclean\n")


def test_conditions_are_judged_by_systemd_itself(
    import_service: Units, needs_tool: object, tmp_path: Path
) -> None:
    assert callable(needs_tool)
    needs_tool("systemd-analyze", "systemd")
    for path, expected in ((tmp_path, "a\n"), (tmp_path / "none", "")):
        keys = import_service("Type=oneshot\nExecStart=echo a", f"ConditionPathExists={path}").keys
        done = subprocess.run(
            ["/bin/sh", "-c", str(keys["command"])],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, expected)


def test_one_plain_command_stays_a_list(import_service: Units) -> None:
    """No shell stands between jobd and a program that needs none."""
    keys = import_service("ExecStart=/usr/bin/app --flag").keys
    assert (keys["command"], "shell" in keys) == (["/usr/bin/app", "--flag"], False)


def test_scheduling_classes_are_set_by_the_tools_for_them(import_service: Units) -> None:
    service = "ExecStart=/bin/app\nIOSchedulingClass=idle\nCPUSchedulingPolicy=batch"
    assert import_service(service).keys["command"] == [
        *("ionice", "-c", "3"),
        *("chrt", "--batch", "0"),
        "/bin/app",
    ]


def test_a_command_with_root_s_rights_takes_the_user_to_the_others(import_service: Units) -> None:
    service = "Type=oneshot\nUser=man\nExecStart=+/bin/a\nExecStart=/bin/b"
    outcome = import_service(service)
    assert "user" not in outcome.keys
    assert outcome.keys["command"] == "/bin/a || exit\nexec runuser -u man -- /bin/b\n"
    assert "runs as root, so this job does" in outcome.said[0]


def test_a_command_beside_a_service_that_is_up_is_told(import_service: Units) -> None:
    outcome = import_service("ExecStart=/bin/a\nExecStartPost=/bin/b")
    assert outcome.keys["command"] == ["/bin/a"]
    assert "runs beside the service's own command" in outcome.said[0]


def test_a_lone_word_survives_the_way_through_the_shell() -> None:
    """Quotes of ours must not meet those of the unit."""
    source = Assignment("Service", "ExecStart", r"""echo "it's" "a\"b" '$(x)' `y`""", "x", 1)
    (line,) = command_lines(source, UnitName.of("x.service"))
    shell = command_keys(Program((line,), stop_signal="TERM", conditions=("ConditionHost=x",)))
    assert "echo 'it'\"'\"'s' 'a\"b' '$(x)' '`y`'" in str(shell["command"])
