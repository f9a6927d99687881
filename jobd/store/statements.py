"""Statements: SQL lives in .sql files, beside the code and readable without it.

A file ``NNNN_what.sql`` is a migration. Every other file holds statements, each under a
line ``-- name: its_title`` (the way of aiosql and procrastinate).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

_TITLE = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_MIGRATION = re.compile(r"(\d{4})_\w+\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """A step from one version of the tables to the next."""

    number: int
    sql: str


@cache
def statements(database: str) -> Mapping[str, str]:
    """Return title → statement, of all files of ``database`` ("sqlite")."""
    found: dict[str, str] = {}
    for file in _files(database):
        if _MIGRATION.fullmatch(file.name) is None:
            found.update(_titled(file.read_text(encoding="utf-8")))
    return found


@cache
def migrations(database: str) -> tuple[Migration, ...]:
    """Return all migrations of ``database``, in order; their numbers count up from 1."""
    found = []
    for file in _files(database):
        match = _MIGRATION.fullmatch(file.name)
        if match is not None:
            found.append(Migration(int(match[1]), file.read_text(encoding="utf-8")))
    assert [step.number for step in found] == list(range(1, len(found) + 1))
    return tuple(found)


def _files(database: str) -> list[Traversable]:
    folder = files("jobd.store") / "sql" / database
    return sorted(
        (file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda f: f.name
    )


def _titled(text: str) -> Iterator[tuple[str, str]]:
    _, *parts = _TITLE.split(text)
    titles, bodies = parts[::2], parts[1::2]
    for title, body in zip(titles, bodies, strict=True):
        yield title, body.strip()
