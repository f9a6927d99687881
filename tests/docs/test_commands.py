"""The pages against the command line: what exists is told, and what is told exists."""

import re
from collections.abc import Iterator

import click
from click.testing import CliRunner

from tests.docs.pages import ROOT, blocks, command_lines, commands, read, root_command


def test_every_command_is_in_the_readme() -> None:
    page = re.sub(r"\\\|", "|", read(ROOT / "README.md"))
    assert [
        path
        for path, command in commands(root_command())
        if not isinstance(command, click.Group) and path.rsplit(" ", 1)[1] not in page
    ] == []


def test_every_command_in_the_readme_exists() -> None:
    known = {path for path, _ in commands(root_command())}
    rows = re.findall(
        r"^\| (`jobd [^|]*)", read(ROOT / "README.md").replace(r"\|", "/"), re.MULTILINE
    )
    named = {name for row in rows for name in _commands_of(row)}
    assert named
    assert named - known == set()


def _commands_of(row: str) -> Iterator[str]:
    """Yield the commands of a table's cell: `jobd ctl pause JOB`, `resume JOB`, ..."""
    prefix = "jobd ctl " if "jobd ctl" in row else "jobd "
    for code in re.findall(r"`([^`]+)`", row):
        yield prefix + code.removeprefix(prefix).split()[0]


def test_every_command_line_in_the_pages_is_one_that_jobd_takes() -> None:
    """A page that is copied from at three in the morning must not answer "no such option"."""
    assert [f"{page}: {words}" for page, words in command_lines() if _complaint(words)] == []


def _complaint(words: list[str]) -> str:
    """Return what jobd says to these words; --help keeps it from doing anything."""
    answer = CliRunner().invoke(root_command(), [*words, "--help"])
    return f"{answer.output}{answer.exception}" if answer.exit_code else ""


def test_every_make_target_in_the_pages_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", read(ROOT / "Makefile"), re.MULTILINE))
    named = {
        name
        for _, text in blocks("sh")
        for name in re.findall(r"^make ([\w-]+)", text, re.MULTILINE)
    }
    assert named
    assert named - targets == set()
