"""What the tests of the pages read: the pages, and what stands in them."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click

from jobd.cli import main as cli

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.rglob("*.md")])

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def blocks(language: str) -> Iterator[tuple[str, str]]:
    """Yield the fenced blocks of a language: the page's name, the text."""
    for page in PAGES:
        for found, text in BLOCK.findall(read(page)):
            if found == language:
                yield page.name, text


def block_with(page: str, piece: str) -> str:
    """Return the one fenced block of a page that has ``piece`` in it."""
    found = [text for _, text in BLOCK.findall(read(ROOT / page)) if piece in text]
    assert len(found) == 1, f"{page}: {len(found)} blocks have {piece!r}"
    return found[0]


def command_lines() -> Iterator[tuple[str, list[str]]]:
    """Yield every call of jobd in the pages' shell blocks: the page's name, the words."""
    for page, text in blocks("sh"):
        for line in text.splitlines():
            words = shlex.split(line, comments=True)
            if words and Path(words[0]).name == "jobd":
                end = words.index(">") if ">" in words else len(words)  # what the shell does
                yield page, words[1:end]


def root_command() -> click.Group:
    return next(value for value in vars(cli).values() if isinstance(value, click.Group))


def commands(group: click.Group, path: str = "jobd") -> Iterator[tuple[str, click.Command]]:
    """Yield every command below a group, with the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
