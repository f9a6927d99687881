"""What is written reads back as what was meant, whatever it holds."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.config.importers.imported import Finding, Import, ImportedJob
from jobd.config.importers.writer import comment, render, toml_key, toml_text, toml_value

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    TEXTS | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.floats(allow_nan=False),
    lambda values: st.lists(values) | st.dictionaries(TEXTS, values),
    max_leaves=8,
)


@given(VALUES)
def test_every_value_survives(value: object) -> None:
    """A command that comes back with one quote less is another command."""
    assert tomllib.loads(f"x = {toml_value(value)}") == {"x": value}


@given(st.text("'\"\\\n\t ab", max_size=12))
def test_every_mixture_of_quotes_survives(text: str) -> None:
    assert tomllib.loads(f"x = {toml_text(text)}") == {"x": text}


@given(TEXTS)
def test_every_key_survives(key: str) -> None:
    assert tomllib.loads(f"{toml_key(key)} = 1") == {key: 1}


@given(st.text())
def test_no_comment_ends_before_its_line(text: str) -> None:
    """What follows would be configuration: of somebody else's choosing."""
    assert tomllib.loads(comment(text)) == {}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", '"plain"'),
        ('say "hi"', "'say \"hi\"'"),
        ("it's \\d", '"it\'s \\\\d"'),
        ("one\ntwo", "'''\none\ntwo'''"),
    ],
)
def test_a_text_has_the_quotes_in_which_it_reads_best(text: str, shown: str) -> None:
    assert toml_text(text) == shown


def test_a_job_stands_below_the_lines_that_it_was_made_of() -> None:
    job = ImportedJob(
        "a",
        {"command": ["/bin/true"], "schedule": "@daily", "env": {"A": "1"}},
        source=("crontab:3: @daily /bin/true",),
        notes=("It was nice.",),
    )
    assert render(Import((job,), head=("From a crontab.",))) == (
        "# From a crontab.\n"
        "\n"
        "# crontab:3: @daily /bin/true\n"
        "# Note: It was nice.\n"
        "[jobs.a]\n"
        'command = ["/bin/true"]\n'
        'schedule = "@daily"\n'
        'env = { A = "1" }\n'
    )


def test_a_table_too_wide_for_a_line_gets_one_of_its_own() -> None:
    env = {f"NAME_{number}": "value" for number in range(10)}
    text = render(Import((ImportedJob("a.b", {"env": env, "command": "x"}),)))
    assert max(map(len, text.splitlines())) < 100
    assert tomllib.loads(text) == {"jobs": {"a.b": {"env": env, "command": "x"}}}


def test_what_was_not_carried_over_ends_the_file() -> None:
    """The terminal that showed it is closed when somebody asks where the job has gone."""
    text = render(
        Import(findings=(Finding("crontab", 7, "@reboot names no time", "write a unit"),))
    )
    assert text == "# Not carried over:\n#\n# crontab:7: @reboot names no time; write a unit\n"
