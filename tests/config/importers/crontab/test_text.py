"""Lines of crontabs are told apart as cron tells them apart."""

import pytest

from jobd.config.importers.crontab.text import (
    AnacronEntry,
    Assignment,
    CrontabFile,
    Entry,
    Kind,
    lines_of,
)
from jobd.config.importers.imported import Finding


def read(text: str, kind: Kind = Kind.USER, user: str | None = None) -> list[object]:
    return list(lines_of(CrontabFile("crontab", text, kind, user)))


def only(text: str, kind: Kind = Kind.USER) -> object:
    (line,) = read(text, kind)
    return line


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("A=1", "A", "1"),
        ("A = plain  value  ", "A", "plain  value"),
        ('A = " kept "  ', "A", " kept "),
        ("A='q'", "A", "q"),
        ("A=", "A", ""),
        ('"A B"=1', "A B", "1"),
        ("A=x=y", "A", "x=y"),
        ("A=$HOME/bin # no comment", "A", "$HOME/bin # no comment"),
        ("  A=it's", "A", "it's"),
    ],
)
def test_an_assignment_has_one_pair_of_quotes_taken_off_and_nothing_expanded(
    text: str, name: str, value: str
) -> None:
    """As load_env of Vixie's cron does, and Debian's binary was seen to."""
    assert only(text) == Assignment(1, name, value)


@pytest.mark.parametrize("text", ["@daily A=1 x", "0 4 * * * A=1 x", "*/5 * * * * env A=1 x"])
def test_an_entry_whose_command_assigns_is_an_entry(text: str) -> None:
    assert isinstance(only(text), Entry)


def test_a_system_crontab_names_the_user_behind_the_time() -> None:
    line = only("17 *\t* * *\troot\tcd / && x", Kind.SYSTEM)
    assert isinstance(line, Entry)
    assert (line.when, line.user, line.command) == ("17 * * * *", "root", "cd / && x")


def test_a_user_s_crontab_has_the_user_it_belongs_to() -> None:
    (line,) = read("@daily x y", user="www-data")
    assert isinstance(line, Entry)
    assert (line.when, line.user, line.command) == ("@daily", "www-data", "x y")


def test_a_dash_before_the_time_is_no_part_of_it() -> None:
    """cronie does not log such a line; the time is what follows."""
    line = only("-*/15 * * * * x")
    assert isinstance(line, Entry)
    assert line.when == "*/15 * * * *"


@pytest.mark.parametrize("text", ["0 4 * * *", "@daily", "0 4 * * * root"])
def test_a_line_without_a_command_is_a_finding(text: str) -> None:
    line = only(text, Kind.SYSTEM)
    assert isinstance(line, Finding)
    assert line.what == "this line runs nothing"


def test_a_line_that_is_no_utf_8_is_a_finding() -> None:
    """A command with other bytes in it would be another command."""
    line = only("0 4 * * * touch /srv/\udce9t\udce9")
    assert isinstance(line, Finding)
    assert "no UTF-8" in line.what


def test_comments_and_empty_lines_say_nothing_and_are_counted() -> None:
    lines = read("# one\n\n  # two\n@daily x\n")
    assert [(type(line), getattr(line, "line", 0)) for line in lines] == [(Entry, 4)]


@pytest.mark.parametrize(
    ("text", "description"),
    [
        ("# Rotates logs\n@daily x", "Rotates logs"),
        ("# m h dom mon dow user\tcommand\n@daily x", ""),
        ("# a paragraph\n# of two lines\n@daily x", ""),
        ("# far above\n\n@daily x", ""),
        ("#0 4 * * * switched-off\n@daily x", ""),
        ("# ----------\n@daily x", ""),
        ("# " + "long " * 40 + "\n@daily x", ""),
    ],
)
def test_the_comment_above_an_entry_describes_it_if_it_is_one_sentence(
    text: str, description: str
) -> None:
    line = only(text)
    assert isinstance(line, Entry)
    assert line.description == description


def test_an_anacrontab_has_period_delay_and_name() -> None:
    line = only("@monthly\t15\tcron.monthly\trun-parts \\\n /etc/cron.monthly", Kind.ANACRON)
    assert isinstance(line, AnacronEntry)
    assert (line.period, line.delay_minutes, line.name) == ("@monthly", 15, "cron.monthly")
    assert line.command == "run-parts  /etc/cron.monthly"


@pytest.mark.parametrize("text", ["1 5 name", "x 5 name command", "1 5 a/b command"])
def test_what_is_no_line_of_an_anacrontab_is_a_finding(text: str) -> None:
    assert isinstance(only(text, Kind.ANACRON), Finding)
