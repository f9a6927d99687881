"""The pages against the code: what exists is documented, and what is documented exists."""

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from pydantic import BaseModel

from jobd.cli import main as cli
from jobd.config import schema
from jobd.core.ledger import SkipReason
from jobd.core.outcome import Outcome

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.rglob("*.md")])

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
METRIC = re.compile(r"\bjobd_[a-z_]+\b")


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def blocks(language: str) -> Iterator[tuple[str, str]]:
    """Yield the fenced blocks of a language: the page's name, the text."""
    for page in PAGES:
        for found, text in BLOCK.findall(read(page)):
            if found == language:
                yield page.name, text


def root_command() -> click.Group:
    return next(value for value in vars(cli).values() if isinstance(value, click.Group))


def commands(group: click.Group, path: str = "jobd") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")


def command_lines() -> Iterator[tuple[str, list[str]]]:
    """Yield every call of jobd in the pages' shell blocks: the page's name, the words."""
    for page, text in blocks("sh"):
        for line in text.splitlines():
            words = shlex.split(line, comments=True)
            if words and Path(words[0]).name == "jobd":
                yield page, words[1:]


def tables() -> Iterator[type[BaseModel]]:
    for value in vars(schema).values():
        if isinstance(value, type) and issubclass(value, BaseModel) and value is not BaseModel:
            yield value


def metric_names() -> set[str]:
    """Return the names of all metrics: the constants of the module that makes them."""
    return {
        node.value
        for path in (ROOT / "jobd/telemetry").glob("*.py")
        for node in ast.walk(ast.parse(read(path)))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and METRIC.fullmatch(node.value)
    }


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


def test_every_configuration_key_is_documented() -> None:
    page = read(DOCS / "configuration.md")
    assert [
        f"{table.__name__}.{field.alias or name}"
        for table in tables()
        for name, field in table.model_fields.items()
        if not re.search(rf"\b{re.escape(field.alias or name)}\b", page)
    ] == []


def test_every_metric_is_documented() -> None:
    page = read(DOCS / "metrics.md")
    assert sorted(name for name in metric_names() if name not in page) == []


def test_every_documented_metric_exists() -> None:
    known = metric_names()
    assert known
    assert [
        f"{page.name}: {name}"
        for page in PAGES
        for name in sorted(set(METRIC.findall(read(page))))
        if not any(name.startswith(metric.removesuffix("_total")) for metric in known)
        and not any(metric.startswith(name) for metric in known)
    ] == []


@pytest.mark.parametrize("page", ["guarantees.md", "operating.md"])
@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_is_explained(outcome: Outcome, page: str) -> None:
    assert f"`{outcome}`" in read(DOCS / page)


@pytest.mark.parametrize("reason", SkipReason)
def test_every_skip_reason_is_explained(reason: SkipReason) -> None:
    assert f"`{reason}`" in read(DOCS / "guarantees.md")


def test_every_example_configuration_in_the_pages_is_valid(tmp_path: Path) -> None:
    for number, (page, text) in enumerate(blocks("toml")):
        path = tmp_path / f"{number}.toml"
        path.write_text(text, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "jobd", "check", "-c", str(path)],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, f"{page}:\n{text}\n{done.stdout}{done.stderr}"


def test_the_alert_rules_in_the_pages_are_valid(
    tmp_path: Path, needs_tool: Callable[[str, str], str]
) -> None:
    promtool = needs_tool("promtool", "prometheus")
    rules = [text for _, text in blocks("yaml") if text.startswith("groups:")]
    assert rules
    for number, text in enumerate(rules):
        path = tmp_path / f"{number}.yaml"
        path.write_text(text, encoding="utf-8")
        done = subprocess.run(
            [promtool, "check", "rules", str(path)], capture_output=True, text=True, timeout=30
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_make_target_in_the_pages_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", read(ROOT / "Makefile"), re.MULTILINE))
    named = {
        name for _, text in blocks("sh") for name in re.findall(r"^make (\w+)", text, re.MULTILINE)
    }
    assert named
    assert named - targets == set()


def test_every_link_leads_somewhere() -> None:
    assert [
        f"{page.name}: {target}"
        for page in PAGES
        for target in LINK.findall(read(page))
        if not (page.parent / target).exists()
    ] == []


def test_every_file_that_the_readme_installs_is_there() -> None:
    named = re.findall(r"\bdeploy/[\w./*-]+", read(ROOT / "README.md"))
    assert [name for name in named if not list(ROOT.glob(name))] == []


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(path.name[:4]) for path in sorted((DOCS / "decisions").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_no_decision_is_longer_than_forty_lines() -> None:
    lengths = {path.name: read(path).count("\n") for path in (DOCS / "decisions").glob("*.md")}
    assert {name: length for name, length in lengths.items() if length > 40} == {}
