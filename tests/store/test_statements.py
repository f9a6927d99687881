"""The .sql files: every statement is one that SQLite understands, and none sorts a history."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from jobd.store import migrate
from jobd.store.statements import migrations, statements

CODE = Path(migrate.__file__).parent
NEWEST_FIRST = (
    *("run_exact", "run_ids_from", "runs_all", "runs_of_job", "runs_succeeded", "runs_failed"),
    *("ticks_newest", "ticks_holding", "tick_before", "rows_over", "ended_token"),
)


def parameters(sql: str) -> dict[str, int] | list[int]:
    names = re.findall(r":(\w+)", sql)
    return dict.fromkeys(names, 1) if names else [1] * sql.count("?")


def plan(title: str, database: Path) -> str:
    """Return how SQLite would go about a statement."""
    database.parent.mkdir()
    migrate.prepare(database)
    sql = statements("sqlite")[title]
    with closing(migrate.connect(database)) as connection:
        steps = connection.execute(f"EXPLAIN QUERY PLAN {sql}", parameters(sql))
        return "\n".join(step[3] for step in steps)


@pytest.mark.parametrize("title", sorted(statements("sqlite")))
def test_sqlite_understands_every_statement(title: str, database: Path) -> None:
    plan(title, database)


@pytest.mark.parametrize("title", sorted(statements("sqlite")))
def test_every_statement_is_said_somewhere(title: str) -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in CODE.glob("*.py"))
    assert f'"{title}"' in code


@pytest.mark.parametrize("title", NEWEST_FIRST)
def test_a_question_walks_an_index_and_sorts_nothing(title: str, database: Path) -> None:
    """With a million rows a sort takes seconds, and the page is asked for every few."""
    assert "TEMP B-TREE" not in plan(title, database)


@pytest.mark.parametrize("title", ["runs_failed", "runs_active", "runs_of_job", "runs_old"])
def test_a_filter_does_not_read_all_runs(title: str, database: Path) -> None:
    assert "SCAN run" not in plan(title, database)


def test_a_title_stands_for_its_statement_alone() -> None:
    assert statements("sqlite")["run_exact"].count(";") == 1


def test_migrations_count_up_from_one() -> None:
    assert migrations("sqlite")[0].number == 1


def test_a_statement_says_nothing_twice_in_one_migration_directory() -> None:
    """sqlite3 itself is the judge: all tables exist after the migrations, and only once."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for step in migrations("sqlite"):
            connection.executescript(step.sql)
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema")}
    assert {"job", "run", "tick", "audit"} <= names
