"""The command of a crontab's line does in jobd what it did in cron."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobd.config.importers.crontab.command import run_parts_folder, said, split_at_percent

NONE: frozenset[str] = frozenset()


def notes(command: str) -> str:
    return " ".join(said(command, "/bin/sh", NONE).notes)


@pytest.mark.parametrize(
    ("text", "command", "stdin"),
    [
        ("cat%one%%two", "cat", "one\n\ntwo"),
        (r"date +\%F", "date +%F", None),
        (r"cat%5\% of it%", "cat", "5% of it\n"),
        ("cat%", "cat", ""),
        (r"printf a\\b\n", r"printf a\\b\n", None),
        (r"x \\%y", r"x \\", "y"),
    ],
)
def test_percent_ends_the_command_and_then_lines(
    text: str, command: str, stdin: str | None
) -> None:
    assert split_at_percent(text) == (command, stdin)


@settings(deadline=None)  # starts a shell
@given(st.lists(st.text("ab'\"$`\\ STDIN_", max_size=12), min_size=1, max_size=5))
def test_standard_input_is_what_cron_would_write(lines: list[str]) -> None:
    """Whatever is in it: the shell reads it as it is, and it ends in a newline."""
    text = "cat%" + "%".join(lines)
    _, stdin = split_at_percent(text)
    command = said(text, "/bin/sh", NONE).keys["command"]
    assert isinstance(command, str)
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=10)
    assert stdin is not None
    assert done.stdout == stdin if stdin.endswith("\n") else f"{stdin}\n"


def test_a_plain_command_needs_no_shell() -> None:
    assert said("/usr/bin/backup --all", "/bin/bash", NONE).keys == {
        "command": "/usr/bin/backup --all"
    }


def test_everything_else_is_left_to_the_shell_as_it_stands() -> None:
    text = "[ -x /bin/x ] && /bin/x >/dev/null 2>&1"
    assert said(text, "/bin/sh", NONE).keys == {"command": text, "shell": True}


def test_another_shell_is_the_one_that_is_asked() -> None:
    assert said("a && b", "/bin/bash", NONE).keys == {"command": ["/bin/bash", "-c", "a && b"]}


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("x >/dev/null 2>&1", "throws its output away"),
        ("if a; then x > /dev/null; fi", "throws its output away"),
        ("[ -x /bin/x ] && /bin/x", "where its guard does not hold"),
        ("command -v x > /dev/null && x", "where its guard does not hold"),
        ("test -d /run/systemd/system || x", "leaves its work to a systemd timer"),
        ("x &", "ends in &"),
        ("sleep $((RANDOM % 60)); x", "sleeps at random"),
        ("perl -e 'sleep int(rand(60))' && x", "sleeps at random"),
        ("cd / && run-parts --report /etc/cron.daily", "--expand"),
    ],
)
def test_what_the_reader_should_know_is_noted(command: str, words: str) -> None:
    assert words in notes(command.replace("%", r"\%"))


@pytest.mark.parametrize(
    "command",
    ["x", "x > /var/log/x", "x 2>/dev/null", "sleep 5; x", "a && b", "test -x /a || { b && c; }",
     "command -v x > /dev/null; x"],
)  # fmt: skip
def test_and_nothing_else(command: str) -> None:
    assert notes(command) == ""


def test_a_folder_for_run_parts_is_found() -> None:
    assert run_parts_folder("cd / && run-parts --report /etc/cron.daily; }") == "/etc/cron.daily"
    assert run_parts_folder("echo run-parts") is None
