"""The help texts: whole, and copied from without a surprise."""

import re
import shlex
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from jobd.cli.described import Described
from jobd.cli.main import jobd


def commands(group: click.Group, path: str = "jobd") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


COMMANDS = dict(commands(jobd))


def described(path: str) -> Described:
    command = COMMANDS[path]
    assert isinstance(command, Described)
    return command


@pytest.mark.parametrize("path", COMMANDS)
def test_every_option_and_every_exit_status_is_explained(path: str) -> None:
    command = described(path)
    options = [option for option in command.params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help] == []
    assert [status for status, words in command.exits.items() if not words] == []


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_shows_examples_that_it_takes(path: str) -> None:
    examples = described(path).examples
    assert examples
    for line, words in examples:
        assert words
        arguments = call_of_jobd(line)
        answer = CliRunner().invoke(jobd, [*arguments, "--help"])
        assert answer.exit_code == 0, f"{line}: {answer.output}"
        assert path.split()[1] in arguments


def call_of_jobd(line: str) -> list[str]:
    """Return what jobd is given by a shell's line that calls it, among others or in the end."""
    return shlex.split(re.findall(r"(?:^|[ (])jobd ([^|&>)]+)", line)[-1])


@pytest.mark.parametrize("path", COMMANDS)
def test_the_first_line_says_it_all_in_a_list(path: str) -> None:
    """It stands alone in the manual's list of commands."""
    help_ = (COMMANDS[path].help or "").split("\n\n")[0].replace("\n", " ")
    assert help_.endswith((".", "?"))
    assert len(help_) < 140


def test_examples_and_exit_statuses_stand_at_the_end_of_the_help() -> None:
    said = CliRunner().invoke(jobd, ["check", "--help"]).output
    assert said.index("Options:") < said.index("Examples:") < said.index("Exit status:")
    assert "  78  the configuration is refused, and it is said why\n" in said
