"""Names of jobs, and how findings are told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.config.importers.imported import Finding, Names, stem_of
from jobd.config.names import job_name


@given(st.lists(st.text(max_size=120)))
def test_names_are_valid_and_given_once(wishes: list[str]) -> None:
    names = Names()
    given_out = [names.take(wish) for wish in wishes]
    assert [job_name(name) for name in given_out] == given_out
    assert len(set(given_out)) == len(given_out)


def test_a_name_that_is_taken_gets_a_number() -> None:
    names = Names()
    assert [names.take(wish) for wish in ("a", "a", "a-2", "a")] == ["a", "a-2", "a-2-2", "a-3"]


@pytest.mark.parametrize(
    ("program", "stem"),
    [("/opt/backup.sh", "backup"), ("certbot", "certbot"), ("/usr/bin/python3.11", "python3.11")],
)
def test_a_program_is_called_by_its_file(program: str, stem: str) -> None:
    assert stem_of(program) == stem


def test_a_finding_is_told_as_compilers_tell_it() -> None:
    assert str(Finding("crontab", 3, "this", "do that")) == "crontab:3: this; do that"
    assert str(Finding("crontab", None, "this", "")) == "crontab: this"
